import { expect, it } from "vitest";

import { bars, closes } from "./bars";

const step = (cause: string, amount: string) => ({ cause, amount, calls: 1, disputes: [{ id: "x", amount, calls: 1 }] }) as never;

it("steps from the claim down to the expectation", () => {
  const w = { claimed: "10", expected: "7", steps: [step("only-seller", "-4"), step("only-buyer", "1")] };
  const { bars: all, cut } = bars(w);
  expect(cut).toBe(false);
  expect(all.map((b) => [b.cause, b.from, b.to])).toEqual([
    ["claimed", 0, 1],
    ["only-seller", 1, 0.6],
    ["only-buyer", 0.6, 0.7],
    ["expected", 0, 0.7],
  ]);
  expect(closes(w)).toBe(true);
  expect(closes({ ...w, expected: "7.000001" })).toBe(false);
});

it("shows small steps of a large invoice, and says that the scale is cut", () => {
  const { bars: all, cut } = bars({ claimed: "1000000.000000", expected: "999999.000000", steps: [step("duration", "-1")] });
  expect(cut).toBe(true);
  expect(Math.abs(all[1]!.from - all[1]!.to)).toBe(0.5);
});

it("holds amounts below zero", () => {
  const { bars: all } = bars({ claimed: "-5", expected: "-10", steps: [step("other", "-5")] });
  expect(all.every((b) => b.from >= 0 && b.to >= 0 && b.from <= 1 && b.to <= 1)).toBe(true);
});

it("stands where nothing differs", () => {
  expect(bars({ claimed: "0", expected: "0", steps: [] }).bars).toHaveLength(2);
});
