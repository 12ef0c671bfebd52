import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { pacer } from "./pace";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const takes = (ms: number) => vi.fn(() => new Promise<void>((r) => setTimeout(r, ms)));

it("makes one run of many calls", async () => {
  const run = takes(10);
  const p = pacer(run, 700);
  for (let i = 0; i < 50; i++) p.ask();
  await vi.advanceTimersByTimeAsync(699);
  expect(run).toHaveBeenCalledTimes(0);
  await vi.advanceTimersByTimeAsync(5000);
  expect(run).toHaveBeenCalledTimes(1);
});

it("runs again for what happened while it ran, and never twice at once", async () => {
  const run = takes(1000);
  const p = pacer(run, 700);
  p.ask();
  await vi.advanceTimersByTimeAsync(1000);
  p.ask();
  expect(run).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(700 + 2999); // it took 1 s: 3 s of pause
  expect(run).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(run).toHaveBeenCalledTimes(2);
});

it("goes on after a run that failed, and not after it was stopped", async () => {
  const run = vi.fn(() => Promise.reject(new Error("away")));
  const p = pacer(run, 700);
  p.ask();
  await vi.advanceTimersByTimeAsync(800);
  p.ask();
  await vi.advanceTimersByTimeAsync(800);
  expect(run).toHaveBeenCalledTimes(2);
  p.ask();
  p.stop();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(run).toHaveBeenCalledTimes(2);
});

it("goes on where a run never ends", async () => {
  const run = vi.fn(() => new Promise<void>(() => {}));
  const p = pacer(run, 700);
  p.ask();
  await vi.advanceTimersByTimeAsync(1000);
  p.ask();
  await vi.advanceTimersByTimeAsync(40_000);
  expect(run).toHaveBeenCalledTimes(2);
});
