import { useSyncExternalStore } from "react";

// Reach is whether the node answers. When it does not, it is asked again by itself, in
// growing pauses; pages keep what they show.
export interface Reach {
  state: "there" | "slow" | "away";
  since: string; // in this state
  next?: number; // when it is asked again, ms since 1970
}

const longest = 30_000;
const patience = 4_000; // how long an answer may take until a page says so

let reach: Reach = { state: "there", since: new Date().toISOString() };
const watchers = new Set<() => void>();
const backs = new Set<() => void>();
const late = new Set<object>();
let tries = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
let asking = false;

function become(next: Omit<Reach, "since">) {
  reach = { ...next, since: next.state === reach.state ? reach.since : new Date().toISOString() };
  for (const w of watchers) w();
}

export function useReach(): Reach {
  return useSyncExternalStore(
    (w) => {
      watchers.add(w);
      return () => void watchers.delete(w);
    },
    () => reach,
  );
}

// onBack calls f each time when the node answers again.
export function onBack(f: () => void): () => void {
  backs.add(f);
  return () => void backs.delete(f);
}

// pauseOf is how long to wait before another try, in ms: 1 s, 2 s, 4 s and so on.
export const pauseOf = (tried: number) => Math.min(1000 * 2 ** tried, longest);

// unanswered is told that a request got no answer, or one of somebody before the node. One
// failure is not yet an absence: the node is asked at once how it is.
export function unanswered() {
  if (reach.state !== "away" && !asking) void probe();
}

// answered is told that the node has answered something.
export function answered() {
  if (reach.state !== "away" || asking) return;
  void probe();
}

// probe asks the node whether it is there.
export async function probe(): Promise<void> {
  if (asking) return;
  asking = true;
  clearTimeout(timer);
  let there = false;
  try {
    const answer = await fetch("/health", { cache: "no-store", signal: AbortSignal.timeout(10_000) });
    there = answer.ok;
    await answer.text();
  } catch {
    there = false;
  }
  asking = false;
  if (there) {
    const was = reach.state;
    tries = 0;
    become({ state: late.size ? "slow" : "there" });
    if (was === "away") for (const b of backs) b();
    return;
  }
  const pause = pauseOf(tries++);
  become({ state: "away", next: Date.now() + pause });
  timer = setTimeout(() => void probe(), pause);
}

// waited marks a request that takes long, until what it gives back is called.
export function waited(): () => void {
  const mark = {};
  const slow = setTimeout(() => {
    late.add(mark);
    if (reach.state === "there") become({ state: "slow" });
  }, patience);
  return () => {
    clearTimeout(slow);
    if (late.delete(mark) && !late.size && reach.state === "slow") become({ state: "there" });
  };
}
