import { expect, it } from "vitest";

import type { Schema } from "@/api/client";

import { ceiling, inquire, ofIntent, readTerms, readWish, usual } from "./wish";

it("keeps of the URL what it understands", () => {
  expect(readWish({ a: "HKHKG", bandwidth: "100000000", latency: "soon", from: "", x: 1 })).toMatchObject({ a: "HKHKG", bandwidth: 100_000_000, latency: undefined, from: undefined });
  expect(readTerms({ months: 12, text: "x" })).toMatchObject({ months: 12, text: "x" });
});

it("takes over what a sentence was understood as", () => {
  const intent = { sentence: "", assumptions: [], inquiry: { a: { place: "HKHKG" }, z: { place: "ITMIL" }, bandwidth: 100_000_000, latency: 180_000, ceiling: { amount: "500", currency: "EUR" } } } as Schema<"Intent">;
  expect(ofIntent(intent)).toMatchObject({ a: "HKHKG", z: "ITMIL", latency: 180_000, ceiling: "EUR:500", type: usual });
});

it("makes no inquiry while something is missing", () => {
  expect(inquire({ a: "HKHKG", z: "ITMIL", bandwidth: 1 })).toBeUndefined();
  expect(inquire({ a: "HKHKG", z: "ITMIL", bandwidth: 1, type: "urn:x", ceiling: "EUR:5" })).toMatchObject({ ceiling: { amount: "5", currency: "EUR" } });
});

it("reads a ceiling, and nothing else as one", () => {
  expect(ceiling("EUR:500.5")).toEqual({ currency: "EUR", amount: "500.5" });
  expect(ceiling("500")).toBeUndefined();
});
