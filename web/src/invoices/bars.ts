import type { Schema } from "@/api/client";
import { decimal, micro } from "@/lib/money";

export interface Bar {
  cause: string; // "claimed" and "expected" are the ends
  amount: string;
  from: number; // shares of the scale, 0 at its lower end
  to: number;
  ends: boolean;
  calls: number;
  disputes: number;
}

// bars lays the waterfall out. Heights are shares of a scale that holds every level; it
// begins near the lowest level where the steps are small beside the amounts, so that they
// can be seen. cut says that it does not begin at zero.
export function bars(w: Pick<Schema<"Waterfall">, "claimed" | "expected" | "steps">): { bars: Bar[]; cut: boolean } {
  const start = micro(w.claimed);
  const levels = [start];
  for (const s of w.steps) levels.push(levels.at(-1)! + micro(s.amount));
  const lowest = levels.reduce((a, b) => (b < a ? b : a), start);
  const highest = levels.reduce((a, b) => (b > a ? b : a), start);
  const span = highest - lowest;
  let bottom = lowest < 0n ? lowest : 0n;
  const cut = bottom === 0n && span > 0n && lowest > span * 4n;
  if (cut) bottom = lowest - span;
  const ceiling = highest > 0n ? highest : 0n; // zero is always in sight, unless the scale is cut
  const top = ceiling > bottom ? ceiling : bottom + 1n;
  const share = (v: bigint) => Number(((v - bottom) * 100_000n) / (top - bottom)) / 100_000;
  const zero = bottom < 0n ? 0n : bottom;
  const out: Bar[] = [{ cause: "claimed", amount: w.claimed, from: share(zero), to: share(start), ends: true, calls: 0, disputes: 0 }];
  w.steps.forEach((s, i) => out.push({ cause: s.cause, amount: s.amount, from: share(levels[i]!), to: share(levels[i + 1]!), ends: false, calls: s.calls, disputes: s.disputes.length }));
  out.push({ cause: "expected", amount: w.expected, from: share(zero), to: share(levels.at(-1)!), ends: true, calls: 0, disputes: 0 });
  return { bars: out, cut };
}

// closes reports whether the steps lead exactly to what is expected.
export function closes(w: Pick<Schema<"Waterfall">, "claimed" | "expected" | "steps">): boolean {
  return decimal(w.steps.reduce((sum, s) => sum + micro(s.amount), micro(w.claimed))) === decimal(micro(w.expected));
}
