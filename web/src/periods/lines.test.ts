import { expect, it } from "vitest";

import { days, groups, word } from "./lines";

const side = (calls: number, billed_seconds: number) => ({ calls, billed_seconds, raw_millis: 0, root: "" });

it("names how two sides compare", () => {
  expect(word({ seller: side(1, 60), buyer: side(1, 60), agrees: true })).toBe("exact");
  expect(word({ seller: side(1, 60), buyer: side(1, 61), agrees: true })).toBe("within");
  expect(word({ seller: side(1, 60), buyer: side(2, 61), agrees: false })).toBe("differs");
  expect(word({ seller: side(1, 60), agrees: false })).toBe("not-buyer");
  expect(word({ buyer: side(1, 60), agrees: false })).toBe("not-seller");
});

it("adds lines up by destination without losing a millionth", () => {
  const line = (destination: string, amount: string) => ({ rate: { destination, currency: "USD" } as never, calls: 1, billed_seconds: 2, amount });
  expect(groups([line("France", "0.100001"), line("Spain", "-9.5"), line("France", "0.200002")])).toEqual([
    { destination: "Spain", currency: "USD", calls: 1, billed: 2, amount: "-9.500000" },
    { destination: "France", currency: "USD", calls: 2, billed: 4, amount: "0.300003" },
  ]);
});

it("lists the days of a period, in UTC", () => {
  expect(days("2026-11-01T00:00:00Z/2026-11-04T00:00:00Z")).toEqual(["2026-11-01", "2026-11-02", "2026-11-03"]);
  expect(days("2026-11-01T23:00:00Z/2026-11-02T01:00:00Z")).toEqual(["2026-11-01", "2026-11-02"]);
  expect(days("2026-11-01T10:00:00Z/2026-11-01T10:00:15Z")).toEqual(["2026-11-01"]);
});
