import { expect, it } from "vitest";

import type { Schema } from "@/api/client";

import { current, nothing, opening, progress, turn, type Known } from "./onboarding";
import { steps } from "./search";

const member = { code: "HOTEL", state: "active", member_keys: [{ key: "aa", from: 1 }], node_keys: [{ key: "bb", from: 1 }] } as unknown as Schema<"Member">;
const bilateral = (state: string, more: object = {}) => ({ partner: "BRAVO", state, ...more }) as unknown as Schema<"Bilateral">;
const agreement = (state: string, proposer = "HOTEL") => ({ id: "A-1", state, proposer }) as unknown as Schema<"Agreement">;
const known = (more: object): Known => ({ ...nothing, me: "HOTEL", partner: "BRAVO", ...more });
const own = [{ role: "orders", key: "cc" }] as Schema<"OwnDelegate">[];
const registered = [
  { key: "cc", member: "HOTEL" },
  { key: "dd", member: "BRAVO" },
] as unknown as Schema<"Delegate">[];
const open = { member, bilaterals: [bilateral("open")], own, delegates: registered };

it("takes up at the first step that is not done", () => {
  const at = (more: object) => current(progress(known(more)), steps);
  expect(at({})).toBe("organisation");
  expect(at({ member: { ...member, state: "applied" } })).toBe("organisation");
  expect(at({ member, bilaterals: [bilateral("opening")] })).toBe("partner");
  expect(at({ ...open, delegates: [] })).toBe("partner");
  expect(at({ ...open, agreements: [agreement("proposed")] })).toBe("agreement");
  expect(at({ ...open, agreements: [agreement("active")] })).toBe("rates");
  expect(at({ ...open, agreements: [agreement("active")], orders: [{ state: "inProgress" }] })).toBe("period");
});

it("says whose turn it is", () => {
  const of = (step: (typeof steps)[number], more: object) => {
    const x = turn(step, known(more));
    return `${x.who} ${x.what}`;
  };
  expect(of("organisation", {})).toBe("members apply");
  expect(of("organisation", { member: { ...member, state: "applied" } })).toBe("members vouch");
  expect(of("partner", { member })).toBe("us openFirst");
  expect(of("partner", { member, bilaterals: [bilateral("opening")] })).toBe("node opening");
  expect(of("partner", { ...open, delegates: [] })).toBe("us register");
  expect(of("partner", { ...open, delegates: registered.slice(0, 1) })).toBe("them registerThem");
  expect(of("agreement", { ...open, agreements: [agreement("proposed")] })).toBe("them accept");
  expect(of("agreement", { ...open, agreements: [agreement("proposed", "BRAVO")] })).toBe("us accept");
  const traded = { ...open, agreements: [agreement("active")] };
  expect(of("rates", { ...traded, sheets: [{ state: "accepted", direction: "HOTEL>BRAVO" }] })).toBe("us order");
  expect(of("rates", { ...traded, orders: [{ state: "acknowledged", seller: "BRAVO" }] })).toBe("them acceptOrder");
  const ordered = { ...traded, orders: [{ state: "inProgress", seller: "BRAVO" }] };
  expect(of("period", ordered)).toBe("us import");
  expect(of("period", { ...ordered, imports: 1 })).toBe("us close");
  expect(of("period", { ...ordered, invoices: [{ state: "issued", buyer: "HOTEL" }] })).toBe("us invoice");
  expect(of("period", { ...ordered, obligations: [{ state: "owed", payer: "HOTEL", payee: "BRAVO" }] })).toBe("us pay");
  expect(of("period", { ...ordered, obligations: [{ state: "advised", payer: "HOTEL", payee: "BRAVO" }] })).toBe("them confirm");
  expect(of("period", { ...ordered, obligations: [{ state: "settled" }] })).toBe("done periodDone");
});

it("follows a Bilateral until both sides are bound", () => {
  expect(opening(bilateral("opening"))).toBe("announced");
  expect(opening(bilateral("opening", { members: { sides: [{ member: "ALPHA", keys: ["aa"] }] } }))).toBe("binding");
  expect(opening(bilateral("open"))).toBe("open");
  expect(opening(bilateral("diverged"))).toBe("open");
  expect(opening(bilateral("lapsed"))).toBe("lapsed");
});
