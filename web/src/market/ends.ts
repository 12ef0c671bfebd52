import type { Schema } from "@/api/client";
import type { Place } from "@/api/places";

// End is where something ends: at a place, or at an interconnection with a neighbour there.
export interface End {
  id: string;
  neighbour?: string;
}

export const key = (e: End) => (e.neighbour ? `${e.id}~${e.neighbour}` : e.id);

const rad = Math.PI / 180;

// apart says how far two points are from each other, in metres.
export function apart([lon1, lat1]: Place["at"], [lon2, lat2]: Place["at"]): number {
  const h = Math.sin(((lat2 - lat1) * rad) / 2) ** 2 + Math.cos(lat1 * rad) * Math.cos(lat2 * rad) * Math.sin(((lon2 - lon1) * rad) / 2) ** 2;
  return 2 * 6_371_000 * Math.asin(Math.min(1, Math.sqrt(h)));
}

// city gives the place with a code, of those that everybody knows, in which a place is that
// has none, like a hall.
export function city(of: Place, places: Map<string, Place>): Place | undefined {
  if (of.code) return undefined;
  let best: Place | undefined;
  let least = 40_000;
  for (const p of places.values()) {
    if (!p.code || p.country !== of.country) continue;
    const d = apart(of.at, p.at);
    if (d < least) [best, least] = [p, d];
  }
  return best;
}

// named writes a place so that who types its city finds it: Chai Wan, tower 1 (Hong Kong, HK).
export function named(p: Place, places: Map<string, Place>): string {
  const c = city(p, places);
  return c && c.name !== p.name ? `${p.name} (${c.name}, ${p.country})` : `${p.name} (${p.country})`;
}

// ends lists where legs of offerings end, each once.
export function ends(offerings: Schema<"CatalogOffering">[]): End[] {
  const all = new Map<string, End>();
  const add = (e: End) => all.set(key(e), e);
  for (const o of offerings) {
    for (const l of o.legs ?? []) for (const e of [l.a, l.z]) add({ id: e.place, neighbour: e.neighbour });
    for (const id of o.coverage?.places ?? []) add({ id });
  }
  return [...all.values()];
}
