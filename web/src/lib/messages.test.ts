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
