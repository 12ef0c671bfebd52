import type { Schema } from "@/api/client";
import { sum } from "@/lib/money";

type Aged = Schema<"Aged">;

export const buckets = ["not_due", "days_1_30", "days_31_60", "days_61_90", "over_90"] as const;
export type Bucket = (typeof buckets)[number];

// totals sums what is owed to us and what we owe, for each currency.
export function totals(all: Aged[], own: string): { currency: string; ours: boolean; of: Record<Bucket | "disputed" | "total", string> }[] {
  const groups = new Map<string, Aged[]>();
  for (const a of all) {
    const key = `${a.currency} ${a.payer === own ? "we" : "they"}`;
    groups.set(key, [...(groups.get(key) ?? []), a]);
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, of]) => {
      const out = {} as Record<Bucket | "disputed" | "total", string>;
      for (const b of [...buckets, "disputed", "total"] as const) out[b] = sum(of.map((a) => a[b]));
      return { currency: of[0]!.currency, ours: key.endsWith(" they"), of: out };
    });
}
