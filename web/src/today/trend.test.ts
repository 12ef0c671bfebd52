import { expect, it } from "vitest";

import { asRange, calls, money } from "./trend";

const trend = {
  from: "2026-11-02T00:00:00Z",
  to: "2026-11-02T01:00:00Z",
  points: [
    { at: "2026-11-02T00:00:00Z", calls_in: 3, calls_out: 1, money: [{ currency: "USD", in: "1.000001", out: "0.100000" }] },
    { at: "2026-11-02T00:10:00Z", calls_in: 0, calls_out: 4, money: [{ currency: "EUR", in: "0.500000", out: "0.000000" }, { currency: "USD", in: "-0.000001", out: "9.000000" }] },
  ],
};

it("adds calls up by direction", () => {
  expect(calls(trend)).toMatchObject({ into: 3, out: 5 });
});

it("adds money up exactly, by currency, and draws the one that moves most", () => {
  const m = money(trend);
  expect(m.currency).toBe("USD");
  expect(m.sums).toEqual([
    { currency: "USD", in: "1.000000", out: "9.100000" },
    { currency: "EUR", in: "0.500000", out: "0.000000" },
  ]);
  expect(money(trend, "EUR").rows).toEqual([
    { at: "2026-11-02T00:00:00Z", in: 0, out: 0 },
    { at: "2026-11-02T00:10:00Z", in: 0.5, out: 0 },
  ]);
  expect(money(trend, "XXX").currency).toBe("USD");
  expect(money({ ...trend, points: [] })).toEqual({ currency: undefined, rows: [], sums: [] });
});

it("takes only ranges that there are from an address", () => {
  expect(asRange("1d")).toBe("1d");
  expect(asRange("toString")).toBe("1h");
  expect(asRange(undefined)).toBe("1h");
});
