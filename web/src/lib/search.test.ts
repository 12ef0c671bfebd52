import { expect, it } from "vitest";

import { filled, search } from "./search";

const read = search({ partner: "text", people: "flag" });

it("takes what a page knows, and nothing else", () => {
  expect(read({ partner: "BRAVO", people: "true", evil: "x", constructor: "y" })).toEqual({ partner: "BRAVO", people: true });
  expect(read({ partner: { a: 1 }, people: "yes" })).toEqual({});
  expect(read({ partner: 7 })).toEqual({ partner: "7" });
});

it("leaves out what says nothing", () => {
  expect(filled({ a: "", b: undefined, c: false, d: "x", e: true })).toEqual({ d: "x", e: true });
});
