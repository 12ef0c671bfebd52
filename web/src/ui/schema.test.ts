import { expect, it } from "vitest";

import { cleaned, fresh, kindOf, pathOf, resolve, type JsonSchema } from "./schema";

const line: JsonSchema & { definitions: Record<string, JsonSchema> } = {
  type: "object",
  required: ["@type", "bandwidth", "endA"],
  definitions: { end: { type: "object", required: ["interface"], properties: { interface: { enum: ["uni", "enni"] }, vlan: { $ref: "#/definitions/vlan" } } }, vlan: { type: "integer", maximum: 4094 } },
  properties: { "@type": { const: "urn:x" }, bandwidth: { type: "integer" }, endA: { $ref: "#/definitions/end", description: "One end." }, tags: { type: ["array", "null"], items: { type: "string" } }, legs: { type: "array", items: { $ref: "#/definitions/end" } }, at: { type: "string", format: "date-time" } },
};

it("follows references, and keeps what stands beside them", () => {
  expect(resolve(line.properties!.endA!, line)).toMatchObject({ description: "One end.", required: ["interface"] });
  expect(resolve({ $ref: "#/nothing/there" }, line)).toEqual({});
});

it("knows by what a value is filled in", () => {
  const kind = (name: string) => kindOf(resolve(line.properties![name]!, line), line);
  expect(["@type", "bandwidth", "endA", "tags", "legs", "at"].map(kind)).toEqual(["const", "number", "object", "texts", "list", "time"]);
  expect(kindOf({}, line)).toBe("json");
});

it("begins with what is fixed, and leaves out what is not filled in", () => {
  const v = fresh(line, line) as Record<string, never>;
  expect(v).toEqual({ "@type": "urn:x", endA: {} });
  expect(cleaned({ ...v, bandwidth: 5, at: "", legs: [{ interface: undefined }] })).toEqual({ "@type": "urn:x", bandwidth: 5 });
});

it("reads the field of a problem", () => {
  expect(pathOf("body.prices[0].rate")).toBe("prices.0.rate");
});
