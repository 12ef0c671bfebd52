import type { Schema } from "@/api/client";

// Mesh is all of the sandbox at once, as nobody sees a real network.
export interface Mesh {
  carriers: { code: string; name: string; url: string; running: boolean }[];
  neighbours: { a: string; b: string; enni: string; place: string; city: string; cut: boolean }[];
  services: MeshService[];
}

export type MeshService = Schema<"Service"> & { carrier: string };

// Chain is one service of a customer with what each carrier has of it, the first sells it.
export interface Chain {
  id: string;
  hops: MeshService[];
}

// chains joins what each carrier has: what one buys is what the next sells.
export function chains(services: MeshService[]): Chain[] {
  const sold = new Map(services.filter((s) => s.buyer && s.sold_product).map((s) => [`${s.carrier}<${s.buyer}:${s.sold_product}`, s]));
  const out: Chain[] = [];
  for (const first of services) {
    if (first.buyer) continue;
    const hops = [first];
    for (let s: MeshService | undefined = first; s?.seller && s.bought_product && hops.length <= services.length; ) {
      s = sold.get(`${s.seller}<${s.carrier}:${s.bought_product}`);
      if (s) hops.push(s);
    }
    out.push({ id: `${first.carrier}.${first.id}`, hops });
  }
  return out;
}

// between names the pair of carriers of a link, whichever is first.
export const between = (a: string, b: string) => [a, b].sort().join("-");

// pairs gives the links that a chain goes over. Of whom the last buys is on it too, though
// that carrier may not answer.
export function pairs(c: Chain): Set<string> {
  return new Set(c.hops.flatMap((s) => (s.seller ? [between(s.carrier, s.seller)] : [])));
}

// ring places so many things on an ellipse, the first on top.
export function ring(count: number, width: number, height: number): [number, number][] {
  return Array.from({ length: count }, (_, i) => {
    const angle = (2 * Math.PI * i) / Math.max(1, count) - Math.PI / 2;
    return [width / 2 + (width / 2 - 80) * Math.cos(angle), height / 2 + (height / 2 - 44) * Math.sin(angle)];
  });
}
