// A Pacer does something again and again as often as it is asked to, but no more often
// than the node and the browser bear: many calls together are one, it never runs twice at
// once, and the longer it takes the longer the pause after it.
export interface Pacer {
  ask: () => void;
  stop: () => void;
}

// share is which part of the time it may run.
const share = 1 / 4;
const longest = 15_000;

// pacer makes one that runs at most once in so many milliseconds.
export function pacer(run: () => Promise<unknown>, least: number): Pacer {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running = false;
  let asked = false;
  let stopped = false;
  let pause = least;
  const start = async () => {
    timer = undefined;
    running = true;
    asked = false;
    const begun = performance.now();
    try {
      // What never answers does not hold up the others for good.
      await Promise.race([run(), new Promise((r) => setTimeout(r, longest))]);
    } catch {
      // Who shows the data says what went wrong with it.
    }
    const took = performance.now() - begun;
    pause = Math.min(longest, Math.max(least, took / share - took));
    running = false;
    if (asked) ask();
  };
  const ask = () => {
    asked = true;
    if (stopped || running || timer !== undefined) return;
    timer = setTimeout(() => void start(), pause);
  };
  return {
    ask,
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
