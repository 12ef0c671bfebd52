import type { Schema } from "@/api/client";
import { decimal, micro, share } from "@/lib/money";

export type Word = "exact" | "within" | "differs" | "not-buyer" | "not-seller";

// word says how the two sides of a line compare, as clerks call it.
export function word(c: Pick<Schema<"Compared">, "seller" | "buyer" | "agrees">): Word {
  if (!c.buyer) return "not-buyer";
  if (!c.seller) return "not-seller";
  if (!c.agrees) return "differs";
  return c.seller.billed_seconds === c.buyer.billed_seconds && c.seller.calls === c.buyer.calls ? "exact" : "within";
}

export interface Group {
  destination: string;
  currency: string;
  calls: number;
  billed: number;
  amount: string;
}

// groups adds lines up by destination and currency, the largest first.
export function groups(lines: Pick<Schema<"DocumentLine">, "rate" | "calls" | "billed_seconds" | "amount">[]): Group[] {
  const out = new Map<string, Group>();
  for (const l of lines) {
    const key = `${l.rate.destination}\n${l.rate.currency}`;
    const g = out.get(key) ?? { destination: l.rate.destination, currency: l.rate.currency, calls: 0, billed: 0, amount: "0.000000" };
    out.set(key, { ...g, calls: g.calls + l.calls, billed: g.billed + l.billed_seconds, amount: decimal(micro(g.amount) + micro(l.amount)) });
  }
  const size = (g: Group) => {
    const m = micro(g.amount);
    return m < 0n ? -m : m;
  };
  return [...out.values()].sort((a, b) => (size(b) > size(a) ? 1 : size(b) < size(a) ? -1 : a.destination.localeCompare(b.destination)));
}

// largest gives how large a group is beside the largest of its currency, for its bar.
export function largest(lines: Parameters<typeof groups>[0], g: Group): number {
  const first = groups(lines).find((x) => x.currency === g.currency);
  return first ? Math.abs(share(g.amount, first.amount)) : 0;
}

// days gives the UTC days of a period, at most 400.
export function days(interval: string): string[] {
  const [from = "", to = ""] = interval.split("/");
  const out: string[] = [];
  for (let at = Math.floor(Date.parse(from) / 86_400_000); at * 86_400_000 < Date.parse(to) && out.length < 400; at++) out.push(new Date(at * 86_400_000).toISOString().slice(0, 10));
  return out;
}

// seconds writes milliseconds with their thousandths.
export const seconds = (ms: number) => (ms / 1000).toFixed(3);
