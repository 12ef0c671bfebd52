import { expect, it } from "vitest";

import { billed, product, spaced } from "./names";

it("shortens types of products", () => {
  expect(product("urn:lateral:spec:e-line:v1.0.0:all")).toBe("e-line");
  expect(product("urn:example:session:1")).toBe("session");
  expect(product("1")).toBe("1");
  expect(product("plain")).toBe("plain");
});

it("writes names of states in words", () => {
  expect(spaced("inProgress")).toBe("in progress");
  expect(spaced("held.assessingCharge")).toBe("held assessing charge");
  expect(spaced("in-force")).toBe("in force");
});

it("names what a period is of, for products the agreement and the account", () => {
  expect(billed("V-ALPHA", "BRAVO")).toEqual({ of: "V-ALPHA", products: false });
  expect(billed("_MSA-1.BRAVO", "BRAVO")).toEqual({ of: "MSA-1", products: true });
  expect(billed("_MSA.1.BRAVO.backbone", "BRAVO")).toEqual({ of: "MSA.1, backbone", products: true });
  expect(billed("_MSA-1.BRAVO")).toEqual({ of: "MSA-1.BRAVO", products: true });
  expect(billed("_MSA-1.BRAVO2", "BRAVO")).toEqual({ of: "MSA-1.BRAVO2", products: true });
});
