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
