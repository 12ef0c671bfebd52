import { expect, it } from "vitest";

import { csv, harmless } from "./csv";

it("quotes what has commas, quotes or line ends", () => {
  expect(csv(["a", "b"], [['x,"y"', "two\nlines"], [1, null]])).toBe('a,b\r\n"x,""y""","two\nlines"\r\n1,\r\n');
});

it("never lets a partner's text become a formula in a spreadsheet", () => {
  for (const bad of ["=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-2+3", "\t=1", " =1+1", "\u200B=1+1", "\u202E@SUM(A1)", "\uFEFF+1+1", "＝1+1", "\n=1"]) expect(harmless(bad)).toBe(`'${bad}`);
  expect(harmless("-12.50")).toBe("-12.50");
  expect(harmless("plain")).toBe("plain");
});
