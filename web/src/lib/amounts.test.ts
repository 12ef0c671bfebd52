import { expect, it } from "vitest";

import { amounts, spelled } from "./amounts";

it("reads amounts in several currencies, in either order", () => {
  expect(amounts("USD 250.5, 5000 eur")).toEqual([
    { currency: "EUR", amount: "5000.000000" },
    { currency: "USD", amount: "250.500000" },
  ]);
  expect(amounts(" EUR:1 ")).toEqual([{ currency: "EUR", amount: "1.000000" }]);
  expect(amounts("")).toEqual([]);
});

it("refuses what is no amount, and a currency twice", () => {
  for (const bad of ["EUR", "5", "EUR 1,5", "EUR -1", "EUR 1, EUR 2", "EURO 1", "EUR 0.1234567"]) expect(amounts(bad)).toBeUndefined();
});

it("writes what it reads", () => {
  expect(spelled([{ currency: "EUR", amount: "5000.000000" }])).toBe("EUR 5000");
  expect(spelled([{ currency: "EUR", amount: "0.000000" }])).toBe("EUR 0");
  expect(amounts(spelled(amounts("EUR 100.05")))).toEqual(amounts("EUR 100.05"));
  expect(spelled(undefined)).toBe("");
});
