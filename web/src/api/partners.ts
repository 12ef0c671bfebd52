import { useMemo } from "react";

import { api } from "./client";

// usePartners gives the codes of the members with whom there is a Bilateral.
export function usePartners(): { partners: string[]; error: unknown; busy: boolean; retry: () => void } {
  const { data, error, isPending, refetch } = api.useQuery("get", "/v1/bilaterals", { params: { query: { limit: 1000 } } });
  return useMemo(() => ({ partners: (data?.items ?? []).map((b) => b.partner), error, busy: isPending, retry: () => void refetch() }), [data, error, isPending, refetch]);
}
