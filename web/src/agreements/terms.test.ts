import { expect, it } from "vitest";

import { changed, edge, endless, freeId, lastMonth, lineId, readable, type Terms } from "./terms";

const terms = {
  cycle: "1h", zone: "UTC", period_by: "end", grace_millis: 2000, past_periods: false, start_tolerance_millis: 3000, seconds_tolerance: 0, longest_call_millis: 86_400_000,
  rounding: { mode: "half-up", scope: "line", decimals: 6 }, compare: "before-invoice", netting: false, payment: [{ name: "bank-transfer", due_days: 30 }],
  deadlines: [{ stage: "answer", millis: 86_400_000, outcome: "lapsed" }], rule: { text: `"manual"` }, granularity: "rate-version", deployment: "embedded", integration: "common-record", retention_days: 3650, destroy_old_keys: false,
} as Terms;
const t = (key: string, v?: Record<string, unknown>) => (v ? `${key} ${Object.values(v).join(" ")}` : key);

it("tells terms in words, and which of them a proposal changes", () => {
  const before = readable(terms, t);
  const after = readable({ ...terms, cycle: "1d", exposure: [{ currency: "EUR", amount: "5000.000000" }] }, t);
  expect(before.flatMap((s) => s.lines).find((l) => l.key === "cycle")?.value).toBe("1h");
  expect(before.flatMap((s) => s.lines).find((l) => l.key === "stage.answer")?.value).toContain("1 d");
  const c = changed(before, after);
  expect(after.flatMap((s) => s.lines.filter((l) => c.has(lineId(s, l))).map((l) => l.key))).toEqual(["cycle", "exposure"]);
  expect(changed(before, before).size).toBe(0);
});

it("tells volume, commitments and products in words, not in the names of the API", () => {
  const sections = readable(
    {
      ...terms,
      volume: [{ name: "V1", direction: "ALPHA>BRAVO", destinations: ["France"], currency: "USD", window: { length: "1mo" }, measure: "seconds", reach: "whole", tiers: [{ seconds: 60_000, percent: "2.5000" }] }],
      commitments: [{ name: "C1", currency: "USD", window: { length: "3mo", zone: "UTC" }, charges: "5000.000000" }],
      products: [{ clause: "annex-b.1", line: "e-line", delivery_millis: 432_000_000, objection_millis: 86_400_000, granularity: "1h", statement_millis: 86_400_000, most_early: 250_000, test: true, tolerance: { text: `"lower"` }, ceilings: [{ kind: "recurring", currency: "USD", rate: "900.000000000", unit: 1, period: { length: "1mo" } }] }],
    } as Terms,
    t,
  );
  const line = (key: string) => sections.flatMap((s) => s.lines).find((l) => l.key === key)?.value ?? "";
  expect(line("volume")).toBe("tier 2.5 60000 s. reach.whole. ALPHA → BRAVO; France; window 1mo UTC");
  expect(line("commitment")).toBe("leastCharges 5000 USD. bothWays; everywhere; window 3mo UTC");
  const product = sections.find((s) => s.key === "product");
  expect(product?.name).toBe("productOf e-line annex-b.1");
  expect(product?.lines.find((l) => l.key === "most_early")?.value).toBe("25 %");
  expect(product?.lines.find((l) => l.key === "ceiling")?.value).toContain("900 USD 1 / 1mo");
  expect(JSON.stringify(sections)).not.toMatch(/undefined|\{\}/);
});

it("knows what always held", () => {
  expect(endless("1970-01-01T00:00:00Z")).toBe(true);
  expect(endless("1970-01-01T00:00:00.001Z")).toBe(false);
});

it("finds an id that is free", () => {
  expect(freeId([])).toBe("MSA-1");
  expect(freeId(["MSA-2", "MSA-1", "X"])).toBe("MSA-3");
});

it("counts months over the end of a year", () => {
  expect(edge(new Date("2026-12-31T23:59:59Z"))).toBe("2027-01-01");
  expect(lastMonth(new Date("2027-01-15T00:00:00Z"))).toEqual({ from: "2026-12-01", to: "2027-01-01" });
});
