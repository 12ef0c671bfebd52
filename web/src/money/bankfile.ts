import type { Schema } from "@/api/client";

export interface Counts {
  outcome: string;
  count: number;
}

// counts says how many bookings of a bank's file had which outcome, the most frequent
// first. Together they are all of the file's lines: nothing is lost.
export function counts(lines: Pick<Schema<"BankTold">, "outcome">[]): Counts[] {
  const n = new Map<string, number>();
  for (const l of lines) n.set(l.outcome, (n.get(l.outcome) ?? 0) + 1);
  return [...n].map(([outcome, count]) => ({ outcome, count })).sort((a, b) => b.count - a.count || (a.outcome < b.outcome ? -1 : 1));
}

// waiting counts the bookings of which people must decide.
export function waiting(lines: Pick<Schema<"BankTold">, "exception">[]): number {
  return lines.filter((l) => l.exception).length;
}
