import { expect, it } from "vitest";

import type { Schema } from "@/api/client";
import type { Place } from "@/api/places";

import { apart, city, ends, named } from "./ends";

const hongKong: Place = { id: "HKHKG", name: "Hong Kong", country: "HK", code: "HKHKG", at: [114.1628, 22.2793] };
const hall: Place = { id: "chai-wan-1", name: "Chai Wan, tower 1", country: "HK", at: [114.2372, 22.2644] };
const shenzhen: Place = { id: "CNSZX", name: "Shenzhen", country: "CN", code: "CNSZX", at: [114.0596, 22.5429] };
const places = new Map([hongKong, hall, shenzhen].map((p) => [p.id, p]));

it("measures along the earth", () => {
  expect(Math.round(apart([0, 0], [0, 1]) / 1000)).toBe(111);
});

it("finds a hall by its city", () => {
  expect(city(hall, places)?.id).toBe("HKHKG");
  expect(named(hall, places)).toBe("Chai Wan, tower 1 (Hong Kong, HK)");
  expect(named(hongKong, places)).toBe("Hong Kong (HK)");
});

it("lists each end once, interconnections apart", () => {
  const o = (z: object) => ({ legs: [{ a: { place: "HKHKG" }, z }] }) as unknown as Schema<"CatalogOffering">;
  expect(ends([o({ place: "chai-wan-1", neighbour: "FOXTROT" }), o({ place: "chai-wan-1" }), o({ place: "chai-wan-1" })])).toEqual([{ id: "HKHKG" }, { id: "chai-wan-1", neighbour: "FOXTROT" }, { id: "chai-wan-1" }]);
});
