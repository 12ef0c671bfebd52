// Rates are decimal texts with at most nine places, kept as whole billionths: never as
// floating point.

export function nano(text: string): bigint | undefined {
  const m = /^(\d{1,9})(?:\.(\d{1,9}))?$/.exec(text);
  if (!m) return undefined;
  return BigInt(m[1]!) * 1_000_000_000n + BigInt((m[2] ?? "").padEnd(9, "0"));
}

export function rate(value: bigint): string {
  const sign = value < 0n ? "-" : "";
  const abs = value < 0n ? -value : value;
  return `${sign}${abs / 1_000_000_000n}.${String(abs % 1_000_000_000n).padStart(9, "0")}`;
}

// short writes a rate for people: no more zeros at its end than two places need.
export function short(text: string): string {
  const [whole, places = ""] = text.split(".");
  return `${whole}.${places.replace(/0+$/, "").padEnd(2, "0")}`;
}
