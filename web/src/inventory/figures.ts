import type { Schema } from "@/api/client";
import { measure } from "@/lib/units";

type Measurement = Schema<"Measurement">;
type Figure = Schema<"Figure">;

// sideText writes what one side says of each figure, for people: session 3,599,
// availability 99.999 %. Without a language the figures are as the API has them.
export function sideText(m: Measurement, side: "seller" | "buyer" | "counts" | "proposed", locale?: string): string {
  const said = m.figures.filter((f) => f[side] !== undefined);
  const value = (f: Figure) => (locale ? measure(f.name, f[side]!, locale) : String(f[side]));
  return said.map((f) => (m.figures.length > 1 ? `${f.name} ${value(f)}` : value(f))).join(", ") || "–";
}

// figures makes what a request says of a measurement's figures: those of use apart from
// those of service.
export function figures(m: Measurement, of: (f: Figure, i: number) => number | undefined): Schema<"ProposeMeasurement"> {
  const all = m.figures.map((f, i) => ({ of: f.of, name: f.name, value: of(f, i) })).filter((f): f is { of: "use" | "service"; name: string; value: number } => f.value !== undefined);
  const part = (kind: string) => all.filter((f) => f.of === kind).map(({ name, value }) => ({ name, value }));
  const used = part("use");
  const service = part("service");
  return { ...(used.length ? { used } : {}), ...(service.length ? { service } : {}) };
}

// measured lists what is measured of a product: its prices by use, and the metrics of its
// guarantees.
export function measured(p: Schema<"Product">): { of: "use" | "service"; name: string }[] {
  const offer = p.phases?.at(-1)?.offer;
  const fixed = ["recurring", "one-time", "distance"];
  const used = (offer?.prices ?? []).filter((x) => !fixed.includes(x.kind)).map((x) => ({ of: "use" as const, name: x.name }));
  const service = [...new Set((offer?.guarantees ?? []).map((g) => g.metric))].map((name) => ({ of: "service" as const, name }));
  return [...used, ...service];
}
