import { expect, it } from "vitest";

import { chains, pairs, ring, type MeshService } from "./mesh";

const has = (carrier: string, over: Partial<MeshService>) => ({ carrier, id: carrier, state: "accepted", ...over }) as MeshService;

it("joins what one carrier buys to what the next sells", () => {
  const all = chains([
    has("CHARLIE", { buyer: "BRAVO", sold_product: "q" }),
    has("ALPHA", { seller: "BRAVO", bought_product: "p" }),
    has("BRAVO", { buyer: "ALPHA", sold_product: "p", seller: "CHARLIE", bought_product: "q" }),
    has("DELTA", {}),
  ]);
  expect(all.map((c) => c.hops.map((h) => h.carrier))).toEqual([["ALPHA", "BRAVO", "CHARLIE"], ["DELTA"]]);
  expect([...pairs(all[0]!)]).toEqual(["ALPHA-BRAVO", "BRAVO-CHARLIE"]);
});

it("ends where a carrier does not answer, and in a circle", () => {
  expect(chains([has("ALPHA", { seller: "BRAVO", bought_product: "p" })])[0]!.hops).toHaveLength(1);
  const round = chains([has("ALPHA", { seller: "BRAVO", bought_product: "p" }), has("BRAVO", { buyer: "ALPHA", sold_product: "p", seller: "BRAVO", bought_product: "x" })]);
  expect(round[0]!.hops).toHaveLength(2);
});

it("places things apart", () => {
  expect(new Set(ring(7, 900, 500).map(String)).size).toBe(7);
});
