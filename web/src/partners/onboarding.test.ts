import { expect, it } from "vitest";

import type { Schema } from "@/api/client";

import { current, opening, progress } from "./onboarding";
import { steps } from "./search";

const member = { code: "ALPHA", state: "active", member_keys: [{ key: "aa", from: 1 }], node_keys: [{ key: "bb", from: 1 }] } as unknown as Schema<"Member">;
const bilateral = (state: string, more: object = {}) => ({ partner: "BRAVO", state, ...more }) as unknown as Schema<"Bilateral">;
const agreement = (state: string) => ({ id: "A-1", state }) as unknown as Schema<"Agreement">;

it("takes up at the first step that is not done", () => {
  expect(current(progress({ member: undefined, bilaterals: [], agreements: [] }), steps)).toBe("organisation");
  expect(current(progress({ member: { ...member, state: "applied" }, bilaterals: [], agreements: [] }), steps)).toBe("organisation");
  expect(current(progress({ member, bilaterals: [bilateral("opening")], agreements: [] }), steps)).toBe("partner");
  expect(current(progress({ member, bilaterals: [bilateral("open")], agreements: [agreement("proposed")] }), steps)).toBe("agreement");
  expect(current(progress({ member, bilaterals: [bilateral("open")], agreements: [agreement("active")] }), steps)).toBe("agreement");
});

it("follows a Bilateral until both sides are bound", () => {
  expect(opening(bilateral("opening"))).toBe("announced");
  expect(opening(bilateral("opening", { members: { sides: [{ member: "ALPHA", keys: ["aa"] }] } }))).toBe("binding");
  expect(opening(bilateral("open"))).toBe("open");
  expect(opening(bilateral("diverged"))).toBe("open");
  expect(opening(bilateral("lapsed"))).toBe("lapsed");
});
