import { expect, it } from "vitest";

import type { Schema } from "@/api/client";

import { course, steps } from "./steps";

const ticket = (over: Partial<Schema<"Ticket">>) => ({ id: "T-1", status: "inProgress", history: [], ...over }) as Schema<"Ticket">;

it("offers nothing for what is over", () => {
  expect(steps(ticket({ status: "closed" }))).toEqual([]);
  expect(steps(ticket({ status: "resolved" }))).toEqual(["close"]);
  expect(steps(ticket({}))).toContain("resolve");
});

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
