import { expect, it } from "vitest";

import { bandwidth, latency, megabits, metres, percent, scaled } from "./units";

it("writes bandwidth in the largest unit of which there is one", () => {
  expect(bandwidth(100_000_000, "en")).toBe("100\u00a0Mbit/s");
  expect(bandwidth(1_500_000_000, "de")).toBe("1,5\u00a0Gbit/s");
  expect(bandwidth(0, "en")).toBe("0\u00a0bit/s");
});

it("writes latency, shares and lengths", () => {
  expect(latency(17_350, "en")).toBe("17.35\u00a0ms");
  expect(percent(999_980, "en")).toBe("99.998\u00a0%");
  expect(metres(9_338_400, "en")).toBe("9,338.4\u00a0km");
  expect(latency(0, "en")).toBe("–");
});

it("reads what people write", () => {
  expect(megabits("100")).toBe(100_000_000);
  expect(megabits("0.5")).toBe(500_000);
  expect(megabits("")).toBeUndefined();
  expect(scaled("much", 1000)).toBeUndefined();
  expect(scaled(99.99, 10_000)).toBe(999_900);
});
