// Amounts come as decimal strings with at most six places. They are added up as whole
// millionths, never as floating point.

import { numberFormat, pointOf } from "./formats";

// micro reads an amount. It throws on what is none.
export function micro(text: string): bigint {
  const m = /^(-?)(\d{1,13})(?:\.(\d{1,6}))?$/.exec(text);
  if (!m) throw new Error(`not an amount: ${text}`);
  const value = BigInt(m[2]!) * 1_000_000n + BigInt((m[3] ?? "").padEnd(6, "0"));
  return m[1] ? -value : value;
}

// decimal writes millionths with six places.
export function decimal(value: bigint): string {
  const sign = value < 0n ? "-" : "";
  const abs = value < 0n ? -value : value;
  return `${sign}${abs / 1_000_000n}.${String(abs % 1_000_000n).padStart(6, "0")}`;
}

export function sum(amounts: Iterable<string>): string {
  let total = 0n;
  for (const a of amounts) total += micro(a);
  return decimal(total);
}

export function less(a: string, b: string): string {
  return decimal(micro(a) - micro(b));
}

// group writes an amount, or a rate with its nine places, for people: digits in groups, and
// two, six or nine decimal places, so that points stand below each other in a column. It
// changes no digit, and throws on what is no number.
export function group(text: string, locale: string): string {
  const m = /^(-?)(\d{1,13})(?:\.(\d{1,9}))?$/.exec(text);
  if (!m) throw new Error(`not an amount: ${text}`);
  const digits = (m[3] ?? "").replace(/0+$/, "");
  const fraction = digits.padEnd(digits.length <= 2 ? 2 : digits.length <= 6 ? 6 : 9, "0");
  const negative = m[1] && /[1-9]/.test(text);
  return `${negative ? "\u2212" : ""}${numberFormat(locale, {}).format(BigInt(m[2]!))}${pointOf(locale)}${fraction}`;
}

// share gives a / b as a number between 0 and 1, for bars only.
export function share(a: string, b: string): number {
  const whole = micro(b);
  return whole === 0n ? 0 : Number((micro(a) * 10_000n) / whole) / 10_000;
}
