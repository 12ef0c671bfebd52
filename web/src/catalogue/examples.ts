import type { Item, Kind } from "./queries";

// examples are what a new item begins with: small, and in the form that the API takes.
export const examples: Record<Kind, Item> = {
  offerings: {
    id: "hk-mil",
    name: "Hong Kong to Milan",
    specification: "e-line",
    bandwidth: { min: 1_000_000, max: 10_000_000_000, step: 1_000_000 },
    prices: [{ name: "port", kind: "recurring", currency: "EUR", rate: "250", unit: 1, period: { length: "1mo" } }],
    legs: [{ a: { place: "HKHKG" }, z: { place: "ITMIL", radius: 30_000 }, links: ["hk-mil"], latency: 170_000, availability: 999_900 }],
  },
  specifications: { id: "e-line", name: "Ethernet line", type: "urn:lateral:spec:e-line:v1.0.0:all" },
  links: { id: "hk-mil", name: "Hong Kong to Milan", bandwidth: 10_000_000_000 },
  places: { id: "mil-dc1", name: "Milan DC1", country: "IT", latitude: "45.47", longitude: "9.2" },
};

// read parses what a person has written; a text says what is wrong with it.
export function read(text: string): { item?: Item; wrong?: string } {
  try {
    const v: unknown = JSON.parse(text);
    if (typeof v !== "object" || v === null || Array.isArray(v)) return { wrong: "{ … }" };
    return { item: v as Item };
  } catch (err) {
    return { wrong: err instanceof Error ? err.message : String(err) };
  }
}

// place gives where a field that a Problem names is, like prices.0.rate, in words of JSON.
export function at(item: unknown, field: string): string | undefined {
  let v: unknown = item;
  for (const part of field.replace(/^body\.?/, "").split(/[.[\]]+/).filter(Boolean)) {
    if (typeof v !== "object" || v === null || !(part in v)) return undefined;
    v = (v as Record<string, unknown>)[part];
  }
  return JSON.stringify(v);
}
