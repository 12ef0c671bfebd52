import { expect, it } from "vitest";

import { termsOf, valuesOf } from "./form";
import type { Terms } from "./terms";

const terms = {
  cycle: "1h", zone: "UTC", period_by: "end", grace_millis: 2000, past_periods: false, start_tolerance_millis: 3000, seconds_tolerance: 0, longest_call_millis: 86_400_000,
  rounding: { mode: "half-up", scope: "line", decimals: 6 }, compare: "before-invoice", netting: false, payment: [{ name: "bank-transfer", due_days: 30 }, { name: "token", due_days: 1 }],
  deadlines: [{ stage: "advice", millis: 0, outcome: "overdue" }, { stage: "answer", millis: 86_400_000, outcome: "lapsed" }], rule: { text: `"manual"` }, granularity: "rate-version", deployment: "embedded",
  integration: "common-record", retention_days: 3650, destroy_old_keys: false, volume: [{ name: "v" }], exposure: [{ currency: "EUR", amount: "5000.000000" }],
  rate_notice: { increase_millis: 604_800_000, decrease_millis: 0, short: "later" },
} as unknown as Terms;

it("gives back the same terms when nothing was changed, with what the form does not show", () => {
  expect(JSON.parse(JSON.stringify(termsOf(valuesOf(terms), terms)))).toEqual({ ...terms, net_by_day: false, whole_payments: false, verified_payments: false });
});

it("puts in what was filled in, to the last coin", () => {
  const t = termsOf({ ...valuesOf(terms), exposure: "EUR 0.000001, USD 9", notice: false, due_days: 14 }, terms);
  expect(t.exposure).toEqual([
    { currency: "EUR", amount: "0.000001" },
    { currency: "USD", amount: "9.000000" },
  ]);
  expect(t.rate_notice).toBeUndefined();
  expect(t.payment?.map((p) => p.due_days)).toEqual([14, 1]);
});
