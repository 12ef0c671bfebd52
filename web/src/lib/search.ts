// What is in an address is anybody's: only texts and yes or no of the names that a page
// knows are taken.

type Kinds = Record<string, "text" | "flag">;
export type Search<K extends Kinds> = { [N in keyof K]?: K[N] extends "flag" ? boolean : string };

export function search<const K extends Kinds>(kinds: K): (raw: Record<string, unknown>) => Search<K> {
  return (raw) => {
    const out: Record<string, string | boolean> = {};
    for (const [name, kind] of Object.entries(kinds)) {
      const v = raw[name];
      if (kind === "flag") {
        if (v === true || v === "true") out[name] = true;
      } else if (v !== undefined && v !== null && v !== "" && typeof v !== "object") {
        out[name] = String(v).slice(0, 400);
      }
    }
    return out as Search<K>;
  };
}

// filled leaves out what says nothing.
export function filled<T extends object>(of: T): T {
  return Object.fromEntries(Object.entries(of).filter(([, v]) => v !== undefined && v !== "" && v !== false && v !== null)) as T;
}
