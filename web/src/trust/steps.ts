// Steps of a proof, from what is trusted down to the record, by the names that the API
// gives the one that does not hold.
export const steps = ["certificate", "channel", "anchor", "log", "record"] as const;
export type Step = (typeof steps)[number];
export type Mark = "held" | "failed" | "unknown";

// marks says which steps held: those before the one that failed did, those behind it were
// not looked at.
export function marks(failed?: string): Record<Step, Mark> {
  const at = failed === undefined ? steps.length : steps.indexOf(failed as Step);
  return Object.fromEntries(steps.map((s, i) => [s, at < 0 ? "unknown" : i < at ? "held" : i === at ? "failed" : "unknown"])) as Record<Step, Mark>;
}

export function short(hash: string): string {
  return hash.length > 20 ? `${hash.slice(0, 8)}…${hash.slice(-6)}` : hash;
}

// before gives the cursor to read an entry from, of the one that stands in its row: the
// cursor behind it.
export function before(cursor: string): string | undefined {
  return /^[1-9]\d{0,18}$/.test(cursor) ? String(BigInt(cursor) - 1n) : undefined;
}

// latest gives the cursor from which so many of the last entries are read.
export function latest(total: number, count: number): string | undefined {
  return total > count ? String(total - count) : undefined;
}

export async function sha256(data: ArrayBuffer): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", data);
  return [...new Uint8Array(hash)].map((b) => b.toString(16).padStart(2, "0")).join("");
}
