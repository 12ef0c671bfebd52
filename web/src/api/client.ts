import { QueryClient } from "@tanstack/react-query";
import createFetchClient from "openapi-fetch";
import createQueryClient from "openapi-react-query";

import { call } from "./http";
import { passing, problemOf } from "./problem";
import type { components, paths } from "./schema";

// Schema names a type of the API's document: Schema<"Invoice">.
export type Schema<K extends keyof components["schemas"]> = components["schemas"][K];

// client asks the node: client.GET("/v1/status"). It throws nothing; use api in components.
export const client = createFetchClient<paths>({ fetch: call });

// api gives hooks: api.useQuery("get", "/v1/status"). An error is a Problem.
export const api = createQueryClient(client);

export const queries = new QueryClient({
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
