import { amounts, spelled } from "@/lib/amounts";

import type { Terms } from "./terms";

// Values is what the form holds of terms; what it does not show stays as it is in base.
export interface Values {
  cycle: string;
  zone: string;
  period_by: string;
  compare: string;
  past_periods: boolean;
  grace_seconds: number;
  start_tolerance_millis: number;
  seconds_tolerance: number;
  line_threshold: string;
  open_threshold: string;
  exposure: string;
  unattested: string;
  method: string;
  due_days: number;
  netting: boolean;
  net_by_day: boolean;
  whole_payments: boolean;
  verified_payments: boolean;
  notice: boolean;
  increase_days: number;
  decrease_days: number;
  short: string;
  retention_days: number;
  destroy_old_keys: boolean;
  rule: string;
  deadlines: { stage: string; hours: number; outcome: string }[];
}

const hour = 3_600_000;
const day = 24 * hour;

export function valuesOf(x: Terms): Values {
  return {
    cycle: x.cycle,
    zone: x.zone,
    period_by: x.period_by,
    compare: x.compare,
    past_periods: x.past_periods,
    grace_seconds: x.grace_millis / 1000,
    start_tolerance_millis: x.start_tolerance_millis,
    seconds_tolerance: x.seconds_tolerance,
    line_threshold: spelled(x.line_threshold),
    open_threshold: spelled(x.open_threshold),
    exposure: spelled(x.exposure),
    unattested: spelled(x.unattested),
    method: x.payment?.[0]?.name ?? "",
    due_days: x.payment?.[0]?.due_days ?? 0,
    netting: x.netting,
    net_by_day: x.net_by_day ?? false,
    whole_payments: x.whole_payments ?? false,
    verified_payments: x.verified_payments ?? false,
    notice: Boolean(x.rate_notice),
    increase_days: (x.rate_notice?.increase_millis ?? 7 * day) / day,
    decrease_days: (x.rate_notice?.decrease_millis ?? 0) / day,
    short: x.rate_notice?.short ?? "refuse",
    retention_days: x.retention_days,
    destroy_old_keys: x.destroy_old_keys,
    rule: x.rule.text,
    deadlines: (x.deadlines ?? []).map((d) => ({ stage: d.stage, hours: d.millis / hour, outcome: d.outcome })),
  };
}

// termsOf puts what was filled in into the terms that the form began with.
export function termsOf(v: Values, base: Terms): Terms {
  const list = (text: string) => {
    const a = amounts(text);
    return a?.length ? a : undefined;
  };
  return {
    ...base,
    cycle: v.cycle,
    zone: v.zone,
    period_by: v.period_by,
    compare: v.compare,
    past_periods: v.past_periods,
    grace_millis: Math.round(v.grace_seconds * 1000),
    start_tolerance_millis: v.start_tolerance_millis,
    seconds_tolerance: v.seconds_tolerance,
    line_threshold: list(v.line_threshold),
    open_threshold: list(v.open_threshold),
    exposure: list(v.exposure),
    unattested: list(v.unattested),
    payment: [{ name: v.method, due_days: v.due_days }, ...(base.payment ?? []).slice(1)],
    netting: v.netting,
    net_by_day: v.net_by_day,
    whole_payments: v.whole_payments,
    verified_payments: v.verified_payments,
    rate_notice: v.notice ? { increase_millis: Math.round(v.increase_days * day), decrease_millis: Math.round(v.decrease_days * day), short: v.short } : undefined,
    retention_days: v.retention_days,
    destroy_old_keys: v.destroy_old_keys,
    rule: { text: v.rule },
    deadlines: v.deadlines.map((d) => ({ stage: d.stage, millis: Math.round(d.hours * hour), outcome: d.outcome })),
  };
}
