import { decimal, micro } from "@/lib/money";
import type { Schema } from "@/api/client";

type Trend = Schema<"Trend">;

// Ranges of the plots, as they stand in the address, in milliseconds.
export const ranges = { "15m": 900_000, "1h": 3_600_000, "1d": 86_400_000, "30d": 2_592_000_000, "1y": 31_536_000_000 } as const;
export type Range = keyof typeof ranges;

export function asRange(v: unknown): Range {
  return typeof v === "string" && Object.hasOwn(ranges, v) ? (v as Range) : "1h";
}

// Row is a point of a plot. Its numbers are for drawing only.
export interface Row {
  at: string;
  [series: string]: number | string;
}

export function calls(t: Trend): { rows: Row[]; into: number; out: number } {
  let into = 0;
  let out = 0;
  const rows = t.points.map((p) => {
    into += p.calls_in;
    out += p.calls_out;
    return { at: p.at, in: p.calls_in, out: p.calls_out };
  });
  return { rows, into, out };
}

export interface Sum {
  currency: string;
  in: string;
  out: string;
}

// money gives the plot of one currency, and the exact sums of all. The currency that
// moves most is drawn where none is chosen.
export function money(t: Trend, chosen?: string): { currency?: string; rows: Row[]; sums: Sum[] } {
  const sums = new Map<string, [bigint, bigint]>();
  for (const p of t.points) {
    for (const m of p.money) {
      const [i, o] = sums.get(m.currency) ?? [0n, 0n];
      sums.set(m.currency, [i + micro(m.in), o + micro(m.out)]);
    }
  }
  const size = ([i, o]: [bigint, bigint]) => (i < 0n ? -i : i) + (o < 0n ? -o : o);
  const sorted = [...sums].sort((a, b) => (size(a[1]) < size(b[1]) ? 1 : size(a[1]) > size(b[1]) ? -1 : a[0] < b[0] ? -1 : 1));
  const currency = sorted.some(([c]) => c === chosen) ? chosen : sorted[0]?.[0];
  const rows = t.points.map((p) => {
    const m = p.money.find((x) => x.currency === currency);
    return { at: p.at, in: m ? Number(m.in) : 0, out: m ? Number(m.out) : 0 };
  });
  return { currency, rows, sums: sorted.map(([c, [i, o]]) => ({ currency: c, in: decimal(i), out: decimal(o) })) };
}
