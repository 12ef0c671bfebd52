import { decimal, micro } from "./money";

export interface Amount {
  currency: string;
  amount: string;
}

// anyAmount is what an amount can come to at all: a limit that is none.
export const anyAmount = "9223372036854.775807";

// amounts reads what people write for amounts in several currencies: "EUR 5000, USD
// 250.50". Undefined says that it is not of that form; an empty text is none.
export function amounts(text: string): Amount[] | undefined {
  const out: Amount[] = [];
  for (const part of text.split(/[,;\n]/)) {
    const trimmed = part.trim();
    if (!trimmed) continue;
    const m = /^([A-Za-z]{3})[\s:]+(\d{1,13}(?:\.\d{1,6})?)$/.exec(trimmed) ?? /^(\d{1,13}(?:\.\d{1,6})?)\s*([A-Za-z]{3})$/.exec(trimmed);
    if (!m) return undefined;
    const [a, b] = [m[1]!, m[2]!];
    const [currency, amount] = /^\d/.test(a) ? [b, a] : [a, b];
    if (out.some((o) => o.currency === currency.toUpperCase())) return undefined;
    out.push({ currency: currency.toUpperCase(), amount: decimal(micro(amount)) });
  }
  return out.sort((x, y) => (x.currency < y.currency ? -1 : 1));
}

// spelled writes amounts as amounts reads them.
export function spelled(list: Amount[] | null | undefined): string {
  return (list ?? []).map((a) => `${a.currency} ${a.amount.replace(/\.(\d*?)0+$/, (_, rest: string) => (rest ? `.${rest}` : ""))}`).join(", ");
}
