import { type Query, QueryCache, QueryClient } from "@tanstack/react-query";
import createFetchClient from "openapi-fetch";
import createQueryClient from "openapi-react-query";

import { call } from "./http";
import { passing, problemOf } from "./problem";
import { onBack, pauseOf } from "./reach";
import type { components, paths } from "./schema";

// Schema names a type of the API's document: Schema<"Invoice">.
export type Schema<K extends keyof components["schemas"]> = components["schemas"][K];

// client asks the node: client.GET("/v1/status"). It throws nothing; use api in components.
export const client = createFetchClient<paths>({ fetch: call });

// api gives hooks: api.useQuery("get", "/v1/status"). An error is a Problem.
export const api = createQueryClient(client);

// What failed for a reason that passes is asked again by itself, in growing pauses, as long
// as a page shows it.
const failed = new WeakMap<Query<unknown, unknown>, number>();
const cache = new QueryCache({
  onError: (err, query) => {
    if (!passing(problemOf(err)) || query.meta?.once === true) return;
    const count = failed.get(query as never) ?? 0;
    failed.set(query as never, count + 1);
    setTimeout(() => {
      if (query.state.status === "error" && query.isActive()) void query.fetch().catch(() => {});
    }, pauseOf(count + 1));
  },
  onSuccess: (_, query) => void failed.delete(query as never),
});

export const queries = new QueryClient({
  queryCache: cache,
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (count, err) => count < 5 && passing(problemOf(err)),
      retryDelay: (count) => Math.min(500 * 2 ** count, 8_000),
      refetchOnWindowFocus: true,
    },
    mutations: { retry: false },
  },
});

// When the node is back, what is on the page is asked anew.
onBack(() => void queries.invalidateQueries());
