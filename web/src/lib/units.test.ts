import { expect, it } from "vitest";

import { bandwidth, latency, megabits, metres, parameter, percent, scaled } from "./units";

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

it("writes a parameter by what its name says that it counts", () => {
  expect(parameter("invitation_millis", 604_800_000, "en")).toEqual(["invitation", "7 d"]);
  expect(parameter("wait_millis", 250, "en")).toEqual(["wait", "250\u00a0ms"]);
  expect(parameter("member_bytes", 134_217_728, "en")).toEqual(["member", "128\u00a0MiB"]);
  expect(parameter("reserve_bytes", 1_500, "de")).toEqual(["reserve", "1,5\u00a0KiB"]);
  expect(parameter("suspend_percent", 66, "en")).toEqual(["suspend", "66\u00a0%"]);
  expect(parameter("vouchers", 2, "en")).toEqual(["vouchers", "2"]);
  expect(parameter("name", "sandbox", "en")).toEqual(["name", "sandbox"]);
});
