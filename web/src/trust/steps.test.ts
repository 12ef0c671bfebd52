import { expect, it } from "vitest";

import { before, latest, marks, short } from "./steps";

it("says which steps of a proof held, which failed, and which nobody looked at", () => {
  expect(marks()).toEqual({ certificate: "held", channel: "held", anchor: "held", log: "held", record: "held" });
  expect(marks("anchor")).toEqual({ certificate: "held", channel: "held", anchor: "failed", log: "unknown", record: "unknown" });
  expect(marks("version")).toEqual({ certificate: "unknown", channel: "unknown", anchor: "unknown", log: "unknown", record: "unknown" });
});

it("reads one entry by the cursor behind it, and takes no other text", () => {
  expect(before("17")).toBe("16");
  expect(before("0")).toBeUndefined();
  expect(before("1&limit=9")).toBeUndefined();
});

it("begins a long log near its end", () => {
  expect(latest(10_000, 500)).toBe("9500");
  expect(latest(20, 500)).toBeUndefined();
});

it("shortens hashes and leaves words", () => {
  expect(short("0123456789abcdef0123456789abcdef")).toBe("01234567…abcdef");
  expect(short("ALPHA")).toBe("ALPHA");
});
