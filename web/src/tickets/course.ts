import type { Schema } from "@/api/client";
import { inOrder, type Moment } from "@/ui/History";

type Ticket = Schema<"Ticket">;

// course puts notes among the states, by time.
export function course(x: Ticket): Moment[] {
  return inOrder([...x.history.map((m) => ({ state: m.status, time: m.time, text: m.why })), ...(x.notes ?? []).map((n) => ({ state: "note", time: n.time, text: `${n.author}: ${n.text}` }))]);
}

// productOf gives the product that a ticket is about.
export function productOf(x: Ticket): string | undefined {
  return /^Product (\S+)$/.exec(x.about)?.[1];
}
