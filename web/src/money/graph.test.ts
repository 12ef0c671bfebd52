import { expect, it } from "vitest";

import { bilateral, largest, members, names, ofRound, open, picture } from "./graph";
import { before } from "./proposal";

const example = [
  { debtor: "ALPHA", creditor: "BRAVO", amount: "100.00" },
  { debtor: "BRAVO", creditor: "ALPHA", amount: "40.00" },
  { debtor: "BRAVO", creditor: "CHARLIE", amount: "0.000000" },
];

it("draws an arrow for each debt that is left, the wider the more is owed", () => {
  const p = picture(members(example), example, largest(example));
  expect(p.nodes.map((n) => n.id)).toEqual(["ALPHA", "BRAVO", "CHARLIE"]);
  expect(p.arrows).toHaveLength(2);
  expect(p.arrows[0]!.width).toBe(7);
  expect(p.arrows[1]!.width).toBeLessThan(p.arrows[0]!.width);
  expect(open(example)).toBe(2);
});

it("bends two debts of one pair apart, so that both are seen", () => {
  const [there, back] = picture(members(example), example, "100").arrows;
  expect(there!.path).not.toBe(back!.path);
  expect(Math.hypot(there!.label.x - back!.label.x, there!.label.y - back!.label.y)).toBeGreaterThan(20);
});

it("keeps everybody inside of the picture, at the same place before and after", () => {
  const who = Array.from({ length: 24 }, (_, i) => `M${String(i).padStart(2, "0")}`);
  const p = picture(who, [], "0");
  for (const n of p.nodes) {
    expect(n.x).toBeGreaterThan(24);
    expect(n.x).toBeLessThan(p.size - 24);
  }
  expect(picture(who, example, "100").nodes).toEqual(p.nodes);
});

it("reads a netting of two by the byte order of their codes, whoever looks", () => {
  const sum = { gross: ["40.000000", "100.000000"], net: "60.000000", payer: "ALPHA", payee: "BRAVO" };
  const mine = bilateral(["ALPHA", "BRAVO"], sum);
  expect(mine).toEqual(bilateral(["BRAVO", "ALPHA"], sum));
  expect(mine.before).toContainEqual({ debtor: "ALPHA", creditor: "BRAVO", amount: "100.000000" });
  expect(mine.after).toEqual([{ debtor: "ALPHA", creditor: "BRAVO", amount: "60.000000" }]);
  expect(bilateral(["A", "B"], { gross: ["5", "5"], net: "0" }).after).toEqual([]);
});

it("names keys of a round only where they are known", () => {
  const name = names([{ partner: "BRAVO", key: "bb".repeat(32) }], { code: "ALPHA", key: "aa".repeat(32) });
  expect([name("bb".repeat(32)), name("aa".repeat(32)), name("cc".repeat(32))]).toEqual(["BRAVO", "ALPHA", "cccccc"]);
  const r = ofRound({ debts: [{ debtor: "aa".repeat(32), creditor: "bb".repeat(32), offered: "10", left: "0" }], payments: [{ payer: "cc".repeat(32), payee: "aa".repeat(32), amount: "3" }] }, name);
  expect(r.before).toEqual([{ debtor: "ALPHA", creditor: "BRAVO", amount: "10" }]);
  expect(r.after).toContainEqual({ debtor: "cccccc", creditor: "ALPHA", amount: "3" });
});

it("previews what a netting leaves, by currency, with credit notes the other way", () => {
  const [eur, usd] = before(
    [
      { buyer: "ALPHA", seller: "BRAVO", currency: "USD", total: "100.000001" },
      { buyer: "BRAVO", seller: "ALPHA", currency: "USD", total: "40" },
      { buyer: "ALPHA", seller: "BRAVO", currency: "USD", total: "-10" },
      { buyer: "BRAVO", seller: "ALPHA", currency: "EUR", total: "7.5" },
    ],
    "ALPHA",
  );
  expect(eur).toMatchObject({ currency: "EUR", after: [{ debtor: "BRAVO", creditor: "ALPHA", amount: "7.500000" }] });
  expect(usd!.before.map((d) => d.amount)).toEqual(["100.000001", "50.000000"]);
  expect(usd!.after).toEqual([{ debtor: "ALPHA", creditor: "BRAVO", amount: "50.000001" }]);
});
