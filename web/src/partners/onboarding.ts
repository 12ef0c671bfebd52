import type { Schema } from "@/api/client";

import type { Step } from "./search";

// What the API told so far of how far this carrier has come.
export interface Known {
  member: Schema<"Member"> | undefined;
  bilaterals: Schema<"Bilateral">[];
  agreements: Schema<"Agreement">[];
}

// progress says which steps of joining are done. It is derived, never kept: the wizard
// can be left and taken up again, by another person too.
export function progress({ member, bilaterals, agreements }: Known): Record<Step, boolean> {
  return {
    organisation: member?.state === "active",
    keys: Boolean(member?.member_keys.length && member.node_keys.length),
    partner: bilaterals.some((b) => b.state === "open"),
    agreement: agreements.some((a) => a.state === "active"),
  };
}

// current is the first step that is not done; the last one when all are.
export function current(done: Record<Step, boolean>, order: readonly Step[]): Step {
  return order.find((s) => !done[s]) ?? order.at(-1)!;
}

export type Stage = "announced" | "binding" | "open" | "lapsed" | "halted";

// opening says how far a Bilateral has come on its way to being in use, and whose turn it is.
export function opening(b: Schema<"Bilateral">): Stage {
  switch (b.state) {
    case "opening":
      return (b.members?.sides ?? []).some((s) => (s.keys ?? []).length > 0) ? "binding" : "announced";
    case "lapsed":
      return "lapsed";
    case "halted":
      return "halted";
  }
  return "open";
}
