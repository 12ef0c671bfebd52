import type { Schema } from "@/api/client";
import { decimal, micro } from "@/lib/money";

import type { Debt } from "./graph";

type Chosen = Pick<Schema<"Invoice">, "buyer" | "seller" | "currency" | "total">;

// before sums invoices that are chosen for a netting, for each currency: what each owes the
// other, and what would be left. A credit note, whose total is below zero, is owed the
// other way. It is a preview: what counts is what the nodes compute.
export function before(chosen: Chosen[], own: string): { currency: string; before: Debt[]; after: Debt[] }[] {
  const sums = new Map<string, { partner: string; ours: bigint; theirs: bigint }>();
  for (const i of chosen) {
    const partner = i.buyer === own ? i.seller : i.buyer;
    const s = sums.get(i.currency) ?? { partner, ours: 0n, theirs: 0n };
    const total = micro(i.total);
    const weOwe = (i.buyer === own) === total >= 0n;
    const amount = total < 0n ? -total : total;
    if (weOwe) s.ours += amount;
    else s.theirs += amount;
    sums.set(i.currency, s);
  }
  return [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([currency, s]) => {
      const net = s.ours - s.theirs;
      return {
        currency,
        before: [
          { debtor: own, creditor: s.partner, amount: decimal(s.ours) },
          { debtor: s.partner, creditor: own, amount: decimal(s.theirs) },
        ],
        after: net === 0n ? [] : [net > 0n ? { debtor: own, creditor: s.partner, amount: decimal(net) } : { debtor: s.partner, creditor: own, amount: decimal(-net) }],
      };
    });
}
