import { useMemo } from "react";

import { api } from "./client";

export interface Place {
  id: string;
  name: string;
  country: string;
  code?: string;
  at: [longitude: number, latitude: number];
}

// usePlaces gives all places that the node knows, by id. They hardly ever change.
export function usePlaces(): Map<string, Place> {
  const { data } = api.useQuery("get", "/v1/catalog/places", { params: { query: { limit: 1000 } } }, { staleTime: 600_000, meta: { still: true } });
  return useMemo(
    () => new Map((data?.items ?? []).map(({ item: p }) => [p.id, { id: p.id, name: p.name, country: p.country, code: p.code, at: [Number(p.longitude), Number(p.latitude)] }])),
    [data],
  );
}
