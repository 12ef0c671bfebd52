import type { Schema } from "@/api/client";
import type { Moment } from "@/ui/History";

type Ticket = Schema<"Ticket">;

export type Step = "acknowledge" | "ask" | "progress" | "resolve" | "close";

// steps are what can be done with a ticket that is not over.
export function steps(x: Ticket): Step[] {
  switch (x.status) {
    case "acknowledged":
    case "reopened":
      return ["acknowledge", "progress", "ask", "resolve"];
    case "inProgress":
      return ["ask", "resolve"];
    case "pending":
      return ["progress", "resolve"];
    case "resolved":
      return ["close"];
    default:
      return [];
  }
}

// course puts notes among the states, by time.
export function course(x: Ticket): Moment[] {
  const all: Moment[] = [...(x.history ?? []).map((m) => ({ state: m.status, time: m.time, text: m.why })), ...(x.notes ?? []).map((n) => ({ state: "note", time: n.time, text: `${n.author}: ${n.text}` }))];
  return all.sort((a, b) => Date.parse(a.time!) - Date.parse(b.time!));
}
