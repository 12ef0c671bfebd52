import { expect, it } from "vitest";

import { silent } from "./silent";

it("tells of a partner only when it has owed an answer for a while", () => {
  const of = (partner: string, since?: string) => ({ partner, unanswered_since: since });
  const all = [of("A"), of("B", "2026-11-27T15:01:18.128Z"), of("C", "2026-11-27T15:01:27Z")];
  expect(silent(all, "2026-11-27T15:01:30Z").map((b) => b.partner)).toEqual(["B"]);
});
