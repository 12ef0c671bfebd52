import { expect, it } from "vitest";

import type { Schema } from "@/api/client";

import { course } from "./course";

type Order = Schema<"Order">;

const act = (time: string) => ({ by: "ALPHA", command: "", height: 1, time });
const order = (over: Partial<Order>) => ({ id: "O-1", buyer: "ALPHA", seller: "BRAVO", direction: "ALPHA>BRAVO", state: "acknowledged", kind: "standing", placed: act("2026-11-01T00:00:00Z"), ...over }) as Order;
const about = (over: Partial<Schema<"OrderedProduct">>) => ({ history: [], ...over }) as unknown as Schema<"OrderedProduct">;

it("puts delivery and confirmation among the states, by time", () => {
  const o = order({
    state: "completed",
    product: about({
      history: [
        { state: "acknowledged", time: "2026-11-01T00:00:00Z" },
        { state: "inProgress", time: "2026-11-01T00:01:00Z" },
        { state: "completed", time: "2026-11-01T00:04:00Z" },
      ],
      delivery: { at: "", by: act("2026-11-01T00:02:00Z"), confirmed: act("2026-11-01T00:03:00Z") },
    }),
  });
  expect(course(o).map((m) => m.state)).toEqual(["acknowledged", "inProgress", "delivered", "confirmed", "completed"]);
});

it("has delivery before completion where both are of one moment", () => {
  const now = "2026-11-01T00:00:00Z";
  const o = order({ state: "completed", product: about({ history: [{ state: "inProgress", time: now }, { state: "completed", time: now }], delivery: { at: "", by: act(now) } }) });
  expect(course(o).map((m) => m.state)).toEqual(["inProgress", "delivered", "completed"]);
});

it("says at the end why", () => {
  expect(course(order({ state: "rejected", why: "no capacity" })).at(-1)).toMatchObject({ state: "rejected", text: "no capacity" });
});
