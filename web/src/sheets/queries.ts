import { useQuery } from "@tanstack/react-query";

import { api, type Schema } from "@/api/client";
import { call } from "@/api/http";
import { usePartnerPages } from "@/api/partners";

import type { State } from "./search";

export type Sheet = Schema<"Sheet">;

export const usePartners = () => {
  const { data, ...rest } = api.useQuery("get", "/v1/bilaterals", { params: { query: { limit: 1000 } } });
  return { ...rest, data: data && [...new Set(data.items.filter((b) => b.state !== "lapsed").map((b) => b.partner))].sort() };
};

// useSheets gives the sheets with one partner, or with all; way is out for what we charge.
export const useSheets = (me: string, partner: string | undefined, state: State | undefined, way: "in" | "out" | undefined) =>
  usePartnerPages<Sheet>("/sheets", partner, { state, direction: way && (way === "out" ? `{partner}>${me}` : `${me}>{partner}`) });

// useAllSheets gives every sheet of a partner: to find those in force.
export function useAllSheets(partner: string) {
  return useQuery({
    queryKey: ["get", "/v1/bilaterals/{partner}/sheets", "all", partner],
    enabled: Boolean(partner),
    queryFn: async ({ signal }) => {
      const out: Sheet[] = [];
      let after = "";
      do {
        const answer = await call(new Request(new URL(`/v1/bilaterals/${encodeURIComponent(partner)}/sheets?limit=1000${after ? `&after=${encodeURIComponent(after)}` : ""}`, location.origin), { signal }));
        const page = (await answer.json()) as { items: Sheet[]; next?: string };
        if (!answer.ok) throw page;
        out.push(...page.items);
        after = page.next ?? "";
      } while (after);
      return out;
    },
  });
}

// sheetFile reads the rows of a sheet as its seller sent them.
export async function sheetFile(partner: string, id: string, signal?: AbortSignal): Promise<string> {
  const answer = await call(new Request(new URL(`/v1/bilaterals/${encodeURIComponent(partner)}/sheets/${encodeURIComponent(id)}/file`, location.origin), { signal }));
  if (!answer.ok) throw await answer.json();
  return answer.text();
}

// A file of a sheet never changes.
export const useSheetFile = (partner: string, id: string | undefined) =>
  useQuery({ queryKey: ["sheet-file", partner, id], enabled: Boolean(partner && id), staleTime: Infinity, meta: { still: true }, queryFn: ({ signal }) => sheetFile(partner, id!, signal) });

// propose uploads a sheet in our own form.
export async function propose(partner: string, text: string, from: string): Promise<Schema<"DoneSheet">> {
  const url = new URL(`/v1/bilaterals/${encodeURIComponent(partner)}/sheets`, location.origin);
  if (from) url.searchParams.set("from", from);
  const answer = await call(new Request(url, { method: "POST", headers: { "Content-Type": "text/csv" }, body: text }));
  const value: unknown = await answer.json();
  if (!answer.ok) throw value;
  return value as Schema<"DoneSheet">;
}

// inForceAt gives the accepted sheet of a direction that prices calls at a moment: the
// last that has begun.
export function inForceAt(sheets: Sheet[], direction: string, at: string): Sheet | undefined {
  const moment = Date.parse(at);
  return sheets
    .filter((s) => s.direction === direction && s.state === "accepted" && Date.parse(s.from) <= moment)
    .sort((a, b) => Date.parse(a.from) - Date.parse(b.from) || (a.accepted?.height ?? 0) - (b.accepted?.height ?? 0))
    .at(-1);
}
