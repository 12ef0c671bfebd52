import { expect, it } from "vitest";

import { interval, moment, span } from "./time";

it("shows a time in the chosen zone, and names the zone", () => {
  expect(moment("2026-11-02T00:00:00Z", "en-GB", "UTC")).toMatch(/02 Nov 2026.*00:00:00.*UTC/);
  expect(moment("2026-07-02T00:30:00Z", "en-GB", "Asia/Tokyo")).toMatch(/02 Jul 2026.*09:30:00.*GMT\+9/);
});

it("says how long something takes in its two largest units", () => {
  expect(span(0)).toBe("0 s");
  expect(span(-5)).toBe("0 s");
  expect(span(61_000)).toBe("1 min 1 s");
  expect(span(90_000_000)).toBe("1 d 1 h");
});

it("splits an interval of the API", () => {
  expect(interval("2026-11-02T00:00:00Z/2026-11-02T01:00:00Z")).toEqual({ from: "2026-11-02T00:00:00Z", to: "2026-11-02T01:00:00Z" });
  expect(interval("")).toEqual({ from: "", to: "" });
});
