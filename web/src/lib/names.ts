// product shortens the @type of a product: urn:lateral:spec:e-line:v1.0.0:all is e-line.
export function product(type: string): string {
  return /:spec:([^:]+):/.exec(type)?.[1] ?? type.split(":").filter(Boolean).at(-1) ?? type;
}

// spaced writes a name of the API in words: inProgress is in progress.
export function spaced(name: string): string {
  return name
    .replaceAll(/[-.]/g, " ")
    .replaceAll(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);
}
