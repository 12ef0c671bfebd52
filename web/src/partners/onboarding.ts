import type { Schema } from "@/api/client";

import type { Step } from "./search";

// What the API told so far of how far this carrier has come. What is of one partner is of
// the one that the first steps are taken with.
export interface Known {
  me: string;
  partner: string | undefined;
  member: Schema<"Member"> | undefined;
  bilaterals: Schema<"Bilateral">[];
  own: Schema<"OwnDelegate">[]; // keys that our node may sign with, once they are registered
  delegates: Schema<"Delegate">[];
  agreements: Schema<"Agreement">[];
  sheets: Schema<"Sheet">[];
  orders: Schema<"Order">[]; // those that stand
  imports: number;
  periods: Schema<"Period">[];
  invoices: Schema<"Invoice">[];
  obligations: Schema<"Obligation">[];
}

export const nothing: Known = { me: "", partner: undefined, member: undefined, bilaterals: [], own: [], delegates: [], agreements: [], sheets: [], orders: [], imports: 0, periods: [], invoices: [], obligations: [] };

// unregistered are the keys of our node that the Bilateral does not know.
export const unregistered = ({ own, delegates }: Pick<Known, "own" | "delegates">) => own.filter((k) => !delegates.some((d) => d.key === k.key && !d.revoked));

const bilateralOf = (k: Known) => k.bilaterals.find((b) => b.partner === k.partner);
const ended = new Set(["rejected", "terminated", "cancelled"]);
const running = (o: Schema<"Order">) => o.state === "inProgress";

// progress says which steps of joining are done. It is derived, never kept: the wizard
// can be left and taken up again, by another person too.
export function progress(k: Known): Record<Step, boolean> {
  const usable = bilateralOf(k)?.state === "open";
  return {
    organisation: k.member?.state === "active",
    keys: Boolean(k.member?.member_keys.length && k.member.node_keys.length),
    partner: usable && unregistered(k).length === 0,
    agreement: k.agreements.some((a) => a.state === "active"),
    rates: k.orders.some(running),
    period: k.obligations.some((o) => o.state === "settled") || k.invoices.some((i) => i.state === "settled"),
  };
}

// current is the first step that is not done; the last one when all are.
export function current(done: Record<Step, boolean>, order: readonly Step[]): Step {
  return order.find((s) => !done[s]) ?? order.at(-1)!;
}

export type Who = "us" | "them" | "members" | "node" | "done";

// Turn is what comes next in a step: whose turn it is, the message that says so, and the
// role that does it where a person has to.
export interface Turn {
  who: Who;
  what: string;
  role?: string;
}

// turn says who has to do what for a step to go on.
export function turn(step: Step, k: Known): Turn {
  const done = progress(k);
  const b = bilateralOf(k);
  switch (step) {
    case "organisation":
    case "keys":
      if (done.organisation) return { who: "done", what: step === "keys" ? "keysDone" : "memberDone" };
      return k.member?.state === "applied" ? { who: "members", what: "vouch", role: "administrator" } : { who: "members", what: "apply", role: "administrator" };
    case "partner":
      if (!done.organisation) return { who: "members", what: "memberFirst" };
      if (!b || b.state === "lapsed") return { who: "us", what: "openFirst", role: "administrator" };
      if (b.state !== "open") return { who: "node", what: "opening" };
      if (unregistered(k).length) return { who: "us", what: "register", role: "administrator" };
      if (!k.delegates.some((d) => d.member === k.partner && !d.revoked)) return { who: "them", what: "registerThem", role: "administrator" };
      return { who: "done", what: "partnerDone" };
    case "agreement": {
      if (!done.partner) return { who: "us", what: "partnerFirst" };
      if (done.agreement) return { who: "done", what: "agreementDone" };
      const open = k.agreements.find((a) => a.state === "proposed");
      if (!open) return { who: "us", what: "propose", role: "product-manager" };
      return { who: open.proposer === k.me ? "them" : "us", what: "accept", role: "product-manager" };
    }
    case "rates": {
      if (!done.agreement) return { who: "us", what: "agreementFirst" };
      if (done.rates) return { who: "done", what: "ratesDone" };
      const placed = k.orders.find((o) => o.state === "acknowledged");
      if (placed) return { who: placed.seller === k.me ? "us" : "them", what: "acceptOrder", role: "product-manager" };
      const sheet = k.sheets.find((s) => s.state === "accepted");
      if (sheet) return { who: sheet.direction.startsWith(`${k.me}>`) ? "us" : "them", what: "order", role: "product-manager" };
      const offered = k.sheets.find((s) => !ended.has(s.state));
      if (offered) return { who: offered.proposed.by === k.me ? "them" : "us", what: "acceptSheet", role: "product-manager" };
      return { who: "us", what: "sheet", role: "product-manager" };
    }
    case "period": {
      if (!done.rates) return { who: "us", what: "ratesFirst" };
      if (done.period) return { who: "done", what: "periodDone" };
      const owed = k.obligations.find((o) => o.state !== "settled");
      if (owed) {
        const advised = owed.state === "advised";
        return { who: (advised ? owed.payee : owed.payer) === k.me ? "us" : "them", what: advised ? "confirm" : "pay", role: "finance" };
      }
      const invoice = k.invoices.find((i) => i.state !== "settled");
      if (invoice?.state === "issued") return { who: invoice.buyer === k.me ? "us" : "them", what: "invoice", role: "finance" };
      if (invoice) return { who: "node", what: "debt" };
      if (k.periods.length) return { who: "node", what: "rating" };
      return k.imports ? { who: "us", what: "close", role: "engineer" } : { who: "us", what: "import", role: "engineer" };
    }
  }
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
