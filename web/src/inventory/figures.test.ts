import { expect, it } from "vitest";

import type { Schema } from "@/api/client";

import { figures, sideText } from "./figures";

const m = {
  product: "S-1",
  interval: "a/b",
  state: "proposed",
  roots: {},
  figures: [
    { of: "use", name: "session", seller: 3600, buyer: 3599, proposed: 3590 },
    { of: "service", name: "availability", seller: 999_990 },
  ],
} as Schema<"Measurement">;

it("writes what each side says", () => {
  expect(sideText(m, "seller")).toBe("session 3600, availability 999990");
  expect(sideText(m, "seller", "en")).toBe("session 3,600, availability 99.999\u00a0%");
  expect(sideText(m, "buyer")).toBe("session 3599");
  expect(sideText(m, "counts")).toBe("–");
});

it("keeps use apart from service in a request, and leaves out what is not said", () => {
  expect(figures(m, (f) => f.proposed)).toEqual({ used: [{ name: "session", value: 3590 }] });
  expect(figures(m, (_, i) => i)).toEqual({ used: [{ name: "session", value: 0 }], service: [{ name: "availability", value: 1 }] });
});
