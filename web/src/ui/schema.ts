// JSON Schema as far as forms need it.
export interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  title?: string;
  description?: string;
  format?: string;
  const?: unknown;
  enum?: unknown[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  default?: unknown;
}

export type Json = string | number | boolean | null | undefined | Json[] | { [name: string]: Json };

// resolve follows references within a document, like #/definitions/end.
export function resolve(s: JsonSchema, root: unknown): JsonSchema {
  let out = s;
  for (let i = 0; out.$ref && i < 8; i++) {
    const { $ref, ...beside } = out;
    let at: unknown = root;
    for (const part of $ref.replace(/^#\//, "").split("/")) {
      if (typeof at !== "object" || at === null) return beside;
      at = (at as Record<string, unknown>)[decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~")];
    }
    if (typeof at !== "object" || at === null) return beside;
    out = { ...(at as JsonSchema), ...beside };
  }
  return out;
}

export type Kind = "const" | "enum" | "text" | "time" | "number" | "yes" | "object" | "texts" | "list" | "json";

// kindOf says by what kind of field something is filled in.
export function kindOf(s: JsonSchema, root: unknown): Kind {
  const type = Array.isArray(s.type) ? s.type.find((t) => t !== "null") : s.type;
  if (s.const !== undefined) return "const";
  if (s.enum) return "enum";
  switch (type) {
    case "string":
      return s.format === "date-time" ? "time" : "text";
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "yes";
    case "object":
      return s.properties ? "object" : "json";
    case "array": {
      const items = s.items && resolve(s.items, root);
      if (!items) return "json";
      const of = kindOf(items, root);
      return of === "object" ? "list" : of === "text" ? "texts" : "json";
    }
    default:
      return s.properties ? "object" : "json";
  }
}

// fresh gives what a value begins as: what is fixed and has to be there.
export function fresh(schema: JsonSchema, root: unknown): Json {
  const s = resolve(schema, root);
  switch (kindOf(s, root)) {
    case "const":
      return s.const as Json;
    case "object": {
      const out: Record<string, Json> = {};
      for (const [name, p] of Object.entries(s.properties ?? {})) {
        const r = resolve(p, root);
        const kind = kindOf(r, root);
        if (s.required?.includes(name) && (kind === "const" || kind === "object")) out[name] = fresh(r, root);
      }
      return out;
    }
    default:
      return undefined;
  }
}

// cleaned leaves out what was not filled in.
export function cleaned(v: Json): Json {
  if (Array.isArray(v)) {
    const all = v.map(cleaned).filter((x) => x !== undefined);
    return all.length ? all : undefined;
  }
  if (typeof v === "object" && v !== null) {
    const all = Object.entries(v).map(([k, x]) => [k, cleaned(x)] as const);
    const kept = all.filter(([, x]) => x !== undefined && x !== "");
    return kept.length ? Object.fromEntries(kept) : undefined;
  }
  return v === "" ? undefined : v;
}

// pathOf writes the field that a Problem names as names joined by dots: body.prices[0].rate
// is prices.0.rate.
export const pathOf = (field: string) => field.replace(/^body\.?/, "").split(/[.[\]]+/).filter(Boolean).join(".");
