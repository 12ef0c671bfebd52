import { expect, it } from "vitest";

import { closed, keyOf, takesKey } from "./once";

it("gives a change the same key until it was answered", () => {
  const first = keyOf("POST /v1/transfers {1}");
  expect(keyOf("POST /v1/transfers {1}")).toBe(first);
  expect(keyOf("POST /v1/transfers {2}")).not.toBe(first);
  closed("POST /v1/transfers {1}");
  expect(keyOf("POST /v1/transfers {1}")).not.toBe(first);
});

it("knows the operations that take a key", () => {
  expect(takesKey("POST", "/v1/transfers")).toBe(true);
  expect(takesKey("POST", "/v1/bilaterals/BRAVO/orders")).toBe(true);
  expect(takesKey("GET", "/v1/transfers")).toBe(false);
  expect(takesKey("POST", "/v1/bilaterals/BRAVO/orders/O-1/accept")).toBe(false);
});
