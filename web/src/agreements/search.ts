const word = (v: unknown) => (typeof v === "string" && v.length <= 80 ? v : undefined);

export const states = ["proposed", "active", "rejected", "terminated"] as const;

export const agreementsSearch = (s: Record<string, unknown>): { partner?: string; state?: (typeof states)[number] } => ({ partner: word(s.partner), state: states.find((x) => x === s.state) });
export const newSearch = (s: Record<string, unknown>): { partner?: string } => ({ partner: word(s.partner) });
export const tabSearch = (s: Record<string, unknown>): { version?: number } => ({ version: typeof s.version === "number" && Number.isInteger(s.version) ? s.version : undefined });
export const ruleSearch = (s: Record<string, unknown>): { from?: string; to?: string } => ({ from: word(s.from), to: word(s.to) });
