// What of these pages stands in the address.

const word = (v: unknown) => (typeof v === "string" && v.length <= 64 ? v : undefined);

function among<T extends string>(all: readonly T[], v: unknown): T | undefined {
  return all.find((a) => a === v);
}

export const lists = ["partners", "members"] as const;
export const tabs = ["overview", "agreements", "sheets", "files", "waiting"] as const;
export const steps = ["organisation", "keys", "partner", "agreement", "rates", "period"] as const;

export type List = (typeof lists)[number];
export type Tab = (typeof tabs)[number];
export type Step = (typeof steps)[number];

export const partnersSearch = (s: Record<string, unknown>): { list?: List; state?: string; q?: string } => ({ list: among(lists, s.list), state: word(s.state), q: word(s.q) });
export const partnerTab = (s: Record<string, unknown>): { tab?: Tab } => ({ tab: among(tabs, s.tab) });
export const step = (s: Record<string, unknown>): { step?: Step; partner?: string } => ({ step: among(steps, s.step), partner: word(s.partner) });
