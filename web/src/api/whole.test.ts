import { readFileSync } from "node:fs";

import { expect, it } from "vitest";

const sources = import.meta.glob<string>(["../**/*.{ts,tsx}", "!../**/*.test.ts", "!../api/schema.d.ts"], { eager: true, query: "?raw", import: "default" });
const all = Object.values(sources).join("\n");

interface Document {
  paths: Record<string, Record<string, { operationId?: string }>>;
}

// What a person does not do by itself in the portal, and why.
const apart: Record<string, string> = {
  "open-lock": "a deposit locks tokens, under keys that both nodes make",
  "top-up-lock": "a deposit is topped up",
  "prepare-command": "for keys that are kept elsewhere: lateral key prepare",
  "submit-command": "for keys that are kept elsewhere: lateral key submit",
  "check-payload": "an order's form checks by the same schema, and the order is refused by it",
};

// Requests that send a file are made without the typed client: what names them in the source.
const files: Record<string, string> = {
  "import-usage": "/v1/bilaterals/${encodeURIComponent(partner)}/usage?${",
  "propose-sheet": "new URL(`/v1/bilaterals/${encodeURIComponent(partner)}/sheets`",
  "verify-proof": 'new URL("/v1/proofs/verify"',
};

// Everything that the API can do a person can do.
it("has a step for each operation of the API that changes something", () => {
  const { paths } = JSON.parse(readFileSync("openapi.json", "utf8")) as Document;
  const missing: string[] = [];
  let count = 0;
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, { operationId: id }] of Object.entries(methods)) {
      if (method === "get" || !id) continue;
      count++;
      const called = (id in files && all.includes(files[id]!)) || all.includes(`.${method.toUpperCase()}("${path}"`) || new RegExp(`"${method}",\\s*"${path.replaceAll(/[{}/.]/g, "\\$&")}"`).test(all) || (id.startsWith("put-") && all.includes(`client.POST(\`${path.replace(/\w+$/, "${kind}")}\``));
      if (!called && !(id in apart)) missing.push(id);
      if (called && id in apart) missing.push(`${id}: is done, and no exception any more`);
    }
  }
  expect(count).toBeGreaterThan(100);
  expect(missing).toEqual([]);
});
