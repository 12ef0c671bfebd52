import type { Schema } from "@/api/client";
import { spelled } from "@/lib/amounts";
import { product } from "@/lib/names";
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
  name?: string; // where it is not one of ours
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
        ...(x.volume ?? []).map((v) => ({ key: "volume", name: t("volumeOf", { name: v.name }), value: volume(v, t) })),
        ...(x.commitments ?? []).map((c) => ({ key: "commitment", name: t("commitmentOf", { name: c.name }), value: commitment(c, t) })),
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
      ],
    },
  ];
  for (const p of x.products ?? []) sections.push({ key: "product", name: t("productOf", { line: product(`:spec:${p.line}:`), clause: p.clause }), lines: clause(p, t, ms) });
  return sections.filter((s) => s.lines.length > 0);
}

const short = (amount: string | undefined) => (amount ?? "").replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");

// basis says which lines terms about volume count.
function basis(b: Pick<Schema<"RatingVolume">, "direction" | "destinations" | "currency" | "window">, t: T): string {
  return [b.direction ? b.direction.replace(">", " → ") : t("bothWays"), b.destinations?.length ? b.destinations.join(", ") : t("everywhere"), t("window", { length: b.window.length, zone: b.window.zone ?? "UTC" })].join("; ");
}

function volume(v: Schema<"RatingVolume">, t: T): string {
  const tiers = (v.tiers ?? []).map((x) => t("tier", { percent: short(x.percent), from: x.seconds ? `${x.seconds} s` : `${short(x.charges) || "0"} ${v.currency}` }));
  return `${tiers.join("; ")}. ${t(`reach.${v.reach}`)}. ${basis(v, t)}`;
}

function commitment(c: Schema<"RatingCommitment">, t: T): string {
  const least = c.seconds ? t("leastSeconds", { seconds: c.seconds, rate: short(c.rate), currency: c.currency, unit: c.unit_seconds }) : t("leastCharges", { amount: short(c.charges), currency: c.currency });
  return `${least}. ${basis(c, t)}`;
}

// clause tells the terms for one kind of product.
function clause(p: Schema<"AgreementProductTerms">, t: T, ms: (v: number) => string): Line[] {
  const list = (of: string[] | null | undefined, none: string) => (of?.length ? of.join(", ") : t(none));
  return [
    ...(p.types?.length ? [{ key: "types", value: p.types.map(product).join(", ") }] : []),
    { key: "price_kinds", value: list(p.price_kinds, "anyKind") },
    { key: "currencies", value: list(p.currencies, "anyCurrency") },
    ...(p.ceilings ?? []).map((c) => ({ key: "ceiling", value: t("ceilingText", { kind: c.kind, rate: short(c.rate), currency: c.currency, unit: c.unit, period: c.period?.length ? `/ ${c.period.length}` : "" }).trim() })),
    ...(p.most_pieces ? [{ key: "most_pieces", value: String(p.most_pieces) }] : []),
    { key: "months", value: p.most_months ? t("months", { least: p.least_months ?? 0, most: p.most_months }) : t("monthsLeast", { least: p.least_months ?? 0 }) },
    { key: "most_early", value: `${short(((p.most_early ?? 0) / 10_000).toFixed(4))} %` },
    ...(p.notice_millis ? [{ key: "notice", value: ms(p.notice_millis) }] : []),
    { key: "delivery", value: ms(p.delivery_millis) },
    { key: "test", value: t(p.test ? "testFirst" : "noTest", { span: ms(p.objection_millis) }) },
    { key: "measured", value: t("measuredBy", { granularity: p.granularity, span: ms(p.statement_millis) }) },
    { key: "tolerance", value: p.tolerance.text },
    ...(p.schedules?.length ? [{ key: "schedules", value: p.schedules.map((s) => `${s.name} (${product(s.type)})`).join(", ") }] : []),
  ];
}

// changed names the lines of terms that are otherwise than in the terms before.
export function changed(before: Section[], after: Section[]): Set<string> {
  const id = (s: Section, l: Line) => `${s.key}/${s.name ?? ""}/${l.key}/${l.name ?? ""}/${l.value}`;
  const old = new Set(before.flatMap((s) => s.lines.map((l) => id(s, l))));
  return new Set(after.flatMap((s) => s.lines.map((l) => id(s, l)).filter((x) => !old.has(x))));
}

export const lineId = (s: Section, l: Line) => `${s.key}/${s.name ?? ""}/${l.key}/${l.name ?? ""}/${l.value}`;

// endless says that a time is the oldest that there is: what holds from it always did.
export const endless = (at: string) => Date.parse(at) === 0;

// freeId gives the first of MSA-1, MSA-2 and so on that no agreement has.
export function freeId(taken: string[]): string {
  for (let n = 1; ; n++) if (!taken.includes(`MSA-${n}`)) return `MSA-${n}`;
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
