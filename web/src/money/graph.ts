// Who owes whom, as a picture: members on a circle, debts as arrows between them. What is
// here is arithmetic only; DebtGraph draws it.

import { micro } from "@/lib/money";

export interface Debt {
  debtor: string;
  creditor: string;
  amount: string;
}

export interface Point {
  x: number;
  y: number;
}

export interface Arrow extends Debt {
  path: string; // of an SVG
  width: number;
  label: Point;
}

export interface Picture {
  size: number;
  nodes: (Point & { id: string; text: Point; anchor: "start" | "middle" | "end" })[];
  arrows: Arrow[];
}

const radius = 26;

// members lists everybody who owes or is owed, in order of their names.
export function members(...all: Debt[][]): string[] {
  return [...new Set(all.flat().flatMap((d) => [d.debtor, d.creditor]))].sort();
}

// picture lays members out on a circle and draws an arrow for each debt that is not zero,
// the wider the more is owed. The same members stand at the same places before and after,
// and widths compare with the largest debt of both.
export function picture(who: string[], debts: Debt[], largest: string, size = 340): Picture {
  const middle = size / 2;
  const ring = who.length <= 1 ? 0 : middle - 62;
  const at = new Map<string, Point>();
  const nodes = who.map((id, i) => {
    const angle = (2 * Math.PI * i) / who.length - (who.length === 2 ? Math.PI : Math.PI / 2);
    const p = { x: round(middle + ring * Math.cos(angle)), y: round(middle + ring * Math.sin(angle)) };
    at.set(id, p);
    return { id, ...p, text: p, anchor: "middle" as const };
  });
  const most = micro(largest);
  const arrows: Arrow[] = [];
  for (const d of debts) {
    const value = micro(d.amount);
    const a = at.get(d.debtor);
    const b = at.get(d.creditor);
    if (value === 0n || !a || !b || a === b) continue;
    const share = most === 0n ? 0 : Number((value * 1000n) / most) / 1000;
    arrows.push({ ...d, width: round(1.5 + 5.5 * share), ...arc(a, b) });
  }
  return { size, nodes, arrows };
}

// arc bends an arrow to its left, so that of two that owe each other both are seen.
function arc(a: Point, b: Point): { path: string; label: Point } {
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const length = Math.hypot(dx, dy) || 1;
  const nx = -dy / length;
  const ny = dx / length;
  const bend = Math.min(46, length * 0.18);
  const mid = { x: (a.x + b.x) / 2 + nx * bend, y: (a.y + b.y) / 2 + ny * bend };
  const from = towards(a, mid, radius);
  const to = towards(b, mid, radius + 9); // room for the head
  return {
    path: `M${round(from.x)} ${round(from.y)}Q${round(mid.x)} ${round(mid.y)} ${round(to.x)} ${round(to.y)}`,
    label: { x: round((from.x + 2 * mid.x + to.x) / 4), y: round((from.y + 2 * mid.y + to.y) / 4) },
  };
}

function towards(from: Point, to: Point, by: number): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  return { x: from.x + ((to.x - from.x) * by) / length, y: from.y + ((to.y - from.y) * by) / length };
}

const round = (v: number) => Math.round(v * 10) / 10;

// largest gives the largest of all debts.
export function largest(...all: Debt[][]): string {
  let most = "0";
  for (const d of all.flat()) if (micro(d.amount) > micro(most)) most = d.amount;
  return most;
}

// open counts the debts that are not zero.
export function open(debts: Debt[]): number {
  return debts.filter((d) => micro(d.amount) !== 0n).length;
}

// bilateral gives the debts of a netting of two before and after, in one currency. The
// first of gross is owed to the first member, in byte order of their codes.
export function bilateral(pair: [string, string], sum: { gross: string[]; net: string; payer?: string; payee?: string }): { before: Debt[]; after: Debt[] } {
  const [a, b] = [...pair].sort((x, y) => (x < y ? -1 : 1)) as [string, string];
  return {
    before: [
      { debtor: b, creditor: a, amount: sum.gross[0] ?? "0" },
      { debtor: a, creditor: b, amount: sum.gross[1] ?? "0" },
    ],
    after: sum.payer && sum.payee ? [{ debtor: sum.payer, creditor: sum.payee, amount: sum.net }] : [],
  };
}

// round gives the debts of a round before and after. By position, payments stand in the
// place of debts.
export function ofRound(r: { debts: { debtor: string; creditor: string; offered: string; left: string }[]; payments: { payer: string; payee: string; amount: string }[] }, name: (key: string) => string): { before: Debt[]; after: Debt[] } {
  return {
    before: r.debts.map((d) => ({ debtor: name(d.debtor), creditor: name(d.creditor), amount: d.offered })),
    after: [
      ...r.debts.map((d) => ({ debtor: name(d.debtor), creditor: name(d.creditor), amount: d.left })),
      ...r.payments.map((p) => ({ debtor: name(p.payer), creditor: name(p.payee), amount: p.amount })),
    ],
  };
}

// names gives a name for each key of a round: a partner's code, this carrier's own, or the
// beginning of the key, for who is behind it is not known here.
export function names(pairs: { partner: string; key: string }[], own?: { code: string; key?: string }): (key: string) => string {
  const known = new Map(pairs.map((p) => [p.key, p.partner]));
  if (own?.key) known.set(own.key, own.code);
  return (key) => known.get(key) ?? key.slice(0, 6);
}
