import type { Schema } from "@/api/client";
import { micro } from "@/lib/money";

type Offer = Schema<"Offer">;

export type Row = "once" | "each" | "hour" | "latency" | "availability";

// bests gives for each figure the quotes that nothing of the same currency beats. Where all
// are alike none stands out.
export function bests(offers: Offer[]): Record<Row, Set<string>> {
  const lowest = (of: (o: Offer) => bigint | undefined) => {
    const figures = offers.map(of);
    const known = figures.filter((f): f is bigint => f !== undefined);
    if (known.length < 2 || known.every((f) => f === known[0])) return new Set<string>();
    const least = known.reduce((a, b) => (b < a ? b : a));
    return new Set(offers.filter((_, i) => figures[i] === least).map((o) => o.quote));
  };
  const currency = offers[0]?.each.currency;
  const money = (m: Schema<"MoneyAmount"> | undefined) => (m && m.currency === currency ? micro(m.amount) : undefined);
  return {
    once: lowest((o) => money(o.once)),
    each: lowest((o) => money(o.each)),
    hour: lowest((o) => money(o.hour)),
    latency: lowest((o) => BigInt(o.latency)),
    availability: lowest((o) => -BigInt(o.availability)),
  };
}
