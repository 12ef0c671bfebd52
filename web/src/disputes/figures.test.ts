import { expect, it } from "vitest";

import { gap, half, inPath, split } from "./figures";

const side = (calls: number, billed_seconds: number, amount: string) => ({ calls, billed_seconds, amount, raw_millis: 0 });

it("gives the odd second and the odd millionth to the seller", () => {
  expect(split({ seller: side(2, 91, "0"), buyer: side(1, 60, "0") })).toEqual({ calls: 2, billed_seconds: 76 });
  expect(split({ seller: side(1, 60, "0"), buyer: side(2, 91, "0") })).toEqual({ calls: 1, billed_seconds: 75 });
  expect(half({ seller: side(0, 0, "0.000001"), buyer: side(0, 0, "0.000000") })).toBe("0.000001");
  expect(half({ seller: side(0, 0, "3"), buyer: side(0, 0, "2") })).toBe("2.500000");
});

it("takes the buyer's amount from the seller's", () => {
  expect(gap({ seller: side(1, 1, "1.364518"), buyer: side(1, 1, "0.915586") })).toBe("0.448932");
  expect(gap({ seller: side(0, 0, "0"), buyer: side(1, 1, "0.472673") })).toBe("-0.472673");
});

it("writes ids as paths have them", () => {
  expect(inPath("V-A/1/0/7")).toBe("V-A~1~0~7");
});
