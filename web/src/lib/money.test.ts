import { describe, expect, it } from "vitest";

import { decimal, group, less, micro, share, sum } from "./money";

describe("amounts", () => {
  it("are read to the last millionth, and refused when they are none", () => {
    expect(micro("360.022194")).toBe(360_022_194n);
    expect(micro("-0.000001")).toBe(-1n);
    expect(micro("9999999999999.999999")).toBe(9_999_999_999_999_999_999n);
    for (const bad of ["", "1,5", "1e3", "0.1234567", " 1", "1 ", "+1", "NaN", "--1"]) expect(() => micro(bad)).toThrow(/not an amount/);
  });

  it("add up exactly where floating point would not", () => {
    expect(sum(["0.1", "0.2"])).toBe("0.300000");
    expect(sum(Array.from({ length: 1000 }, () => "0.000001"))).toBe("0.001000");
    expect(less("1", "1.000001")).toBe("-0.000001");
    expect(decimal(micro("-12.5"))).toBe("-12.500000");
  });

  it("are shown with every digit that counts, in the language's form", () => {
    expect(group("1234567.5", "en")).toBe("1,234,567.50");
    expect(group("1234567.000001", "de")).toBe("1.234.567,000001");
    expect(group("0.046300000", "en")).toBe("0.046300");
    expect(group("-0.000", "en")).toBe("0.00");
    expect(() => group("a lot", "en")).toThrow("not an amount");
    expect(group("-0.5", "en")).toBe("\u22120.50");
    expect(group("9007199254740.993001", "en")).toBe("9,007,199,254,740.993001");
  });

  it("have no share of nothing", () => {
    expect(share("1", "0")).toBe(0);
    expect(share("1", "4")).toBe(0.25);
  });
});
