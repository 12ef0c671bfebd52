import type { Row } from "./mapping";
import { nano, rate } from "./rates";
import type { Kind } from "./search";

// Change is what a new sheet makes of one code.
export interface Change {
  kind: Kind;
  prefix: string;
  origin: string;
  destination: string;
  currency: string;
  unit: number;
  before?: Row;
  after?: Row;
}

// Most rows of a sheet begin at the same few moments.
const parsed = new Map<string, number>();
const ms = (text: string) => {
  let v = parsed.get(text);
  if (v === undefined) {
    if (parsed.size > 10_000) parsed.clear();
    parsed.set(text, (v = Date.parse(text)));
  }
  return v;
};

const key = (r: Row) => `${r.prefix}/${r.origin_prefix}/${r.band}`;

// inForce gives of each code the row that prices calls at a moment (RFC 3339 in UTC); of a
// code whose rows all begin later, with later, the first of them.
export function inForce(rows: Row[], at: string, later = false): Map<string, Row> {
  const moment = ms(at);
  const out = new Map<string, Row>();
  for (const r of rows) {
    const from = ms(r.valid_from);
    if (r.valid_to && ms(r.valid_to) <= moment) continue;
    const k = key(r);
    const was = out.get(k);
    if (from > moment) {
      if (later && (!was || (ms(was.valid_from) > moment && ms(was.valid_from) > from))) out.set(k, r);
      continue;
    }
    if (!was || ms(was.valid_from) > moment || ms(was.valid_from) <= from) out.set(k, r);
  }
  return out;
}

const same = (a: Row, b: Row) =>
  a.unit_seconds === b.unit_seconds && a.minimum_seconds === b.minimum_seconds && a.increment_seconds === b.increment_seconds && (nano(a.connect_fee || "0") ?? 0n) === (nano(b.connect_fee || "0") ?? 0n) && a.blocked === b.blocked;

// kindOf says how a price changes: by what a second costs where all else stays; a change
// of currency or of steps can go either way.
function kindOf(before: Row, after: Row): Kind {
  if (after.blocked !== before.blocked) return "mixed";
  if (before.currency !== after.currency) return "mixed";
  const was = (nano(before.rate) ?? 0n) * BigInt(after.unit_seconds || 1);
  const is = (nano(after.rate) ?? 0n) * BigInt(before.unit_seconds || 1);
  const steady = same(before, { ...after, unit_seconds: before.unit_seconds });
  if (!steady) return "mixed";
  return is > was ? "up" : is < was ? "down" : "unchanged";
}

// diff compares a new sheet with what is in force when it begins, code by code.
export function diff(before: Row[], after: Row[], at: string): Change[] {
  const old = inForce(before, at);
  const next = inForce(after, at, true);
  const out: Change[] = [];
  for (const [k, a] of next) {
    const b = old.get(k);
    out.push({ kind: b ? kindOf(b, a) : "new", prefix: a.prefix, origin: a.origin_prefix, destination: a.destination, currency: a.currency, unit: a.unit_seconds, before: b, after: a });
  }
  for (const [k, b] of old) {
    if (!next.has(k)) out.push({ kind: "removed", prefix: b.prefix, origin: b.origin_prefix, destination: b.destination, currency: b.currency, unit: b.unit_seconds, before: b });
  }
  return out.sort((x, y) => (x.destination === y.destination ? (x.prefix < y.prefix ? -1 : x.prefix > y.prefix ? 1 : 0) : x.destination < y.destination ? -1 : 1));
}

export function counts(changes: Change[]): Record<Kind, number> {
  const out: Record<Kind, number> = { new: 0, up: 0, down: 0, mixed: 0, removed: 0, unchanged: 0 };
  for (const c of changes) out[c.kind]++;
  return out;
}

// first gives when the first row of a sheet begins.
export function first(rows: Row[]): string {
  let out = "";
  for (const r of rows) if (!out || ms(r.valid_from) < ms(out)) out = r.valid_from;
  return out;
}

export interface Margin {
  destination: string;
  prefix: string;
  pays: Row; // what we pay
  charges: Row; // what we charge
  currency: string;
  margin?: string; // for 60 seconds, nine places; absent where the currencies differ
}

// margins compares what we pay for each code with what we charge for it: by the longest
// code of ours that covers it.
export function margins(pay: Row[], charge: Row[], at: string): Margin[] {
  const ours = new Map<string, Row>();
  for (const r of inForce(charge, at).values()) if (!r.origin_prefix && !r.band && !r.blocked) ours.set(r.prefix, r);
  const out: Margin[] = [];
  for (const p of inForce(pay, at).values()) {
    if (p.origin_prefix || p.band || p.blocked) continue;
    let c: Row | undefined;
    for (let n = p.prefix.length; n > 0 && !c; n--) c = ours.get(p.prefix.slice(0, n));
    if (!c) continue;
    out.push({ destination: p.destination, prefix: p.prefix, pays: p, charges: c, currency: c.currency, margin: p.currency === c.currency ? rate(perMinute(c) - perMinute(p)) : undefined });
  }
  return out.sort((x, y) => (x.destination === y.destination ? (x.prefix < y.prefix ? -1 : 1) : x.destination < y.destination ? -1 : 1));
}

// perMinute gives what 60 seconds cost, in billionths, the part of a billionth left out.
export function perMinute(r: Row): bigint {
  return ((nano(r.rate) ?? 0n) * 60n) / BigInt(r.unit_seconds || 1);
}
