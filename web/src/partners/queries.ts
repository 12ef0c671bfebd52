import { api, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { useMay, useSession } from "@/api/session";

import type { Known } from "./onboarding";

export const useBilaterals = () => usePages("/v1/bilaterals", {});

export const useMembers = (state: "applied" | "active" | "suspended" | "left" | undefined) => usePages("/v1/members", { query: { state } });

// useProblems gives what does not go on by itself, by partner.
export function useProblems(enabled: boolean): Map<string, Schema<"PartnerProblem">[]> {
  const { data } = api.useQuery("get", "/v1/problems", { params: { query: { limit: 1000 } } }, { enabled });
  const out = new Map<string, Schema<"PartnerProblem">[]>();
  for (const p of data?.items ?? []) out.set(p.partner, [...(out.get(p.partner) ?? []), p]);
  return out;
}

// useOwed gives what is owed between us and each partner.
export function useOwed(enabled: boolean): Map<string, Schema<"Aged">[]> {
  const { data } = api.useQuery("get", "/v1/ageing", {}, { enabled });
  const out = new Map<string, Schema<"Aged">[]>();
  for (const a of data?.aged ?? []) out.set(a.partner, [...(out.get(a.partner) ?? []), a]);
  return out;
}

// useKnown gathers how far this carrier has come on its way to the first settled period,
// towards one partner. A node that follows no ledger yet has nothing to ask about.
export function useKnown(partner: string | undefined) {
  const may = useMay();
  const me = useSession()?.carrier ?? "";
  const status = api.useQuery("get", "/v1/status", {}, { refetchInterval: 3000 });
  const follows = (status.data?.height ?? 0) > 0;
  const member = api.useQuery("get", "/v1/members/{code}", { params: { path: { code: me } } }, { enabled: follows && me !== "" });
  const bilaterals = (status.data?.bilaterals ?? []) as Schema<"Bilateral">[];
  const chosen = partner ?? bilaterals.find((b) => b.state === "opening")?.partner ?? bilaterals.find((b) => b.state === "open")?.partner;
  const open = bilaterals.some((b) => b.partner === chosen && b.state === "open");
  const at = { params: { path: { partner: chosen ?? "" }, query: { limit: 1000 } } } as const;
  const asks = (operation: string) => ({ enabled: open && may(operation) });
  const own = api.useQuery("get", "/v1/keys", {}, { enabled: may("get-own-keys") });
  const delegates = api.useQuery("get", "/v1/bilaterals/{partner}/delegates", at, asks("list-delegates"));
  const agreements = api.useQuery("get", "/v1/bilaterals/{partner}/agreements", at, asks("list-agreements"));
  const sheets = api.useQuery("get", "/v1/bilaterals/{partner}/sheets", at, asks("list-sheets"));
  const orders = api.useQuery("get", "/v1/bilaterals/{partner}/orders", { params: { path: at.params.path, query: { limit: 1000, kind: "standing" } } }, asks("list-orders"));
  const few = { params: { path: at.params.path, query: { limit: 20 } } } as const;
  const imports = api.useQuery("get", "/v1/bilaterals/{partner}/usage/imports", few, asks("list-imports"));
  const periods = api.useQuery("get", "/v1/bilaterals/{partner}/periods", few, asks("list-periods"));
  const invoices = api.useQuery("get", "/v1/bilaterals/{partner}/invoices", few, asks("list-invoices"));
  const obligations = api.useQuery("get", "/v1/bilaterals/{partner}/obligations", few, asks("list-obligations"));
  const known: Known = {
    me,
    partner: chosen,
    member: member.data,
    bilaterals,
    own: own.data?.delegates ?? [],
    delegates: delegates.data?.items ?? [],
    agreements: agreements.data?.items ?? [],
    sheets: sheets.data?.items ?? [],
    orders: orders.data?.items ?? [],
    imports: imports.data?.items.length ?? 0,
    periods: periods.data?.items ?? [],
    invoices: invoices.data?.items ?? [],
    obligations: obligations.data?.items ?? [],
  };
  const waits = [member, own, delegates, agreements, sheets, orders, imports, periods, invoices, obligations].some((q) => q.isLoading);
  return { known, application: own.data?.application, status, ready: status.data !== undefined && !waits };
}
