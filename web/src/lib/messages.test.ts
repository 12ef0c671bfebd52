import { expect, it } from "vitest";

const files = import.meta.glob<Record<string, unknown>>("../*/{en,de,fr}.json", { eager: true, import: "default" });

// keys lists the messages of a file; forms of plural, of which each language has its own
// number, count as one.
function keys(v: Record<string, unknown>, path = ""): string[] {
  return Object.entries(v).flatMap(([k, w]) =>
    typeof w === "string" ? [path + k.replace(/_(zero|one|two|few|many|other)$/, "")] : k === "states" ? [] : keys(w as Record<string, unknown>, `${path}${k}.`),
  );
}

it("has each message in each language", () => {
  const parts = new Set(Object.keys(files).map((f) => f.split("/")[1]!));
  expect(parts.size).toBeGreaterThan(3);
  for (const part of parts) {
    const english = [...new Set(keys(files[`../${part}/en.json`]!))].sort();
    for (const language of ["de", "fr"]) {
      expect([...new Set(keys(files[`../${part}/${language}.json`] ?? {}))].sort(), `${part} in ${language}`).toEqual(english);
    }
  }
});

// The later of two messages of one name took the place of the other: a column of seconds
// was called "Bill submitted".
it("has no message twice", () => {
  const raw = import.meta.glob<string>("../*/{en,de,fr}.json", { eager: true, query: "?raw", import: "default" });
  for (const [file, text] of Object.entries(raw)) {
    const within = [new Set<string>()];
    const twice: string[] = [];
    for (const line of text.split("\n")) {
      if (/^\s*\}/.test(line)) within.pop();
      const key = /^\s*"((?:[^"\\]|\\.)*)":/.exec(line)?.[1];
      if (key === undefined) continue;
      if (within.at(-1)!.has(key)) twice.push(key);
      within.at(-1)!.add(key);
      if (/\{\s*$/.test(line)) within.push(new Set());
    }
    expect(twice, file).toEqual([]);
    expect(within, file).toHaveLength(0);
  }
});

// A name without a message is shown as it is, and nothing else tells.
it("has a message for each name that a page asks for", () => {
  const pages = import.meta.glob<string>(["../*/*.{ts,tsx}", "!../*/*.test.ts", "!../api/schema.d.ts"], { eager: true, query: "?raw", import: "default" });
  const known = (part: string, key: string) => keys(files[`../${part}/en.json`] ?? {}).includes(key);
  const missing: string[] = [];
  for (const [file, text] of Object.entries(pages)) {
    const parts = new Set(["ui", ...[...text.matchAll(/useTranslation\(\[?"(\w+)"/g)].map((m) => m[1]!)]);
    if (parts.size === 1 || /\bt: \(/.test(text)) parts.add(file.split("/")[1]!); // it is handed one
    for (const [, name] of text.matchAll(/\bt\("([\w:.-]+)"/g)) {
      const [part, key] = name!.includes(":") ? (name!.split(":") as [string, string]) : [undefined, name!];
      if (![...(part ? [part] : parts)].some((p) => known(p, key))) missing.push(`${file}: ${name}`);
    }
  }
  expect(missing).toEqual([]);
});
