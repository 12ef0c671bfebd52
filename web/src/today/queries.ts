import { useQuery } from "@tanstack/react-query";

import { api, client } from "@/api/client";

import { ranges, type Range } from "./trend";

// What is summed over all records is asked on a beat of its own, not after each event.
const beat = { meta: { still: true }, refetchInterval: 5_000 } as const;

export const useStatus = () => api.useQuery("get", "/v1/status", {}, { refetchInterval: 5_000 });
export const useToday = (enabled: boolean) => api.useQuery("get", "/v1/today", {}, { ...beat, enabled });
export const useProblems = (enabled: boolean) => api.useQuery("get", "/v1/problems", { params: { query: { limit: 5, total: true } } }, { ...beat, enabled });
export const useExceptions = (enabled: boolean) => api.useQuery("get", "/v1/payments/exceptions", { params: { query: { limit: 200 } } }, { ...beat, enabled, retry: false });

export const useTrend = (range: Range, enabled: boolean) =>
  useQuery({
    queryKey: ["trend", range],
    ...beat,
    enabled,
    queryFn: async ({ signal }) => {
      const from = new Date(Date.now() - ranges[range]).toISOString();
      const { data, error } = await client.GET("/v1/trend", { params: { query: { from } }, signal });
      if (!data) throw error;
      return data;
    },
  });
