import { api, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";

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
