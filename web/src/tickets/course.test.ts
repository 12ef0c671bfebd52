import { expect, it } from "vitest";

import type { Schema } from "@/api/client";

import { course, productOf } from "./course";

const ticket = (over: Partial<Schema<"Ticket">>) => ({ id: "T-1", status: "inProgress", history: [], ...over }) as Schema<"Ticket">;

it("shows notes among the states by time", () => {
  const all = course(
    ticket({
      history: [
        { status: "acknowledged", time: "2026-11-01T00:00:00Z" },
        { status: "inProgress", time: "2026-11-01T02:00:00Z" },
      ],
      notes: [{ author: "NOC", by: "seller", text: "<b>looking</b>", time: "2026-11-01T01:00:00Z" }],
    }),
  );
  expect(all.map((m) => m.state)).toEqual(["acknowledged", "note", "inProgress"]);
});

it("knows which product it is about", () => {
  expect(productOf(ticket({ about: "Product P-1" }))).toBe("P-1");
  expect(productOf(ticket({ about: "Order O 1" }))).toBeUndefined();
});
