import { expect, it } from "vitest";

import { at, examples, read } from "./examples";
import { kinds } from "./queries";

it("begins with examples that can be read again", () => {
  for (const k of kinds) expect(read(JSON.stringify(examples[k])).item).toEqual(examples[k]);
});

it("says what is wrong with a text", () => {
  expect(read("{").wrong).toBeTruthy();
  expect(read("[]").wrong).toBeTruthy();
});

it("finds the field that a problem names", () => {
  expect(at(examples.offerings, "prices.0.rate")).toBe('"250"');
  expect(at(examples.offerings, "body.bandwidth.max")).toBe("10000000000");
  expect(at(examples.offerings, "nothing.there")).toBeUndefined();
});
