import { expect, it } from "vitest";

import type { Schema } from "@/api/client";

import { base64, byHand, schedulesOf, type ByHand } from "./byHand";

const agreement = { id: "MSA-1", versions: [{ terms: { products: [{ clause: "f", line: "connectivity", schedules: [{ name: "traffic", type: "urn:x", prices: [] }] }, { clause: "e", line: "connectivity" }] } }] } as unknown as Schema<"Agreement">;
const given = (over: Partial<ByHand>): ByHand => ({ way: "schedule", value: "", currency: "", ...over });
const now = new Date("2026-11-01T00:00:00Z");

it("finds the schedules of an agreement, with their line", () => {
  expect(schedulesOf(agreement).map((s) => [s.name, s.line])).toEqual([["traffic", "connectivity"]]);
  expect(schedulesOf(undefined)).toEqual([]);
});

it("orders by a schedule, with what is expected", () => {
  const o = byHand(given({ schedule: "traffic", value: "50", currency: "eur", payload: '{"a":1}' }), agreement, schedulesOf(agreement)[0], undefined, undefined, now, () => "P-1");
  expect(o).toMatchObject({ kind: "product", agreement: "MSA-1", line: "connectivity", from: now.toISOString(), value: [{ amount: "50", currency: "EUR" }], product: { action: "add", id: "P-1", schedule: "traffic" } });
  expect(atob(o.payload!)).toBe('{"a":1}');
});

it("orders by a quote as it was pasted, and by a sheet", () => {
  expect(byHand(given({ way: "quote", quote: "ow\nGp ", id: "P-2" }), agreement, undefined, undefined, undefined, now).product).toMatchObject({ id: "P-2", quote: "owGp", schedule: undefined });
  expect(byHand(given({ way: "standing", sheet: "S-1" }), agreement, undefined, undefined, { line: "voice" } as Schema<"Sheet">, now)).toEqual({ kind: "standing", agreement: "MSA-1", line: "voice", sheet: "S-1", from: now.toISOString(), value: undefined });
});

it("writes bytes", () => {
  expect(base64(new Uint8Array([0, 255]))).toBe("AP8=");
});
