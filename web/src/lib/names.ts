// product shortens the @type of a product: urn:lateral:spec:e-line:v1.0.0:all is e-line,
// and urn:example:session:1 is session.
export function product(type: string): string {
  const parts = type.split(":").filter((p) => p && !/^v?\d+(\.\d+)*$/.test(p));
  return /:spec:([^:]+):/.exec(type)?.[1] ?? parts.at(-1) ?? type;
}

// spaced writes a name of the API in words: inProgress is in progress.
export function spaced(name: string): string {
  return name
    .replaceAll(/[-.]/g, " ")
    .replaceAll(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);
}

// titled writes a name of the API as the name of a field.
export function titled(name: string): string {
  const words = spaced(name.replaceAll("_", " "));
  return words.charAt(0).toUpperCase() + words.slice(1);
}

// billed says what a period, an invoice or a dispute is of: an order for calls as it is
// called, or for products the agreement, with the billing account where it is not the usual
// one. Periods of products stand under _AGREEMENT.SELLER or _AGREEMENT.SELLER.ACCOUNT.
export function billed(order: string, seller?: string): { of: string; products: boolean } {
  if (!order.startsWith("_")) return { of: order, products: false };
  const of = order.slice(1);
  const end = seller ? of.indexOf(`.${seller}`) : -1;
  const rest = of.slice(end + 1 + (seller?.length ?? 0));
  if (end < 0 || (rest && !rest.startsWith("."))) return { of, products: true };
  return { of: [of.slice(0, end), rest.slice(1)].filter(Boolean).join(", "), products: true };
}
