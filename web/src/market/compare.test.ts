import { expect, it } from "vitest";

import type { Schema } from "@/api/client";

import { bests } from "./compare";

const offer = (quote: string, each: string, latency: number, availability = 999_900) =>
  ({ quote, once: { amount: "10", currency: "EUR" }, each: { amount: each, currency: "EUR" }, latency, availability, legs: [], period: "1mo", until: "" }) as unknown as Schema<"Offer">;

it("finds what nothing beats, by exact amounts", () => {
  const b = bests([offer("p", "9667.825230", 115_000), offer("q", "9667.825231", 90_000)]);
  expect([...b.each]).toEqual(["p"]);
  expect([...b.latency]).toEqual(["q"]);
});

it("marks nothing where all are alike, or there is one only", () => {
  expect(bests([offer("p", "1", 1), offer("q", "1.00", 1)]).each.size).toBe(0);
  expect(bests([offer("p", "1", 1)]).each.size).toBe(0);
});

it("prefers the higher availability", () => {
  expect([...bests([offer("p", "1", 1, 999_000), offer("q", "1", 1, 999_999)]).availability]).toEqual(["q"]);
});
