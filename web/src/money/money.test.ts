import { expect, it } from "vitest";

import { totals } from "./ageing";
import { dayEnd, dayStart, later, positive } from "./amount";
import { counts, waiting } from "./bankfile";
import { days, onTime, owed, widths } from "./credit";
import { flatRows, hereRows } from "./rows";
import { searchOf } from "./search";

const parts = { billed: "60", measured: "20", accrued: "0", ordered: "0", expected: "0", deposits: "10", set_off: "0" };

it("draws an exposure against what is allowed, deposits included", () => {
  const w = widths(parts, "90");
  expect(w.part).toMatchObject({ billed: 60, measured: 20, accrued: 0 });
  expect(w.covered).toBe(10);
  expect(w.limit).toBe(100);
  expect(owed(parts)).toBe("80.000000");
});

it("makes the bar longer than the allocation where that is exceeded", () => {
  const w = widths({ ...parts, billed: "180", deposits: "0" }, "100");
  expect(w.limit).toBe(50);
  expect(w.part.billed + w.part.measured).toBe(100);
});

it("draws nothing of nothing", () => {
  const none = { billed: "0", measured: "0", accrued: "0", ordered: "0", expected: "0", deposits: "0", set_off: "0" };
  expect(widths(none, "0")).toMatchObject({ covered: 0, limit: 0 });
});

it("counts what was paid on time, and how long it took", () => {
  const history = [
    { invoice: "1", issued: "2026-11-01T00:00:00Z", due: "2026-12-01T00:00:00Z", received: "2026-11-13T05:00:00Z", late: false },
    { invoice: "2", issued: "2026-11-01T00:00:00Z", due: "2026-11-02T00:00:00Z", late: true },
  ];
  expect(onTime(history)).toBe(1);
  expect(history.map(days)).toEqual([12, undefined]);
});

it("sums ageing by currency and by who owes, to the last millionth", () => {
  const zero = { carried: "0", days_1_30: "0", days_31_60: "0", days_61_90: "0", over_90: "0", disputed: "0" };
  const rows = totals(
    [
      { ...zero, partner: "B", payer: "A", currency: "USD", not_due: "0.1", total: "0.1" },
      { ...zero, partner: "C", payer: "A", currency: "USD", not_due: "0.2", total: "0.2" },
      { ...zero, partner: "C", payer: "C", currency: "USD", not_due: "5", total: "5" },
    ],
    "A",
  );
  expect(rows.map((r) => [r.ours, r.of.total])).toEqual([
    [true, "5.000000"],
    [false, "0.300000"],
  ]);
});

it("loses no line of a bank's file", () => {
  const lines = [{ outcome: "whole" }, { outcome: "part", exception: "X1" }, { outcome: "whole" }];
  expect(counts(lines)).toEqual([
    { outcome: "whole", count: 2 },
    { outcome: "part", count: 1 },
  ]);
  expect(counts(lines).reduce((n, c) => n + c.count, 0)).toBe(lines.length);
  expect(waiting(lines)).toBe(1);
});

it("takes only amounts above zero", () => {
  expect(["1", "0.000001", " 5 "].every(positive)).toBe(true);
  for (const bad of ["", "0", "-1", "1,5", "1e3", "0.0000001"]) expect(positive(bad), bad).toBe(false);
});

it("reads days as those of UTC, the last one whole", () => {
  expect([dayStart("2026-11-30"), dayEnd("2026-11-30")]).toEqual(["2026-11-30T00:00:00Z", "2026-12-01T00:00:00.000Z"]);
  expect([dayStart("today"), dayEnd(undefined)]).toEqual([undefined, undefined]);
  expect(later(1.5, 0)).toBe("1970-01-01T01:30:00.000Z");
});

it("takes from an address what it knows, as text of a bounded length", () => {
  expect(searchOf({ partner: "BRAVO", evil: "x", tab: 5, state: "", id: "y".repeat(500), from: { a: 1 } })).toEqual({ partner: "BRAVO", tab: "5", id: "y".repeat(200) });
});

it("makes several rows of one, also of those not loaded yet", async () => {
  const flat = flatRows(hereRows([[1, 2], [3]]), (x) => x);
  expect(flat.rows).toEqual([1, 2, 3]);
  expect(await flat.all(() => {})).toEqual([1, 2, 3]);
});
