import { expect, it } from "vitest";

import type { Schema } from "@/api/client";

import { moving, running, stages } from "./stages";

const service = (over: Partial<Schema<"Service">>) => ({ id: "s", a: "HKHKG", z: "ITMIL", type: "t", state: "ordered", offer: {}, ...over }) as Schema<"Service">;

it("shows what is behind and what is ahead", () => {
  const all = stages(service({ state: "delivered", why: "18 ms are more than 17" }));
  expect(all.map((m) => [m.state, m.ahead])).toEqual([
    ["reserving", false],
    ["reserved", false],
    ["ordered", false],
    ["delivered", false],
    ["accepted", true],
  ]);
  expect(all[3]!.text).toBe("18 ms are more than 17");
});

it("ends with the reason where it was released", () => {
  const all = stages(service({ state: "released", why: "order-nonconforming (annex-c)" }));
  expect(all.at(-1)).toMatchObject({ state: "released", text: "order-nonconforming (annex-c)" });
  expect(all.some((m) => m.ahead)).toBe(false);
});

it("has the times that are known", () => {
  const all = stages(service({ state: "ended", since: "2026-11-01T00:00:00Z", ended: "2026-11-02T00:00:00Z" }));
  expect(all.at(-2)!.time).toBe("2026-11-01T00:00:00Z");
  expect(all.at(-1)!.time).toBe("2026-11-02T00:00:00Z");
});

it("knows what can still happen", () => {
  expect(running(service({ state: "released" }))).toBe(false);
  expect(moving(service({ state: "accepted" }))).toBe(false);
  expect(moving(service({ state: "reserved" }))).toBe(true);
});
