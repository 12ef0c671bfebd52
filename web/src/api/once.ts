import type { paths } from "./schema";

// A change whose answer was lost is not to be done twice. Operations that take an
// Idempotency-Key do nothing more for a key that they have seen: such a request is sent
// again by itself, under the same key, and also when its person presses the button again.

type Header<P extends keyof paths> = paths[P] extends { post: { parameters: { header?: infer H } } } ? NonNullable<H> : never;
type Keyed = { [P in keyof paths]: [Header<P>] extends [never] ? never : "Idempotency-Key" extends keyof Header<P> ? P : never }[keyof paths];

// Every operation of the API that takes a key; the type says so when one is missing.
const taking: Record<Keyed, true> = {
  "/v1/bilaterals/{partner}/agreements": true,
  "/v1/bilaterals/{partner}/orders": true,
  "/v1/holds": true,
  "/v1/locks": true,
  "/v1/redemptions": true,
  "/v1/rounds": true,
  "/v1/swaps": true,
  "/v1/transfers": true,
};

const patterns = Object.keys(taking).map((p) => new RegExp(`^${p.replace(/\{[^}]*\}/g, "[^/]+")}$`));

// takesKey reports whether an operation takes a key.
export const takesKey = (method: string, path: string) => method === "POST" && patterns.some((p) => p.test(path));

const open = new Map<string, string>();

// keyOf gives the key of a change: the same one for the same change until it was answered.
export function keyOf(change: string): string {
  const key = open.get(change) ?? crypto.randomUUID();
  open.set(change, key);
  return key;
}

// closed forgets the key of a change that was answered: the next one is another change.
export const closed = (change: string) => void open.delete(change);
