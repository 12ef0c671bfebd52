const word = (v: unknown) => (typeof v === "string" && v.length <= 80 ? v : undefined);

export const states = ["proposed", "acknowledged", "accepted", "rejected", "withdrawn"] as const;
export const kinds = ["new", "up", "down", "mixed", "removed", "unchanged"] as const;

export type State = (typeof states)[number];
export type Kind = (typeof kinds)[number];

export const sheetsSearch = (s: Record<string, unknown>): { partner?: string; state?: State; way?: "in" | "out" } => ({
  partner: word(s.partner),
  state: states.find((x) => x === s.state),
  way: s.way === "in" || s.way === "out" ? s.way : undefined,
});
export const uploadSearch = (s: Record<string, unknown>): { partner?: string } => ({ partner: word(s.partner) });
export const marginSearch = (s: Record<string, unknown>): { partner?: string; from?: string; q?: string } => ({ partner: word(s.partner), from: word(s.from), q: word(s.q) });
export const sheetTab = (s: Record<string, unknown>): { tab?: "rows" | "changes"; kind?: Kind; q?: string } => ({
  tab: s.tab === "rows" || s.tab === "changes" ? s.tab : undefined,
  kind: kinds.find((x) => x === s.kind),
  q: word(s.q),
});
