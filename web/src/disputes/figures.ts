import type { Schema } from "@/api/client";
import { less, micro } from "@/lib/money";

type Dispute = Schema<"Dispute">;

// inPath writes a dispute's id as a path has it.
export const inPath = (id: string) => id.replaceAll("/", "~");

// gap is what is between the two sides: the seller's amount less the buyer's.
export const gap = (d: Pick<Dispute, "seller" | "buyer">) => less(d.seller.amount, d.buyer.amount);

export interface Offer {
  calls: number;
  billed_seconds: number;
}

// split is the middle of the two sides' figures; an odd one goes to the seller.
export function split(d: Pick<Dispute, "seller" | "buyer">): Offer {
  const middle = (s: number, b: number) => (s >= b ? b + Math.ceil((s - b) / 2) : s + Math.floor((b - s) / 2));
  return { calls: middle(d.seller.calls, d.buyer.calls), billed_seconds: middle(d.seller.billed_seconds, d.buyer.billed_seconds) };
}

// half is the middle of two amounts, rounded up to a millionth.
export function half(d: Pick<Dispute, "seller" | "buyer">): string {
  const twice = micro(d.seller.amount) + micro(d.buyer.amount);
  const value = twice / 2n + (twice > 0n ? twice % 2n : 0n);
  const abs = value < 0n ? -value : value;
  return `${value < 0n ? "-" : ""}${abs / 1_000_000n}.${String(abs % 1_000_000n).padStart(6, "0")}`;
}

// meanwhile reports whether an answer says that another person was faster: the state is
// no longer the one that was on the screen.
export const meanwhile = (code: string) => ["wrong-state", "conflict", "stale-offer", "offer-changed", "not-yet"].includes(code);

// seconds writes milliseconds with their thousandths.
export const seconds = (ms: number) => (ms / 1000).toFixed(3);
