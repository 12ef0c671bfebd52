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
