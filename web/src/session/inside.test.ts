import { expect, it } from "vitest";

import { inside } from "./inside";

it("goes after signing in to an address of the portal only", () => {
  expect(inside("/invoices/I-1?tab=lines")).toBe("/invoices/I-1?tab=lines");
  for (const bad of ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "", undefined, 7, "/sign-in?then=/sign-in"]) expect(inside(bad)).toBe("/");
});
