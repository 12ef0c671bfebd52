import { expect, it } from "vitest";

import { fromWall, wall } from "./wall";

it("goes from a moment to wall time and back, on either side of a change of the clocks", () => {
  for (const [zone, at, shown] of [
    ["Europe/Rome", "2026-11-27T19:00:00Z", "2026-11-27T20:00"],
    ["Europe/Rome", "2026-07-01T19:00:00Z", "2026-07-01T21:00"],
    ["Asia/Kolkata", "2026-11-27T19:00:00Z", "2026-11-28T00:30"],
    ["UTC", "2026-01-01T00:00:00Z", "2026-01-01T00:00"],
    ["Europe/Rome", "2026-11-27T19:00:15Z", "2026-11-27T20:00:15"],
  ] as const) {
    expect(wall(at, zone)).toBe(shown);
    expect(fromWall(shown, zone)).toBe(at);
  }
});

it("gives nothing for what is no time", () => {
  expect(fromWall("", "UTC")).toBeUndefined();
  expect(fromWall("soon", "UTC")).toBeUndefined();
});
