import type { Schema } from "@/api/client";
import { decimal, micro } from "@/lib/money";

type Parts = Schema<"CreditExposure">;

// order is that of the parts of an exposure in MEF 114 Table 2: what is billed, what is
// not yet, what is to come, and what stands against it.
export const order = ["billed", "measured", "accrued", "ordered", "expected"] as const;
export const against = ["deposits", "set_off"] as const;

// widths gives for a bar of so many per cent: what each part takes of it, what deposits
// and claims of the payer's own take away, and where the allocation ends. The bar is as
// long as the larger of what is owed and what is allowed.
export function widths(parts: Parts, allocation: string): { part: Record<(typeof order)[number], number>; covered: number; limit: number } {
  let owed = 0n;
  for (const p of order) owed += above0(parts[p]);
  let cover = 0n;
  for (const p of against) cover += abs(parts[p]);
  const room = above0(allocation) + cover;
  const whole = owed > room ? owed : room;
  const share = (v: bigint) => (whole === 0n ? 0 : Number((v * 10_000n) / whole) / 100);
  const part = {} as Record<(typeof order)[number], number>;
  for (const p of order) part[p] = share(above0(parts[p]));
  return { part, covered: share(cover > whole ? whole : cover), limit: share(room) };
}

const abs = (v: string) => (micro(v) < 0n ? -micro(v) : micro(v));
const above0 = (v: string) => (micro(v) < 0n ? 0n : micro(v));

// owed sums the parts that raise an exposure.
export function owed(parts: Parts): string {
  let total = 0n;
  for (const p of order) total += micro(parts[p]);
  return decimal(total);
}

// onTime counts the invoices of a history that were paid by their due date.
export function onTime(history: Schema<"CreditInvoice">[]): number {
  return history.filter((h) => !h.late).length;
}

// days says how many days went by from an invoice to its receipt, rounded down.
export function days(h: Schema<"CreditInvoice">): number | undefined {
  if (!h.received) return undefined;
  return Math.floor((new Date(h.received).getTime() - new Date(h.issued).getTime()) / 86_400_000);
}
