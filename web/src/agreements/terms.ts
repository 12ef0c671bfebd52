import type { Schema } from "@/api/client";
import { spelled } from "@/lib/amounts";
import { span } from "@/lib/time";

export type Terms = Schema<"AgreementTerms">;

type T = (key: string, values?: Record<string, unknown>) => string;

export interface Line {
  key: string; // of its name, under terms
  name?: string; // where it is not one of ours
  value: string;
}

export interface Section {
  key: string;
  lines: Line[];
}

// readable tells terms in words, section by section: nothing of them is left out.
export function readable(x: Terms, t: T): Section[] {
  const yes = (v: boolean | undefined) => t(v ? "yes" : "no");
  const ms = (v: number) => (v < 1000 ? `${v} ms` : span(v));
  const money = (v: Terms["exposure"]) => spelled(v) || t("noLimit");
  const sections: Section[] = [
    {
      key: "periods",
      lines: [
        { key: "cycle", value: x.cycle },
        { key: "zone", value: x.zone },
        { key: "period_by", value: t(`words.${x.period_by}`) },
        { key: "grace_millis", value: ms(x.grace_millis) },
        { key: "past_periods", value: yes(x.past_periods) },
        { key: "longest_call_millis", value: ms(x.longest_call_millis) },
        { key: "granularity", value: x.granularity },
      ],
    },
    {
      key: "comparison",
      lines: [
        { key: "compare", value: t(`words.${x.compare}`) },
        { key: "start_tolerance_millis", value: ms(x.start_tolerance_millis) },
        { key: "seconds_tolerance", value: `${x.seconds_tolerance} s` },
        { key: "line_threshold", value: spelled(x.line_threshold) || t("zero") },
        { key: "open_threshold", value: spelled(x.open_threshold) || t("zero") },
        { key: "rule", value: x.rule.text },
        ...(x.normalisations ?? []).map((n) => ({ key: "normalisation", value: [n.carrier, n.trunk, n.kind, n.strip && `−${n.strip}`, n.add && `+${n.add}`, n.offset_millis && `${n.offset_millis} ms`].filter(Boolean).join(" ") })),
      ],
    },
    {
      key: "moneyPart",
      lines: [
        { key: "rounding", value: t("roundingText", { mode: x.rounding.mode, scope: x.rounding.scope, decimals: x.rounding.decimals }) },
        { key: "payment", value: (x.payment ?? []).map((p) => t("method", { name: p.name, days: p.due_days })).join("; ") },
        { key: "netting", value: yes(x.netting) },
        { key: "net_by_day", value: yes(x.net_by_day) },
        { key: "whole_payments", value: yes(x.whole_payments) },
        { key: "verified_payments", value: yes(x.verified_payments) },
        { key: "exposure", value: money(x.exposure) },
        { key: "unattested", value: money(x.unattested) },
        ...(x.credit ? [{ key: "credit", value: t("creditText", { currencies: (x.credit.currencies ?? []).join(", "), warn: x.credit.warn, beyond: x.credit.beyond, ceiling: money(x.credit.ceiling) }) }, { key: "creditRule", value: x.credit.allocation.text }] : []),
        ...(x.volume ?? []).map((v) => ({ key: "volume", value: [v.name, v.measure, v.reach, v.currency, v.direction, ...(v.destinations ?? [])].filter(Boolean).join(", ") + ": " + JSON.stringify(v.tiers ?? []).replace(/["{}[\]]/g, " ").trim() })),
        ...(x.commitments ?? []).map((c) => ({ key: "commitment", value: [c.name, c.currency, c.charges, c.seconds ? `${c.seconds} s` : "", c.rate, c.direction, ...(c.destinations ?? [])].filter(Boolean).join(", ") })),
      ],
    },
    {
      key: "notices",
      lines: x.rate_notice
        ? [
            { key: "increase", value: span(x.rate_notice.increase_millis) },
            { key: "decrease", value: span(x.rate_notice.decrease_millis) },
            { key: "short", value: t(`words.${x.rate_notice.short}`) },
          ]
        : [{ key: "rate_notice", value: t("noNotice") }],
    },
    { key: "deadlines", lines: (x.deadlines ?? []).map((d) => ({ key: `stage.${d.stage}`, value: t("deadline", { span: span(d.millis), outcome: t(`outcome.${d.outcome}`) }) })) },
    { key: "alone", lines: (x.alone ?? []).map((a) => ({ key: "command", name: a.command, value: spelled(a.limits) || t("noAmount") })) },
    {
      key: "records",
      lines: [
        { key: "retention_days", value: t("daysOf", { n: x.retention_days }) },
        { key: "destroy_old_keys", value: yes(x.destroy_old_keys) },
        { key: "deployment", value: x.deployment },
        { key: "integration", value: x.integration },
        ...(x.products?.length ? [{ key: "products", value: JSON.stringify(x.products).replace(/["{}[\]]/g, " ").replace(/\s+/g, " ").trim() }] : []),
      ],
    },
  ];
  return sections.filter((s) => s.lines.length > 0);
}

// changed names the lines of terms that are otherwise than in the terms before.
export function changed(before: Section[], after: Section[]): Set<string> {
  const id = (s: Section, l: Line) => `${s.key}/${l.key}/${l.name ?? ""}/${l.value}`;
  const old = new Set(before.flatMap((s) => s.lines.map((l) => id(s, l))));
  return new Set(after.flatMap((s) => s.lines.map((l) => id(s, l)).filter((x) => !old.has(x))));
}

export const lineId = (s: Section, l: Line) => `${s.key}/${l.key}/${l.name ?? ""}/${l.value}`;

// waitsFor says whose answer a proposal waits for.
export function waitsFor(a: Schema<"Agreement">, me: string): "us" | "them" | undefined {
  if (!a.pending) return undefined;
  return a.pending.proposed.by === me ? "them" : "us";
}

// edge gives the next first of a month, UTC: a sensible beginning of new terms.
export function edge(now: Date): string {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1)).toISOString().slice(0, 10);
}

// lastMonth gives the calendar month before, UTC.
export function lastMonth(now: Date): { from: string; to: string } {
  const day = (m: number) => new Date(Date.UTC(now.getUTCFullYear(), m, 1)).toISOString().slice(0, 10);
  return { from: day(now.getUTCMonth() - 1), to: day(now.getUTCMonth()) };
}
