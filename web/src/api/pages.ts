import { useInfiniteQuery } from "@tanstack/react-query";
import type { PathsWithMethod } from "openapi-typescript-helpers";
import { useCallback, useMemo } from "react";

import type { Rows } from "@/ui/DataTable";

import { client } from "./client";
import type { paths } from "./schema";

interface List<T> {
  items: T[];
  next?: string;
  total?: number;
}

// Item is what a list of the API holds.
type Item<P extends keyof paths> = paths[P] extends { get: { responses: { 200: { content: { "application/json": { items: (infer T)[] } } } } } } ? T : never;

type Init<P extends keyof paths> = paths[P] extends { get: { parameters: infer R } } ? { path?: R extends { path: infer Q } ? Q : never; query?: R extends { query?: infer Q } ? Q : never } : never;

// usePages reads a list page by page, the first with the count of the whole.
export function usePages<P extends PathsWithMethod<paths, "get">>(path: P, init: Init<P>, options: { size?: number; enabled?: boolean } = {}): Rows<Item<P>> {
  const { size = 200, enabled = true } = options;
  const page = useCallback(
    async (after: string | undefined, total: boolean, signal?: AbortSignal): Promise<List<Item<P>>> => {
      const { path: inPath, query } = init as { path?: object; query?: object };
      const get = client.GET as unknown as (p: P, i: object) => Promise<{ data?: List<Item<P>>; error?: unknown }>;
      const { data, error } = await get(path, { params: { path: inPath, query: { ...query, limit: size, ...(after ? { after } : {}), ...(total ? { total } : {}) } }, signal });
      if (!data) throw error;
      return data;
    },
    // What is asked is compared by what it says, not by which object says it.
    // eslint-disable-next-line
    [path, JSON.stringify(init), size],
  );
  const query = useInfiniteQuery({
    queryKey: ["get", path, { params: init }, "pages", size],
    queryFn: ({ pageParam, signal }) => page(pageParam, pageParam === undefined, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next || undefined,
    enabled,
  });
  const rows = useMemo(() => query.data?.pages.flatMap((p) => p.items) ?? [], [query.data]);
  const { fetchNextPage, refetch } = query;
  return {
    rows,
    total: query.data?.pages[0]?.total,
    more: query.hasNextPage,
    busy: query.isFetching,
    error: query.error,
    at: query.dataUpdatedAt || undefined,
    next: useCallback(() => void fetchNextPage(), [fetchNextPage]),
    retry: useCallback(() => void refetch(), [refetch]),
    all: useCallback(
      async (progress) => {
        const out: Item<P>[] = [];
        let after: string | undefined;
        do {
          const p = await page(after, false);
          out.push(...(p.items));
          after = p.next || undefined;
          progress(out.length);
        } while (after);
        return out;
      },
      [page],
    ),
  };
}
