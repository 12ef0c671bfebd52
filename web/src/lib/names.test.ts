import { expect, it } from "vitest";

import { product, spaced } from "./names";

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
