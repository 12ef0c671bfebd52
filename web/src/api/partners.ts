import { useInfiniteQuery } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";

import type { Rows } from "@/ui/DataTable";

import { api, client } from "./client";

interface List<T> {
  items: T[];
  next?: string;
  total?: number;
}

interface At {
  n: number; // of the partner
  after?: string;
}

// usePartners gives the codes of the members with whom there is a Bilateral: codes is
// absent until they are known, partners is empty then.
export function usePartners() {
  const { data, error, isPending, refetch } = api.useQuery("get", "/v1/bilaterals", { params: { query: { limit: 1000 } } }, { staleTime: 60_000 });
  return useMemo(() => {
    const codes = data && [...new Set(data.items.map((b) => b.partner))].sort();
    return { codes, partners: codes ?? [], error: error as unknown, busy: isPending, retry: () => void refetch() };
  }, [data, error, isPending, refetch]);
}

// usePartnerPages reads a list that the API has for each partner, over one partner or all
// of them, one after the other. tail is what follows /v1/bilaterals/PARTNER; {partner} in
// what is asked stands for whoever is asked about.
export function usePartnerPages<T>(tail: string, partner: string | undefined, query: Record<string, string | boolean | undefined>, options: { enabled?: boolean; size?: number } = {}): Rows<T & { partner: string }> {
  const { enabled = true, size = 200 } = options;
  const partners = usePartners();
  const of = useMemo(() => (partner ? [partner] : partners.codes), [partner, partners.codes]);
  const asked = JSON.stringify(query);
  const page = useCallback(
    async (at: At, total: boolean, signal?: AbortSignal): Promise<List<T & { partner: string }>> => {
      const code = of?.[at.n];
      if (code === undefined) return { items: [], total: 0 };
      const get = client.GET as unknown as (p: string, i: object) => Promise<{ data?: List<T>; error?: unknown }>;
      const { data, error } = await get(`/v1/bilaterals/{partner}${tail}`, {
        params: { path: { partner: code }, query: { ...(JSON.parse(asked.replaceAll("{partner}", code)) as object), limit: size, ...(at.after ? { after: at.after } : {}), ...(total ? { total } : {}) } },
        signal,
      });
      if (!data) throw error;
      return { ...data, items: data.items.map((x) => ({ ...x, partner: code })) };
    },
    [of, tail, asked, size],
  );
  const following = useCallback(
    (last: List<unknown>, at: At): At | undefined => {
      if (last.next) return { n: at.n, after: last.next };
      return of && at.n + 1 < of.length ? { n: at.n + 1 } : undefined;
    },
    [of],
  );
  const pages = useInfiniteQuery({
    queryKey: ["get", `/v1/bilaterals/{partner}${tail}`, of, asked, "pages", size],
    queryFn: ({ pageParam, signal }) => page(pageParam, pageParam.after === undefined, signal),
    initialPageParam: { n: 0 } as At,
    getNextPageParam: (last, _, at) => following(last, at),
    enabled: enabled && of !== undefined,
  });
  const rows = useMemo(() => pages.data?.pages.flatMap((p) => p.items) ?? [], [pages.data]);
  const total = useMemo(() => {
    // The whole is known once every partner was asked for its count.
    const counts = pages.data?.pages.filter((_, i) => (pages.data.pageParams[i] as At).after === undefined).map((p) => p.total);
    if (!counts || counts.length !== of?.length || counts.some((c) => c === undefined)) return undefined;
    return counts.reduce<number>((sum, c) => sum + (c ?? 0), 0);
  }, [pages.data, of]);
  const { fetchNextPage, refetch } = pages;
  return {
    rows,
    total,
    more: pages.hasNextPage,
    busy: enabled && (pages.isFetching || (of === undefined && !partners.error)),
    at: pages.dataUpdatedAt || undefined,
    error: pages.error ?? (partner ? null : partners.error),
    next: useCallback(() => void fetchNextPage(), [fetchNextPage]),
    retry: useCallback(() => void refetch(), [refetch]),
    all: useCallback(
      async (progress) => {
        const out: (T & { partner: string })[] = [];
        let at: At | undefined = { n: 0 };
        while (at) {
          const p: List<T & { partner: string }> = await page(at, false);
          out.push(...p.items);
          at = following(p, at);
          progress(out.length);
        }
        return out;
      },
      [page, following],
    ),
  };
}

// fixed gives rows that are all there.
export function fixed<T>(rows: T[], error?: unknown, busy = false, retry: () => void = () => {}): Rows<T> {
  return { rows, total: rows.length, more: false, busy, error, next: () => {}, retry, all: (progress) => (progress(rows.length), Promise.resolve(rows)) };
}
