import type { Schema } from "@/api/client";

// Wish is what is searched for, as it stands in the URL.
export interface Wish {
  a?: string;
  z?: string;
  a_neighbour?: string; // the end is an interconnection with it
  z_neighbour?: string;
  type?: string;
  bandwidth?: number; // bit/s
  latency?: number; // microseconds
  availability?: number; // millionths
  ceiling?: string; // EUR:500
  from?: string;
  to?: string;
  compare?: string; // keys of matches, joined by commas
}

// Terms is what an inquiry may name besides.
export interface Terms extends Wish {
  text?: string; // the sentence
  months?: number;
  hours?: number;
  period?: string;
  currency?: string;
  rule?: string;
}

const text = (v: unknown) => (typeof v === "string" && v ? v : typeof v === "number" ? String(v) : undefined);
const whole = (v: unknown) => (v !== "" && v !== undefined && v !== null && Number.isInteger(Number(v)) && Number(v) >= 0 ? Number(v) : undefined);

export function readWish(s: Record<string, unknown>): Wish {
  return {
    a: text(s.a),
    z: text(s.z),
    a_neighbour: text(s.a_neighbour),
    z_neighbour: text(s.z_neighbour),
    type: text(s.type),
    bandwidth: whole(s.bandwidth),
    latency: whole(s.latency),
    availability: whole(s.availability),
    ceiling: text(s.ceiling),
    from: text(s.from),
    to: text(s.to),
    compare: text(s.compare),
  };
}

export function readTerms(s: Record<string, unknown>): Terms {
  return { ...readWish(s), a_neighbour: undefined, z_neighbour: undefined, compare: undefined, text: text(s.text), months: whole(s.months), hours: whole(s.hours), period: text(s.period), currency: text(s.currency), rule: text(s.rule) };
}

// usual is the product that connects two places: what a sentence means that names none.
export const usual = "urn:lateral:spec:e-line:v1.0.0:all";

// ofIntent gives what a sentence was understood as.
export function ofIntent({ inquiry: q }: Schema<"Intent">): Terms {
  return {
    a: q.a.place,
    z: q.z?.place,
    type: q.type || usual,
    bandwidth: q.bandwidth || undefined,
    latency: q.latency || undefined,
    availability: q.availability || undefined,
    ceiling: q.ceiling && `${q.ceiling.currency}:${q.ceiling.amount}`,
    from: q.from,
    to: q.to,
  };
}

// ceiling splits EUR:500; undefined where it is not of that form.
export function ceiling(t: string | undefined): Schema<"MoneyAmount"> | undefined {
  const m = /^([A-Za-z]{3,8}):(\d{1,13}(?:\.\d{1,6})?)$/.exec(t ?? "");
  return m ? { currency: m[1]!, amount: m[2]! } : undefined;
}

// inquire makes an inquiry of it; undefined while something that it needs is missing.
export function inquire(t: Terms): Schema<"Inquire"> | undefined {
  if (!t.a || !t.z || !t.type || !t.bandwidth) return undefined;
  return {
    a: t.a,
    z: t.z,
    type: t.type,
    bandwidth: t.bandwidth,
    latency: t.latency,
    availability: t.availability,
    ceiling: ceiling(t.ceiling),
    from: t.from,
    to: t.to,
    months: t.months || undefined,
    hours: t.hours || undefined,
    period: t.period,
    currency: t.currency,
    rule: t.rule,
  };
}

// matchKey tells matches apart: one offering can answer by several legs.
export function matchKey(m: Schema<"CatalogMatch">): string {
  const { answer: x } = m;
  return [x.offering, x.a.place, x.a.neighbour, x.z?.place, x.z?.neighbour, m.interface].map((p) => p ?? "").join("~");
}
