// Search is what the pages about money keep in the address.
export interface Search {
  tab?: string;
  partner?: string;
  state?: string;
  currency?: string;
  purpose?: string;
  payer?: string;
  age?: string;
  token?: string;
  from?: string;
  to?: string;
  all?: string;
  id?: string;
}

const keys: (keyof Search)[] = ["tab", "partner", "state", "currency", "purpose", "payer", "age", "token", "from", "to", "all", "id"];

// searchOf takes from an address what it may hold.
export function searchOf(raw: Record<string, unknown>): Search {
  const out: Search = {};
  for (const k of keys) {
    const v = raw[k];
    if ((typeof v === "string" || typeof v === "number") && v !== "") out[k] = String(v).slice(0, 200);
  }
  return out;
}
