import { useQuery } from "@tanstack/react-query";

import { client, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { sent } from "@/api/sent";

export const kinds = ["offerings", "specifications", "links", "places"] as const;
export type Kind = (typeof kinds)[number];

// one names a kind's single item in operations of the API.
export const one: Record<Kind, string> = { offerings: "offering", specifications: "specification", links: "link", places: "place" };

export type Item = Schema<"CatalogOffering"> | Schema<"CatalogSpecification"> | Schema<"CatalogLink"> | Schema<"CatalogPlace">;

export interface Entry {
  item: Item;
  at: string;
  by?: string;
  state?: string;
  version: number;
  allowed: string[]; // steps of its life, and put
  moves?: Schema<"CatalogMove">[] | null;
}

export interface Version {
  at: string;
  by?: string;
  changes: Schema<"CatalogChange">[];
  import?: number;
  in_force: boolean;
  item: Item;
  version: number;
}

export const kindOf = (text: string | undefined): Kind => kinds.find((k) => k === text) ?? "offerings";

// useItems lists what a catalogue has of a kind.
export function useItems(kind: Kind, query: { name?: string; state?: string }) {
  return usePages(`/v1/catalog/${kind}` as "/v1/catalog/offerings", { query });
}

export function useItem(kind: Kind, id: string, enabled = true) {
  return useQuery({
    queryKey: ["get", "/v1/catalog", kind, id],
    queryFn: () => sent(client.GET(`/v1/catalog/${kind}/{id}` as "/v1/catalog/offerings/{id}", { params: { path: { id } } })) as Promise<Entry>,
    enabled,
  });
}

export function useVersions(kind: Kind, id: string) {
  return usePages(`/v1/catalog/${kind}/{id}/versions` as "/v1/catalog/offerings/{id}/versions", { path: { id } });
}

export function put(kind: Kind, item: Item) {
  return sent(client.POST(`/v1/catalog/${kind}` as "/v1/catalog/offerings", { body: item as Schema<"CatalogOffering"> }));
}
