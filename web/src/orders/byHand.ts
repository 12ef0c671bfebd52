import type { Schema } from "@/api/client";

export type Way = "schedule" | "quote" | "session" | "standing";

// ByHand is what a person fills in to order of one partner.
export interface ByHand {
  way: Way;
  agreement?: string;
  schedule?: string;
  quote?: string; // base64
  session?: string; // product that stands
  sheet?: string;
  id?: string; // of the product
  from?: string;
  until?: string;
  pieces?: number;
  value: string; // expected each period
  currency: string;
  test?: boolean;
  payload?: string; // JSON
}

export type ScheduleOf = Schema<"AgreementSchedule"> & { line: string; prices: Schema<"RatingPrice">[] };

// schedulesOf gives the schedules of the terms that are in force.
export function schedulesOf(a: Schema<"Agreement"> | undefined): ScheduleOf[] {
  const terms = a?.versions.at(-1)?.terms;
  return (terms?.products ?? []).flatMap((p) => (p.schedules ?? []).map((s) => ({ ...s, line: p.line, prices: s.prices ?? [] })));
}

// base64 writes bytes as the API takes them.
export function base64(bytes: Uint8Array): string {
  let text = "";
  for (const b of bytes) text += String.fromCharCode(b);
  return btoa(text);
}

// byHand makes the request. A product without an id gets one.
export function byHand(v: ByHand, a: Schema<"Agreement">, schedule?: ScheduleOf, stands?: Schema<"Product">, sheet?: Schema<"Sheet">, now = new Date(), id: () => string = () => `P-${crypto.randomUUID().slice(0, 12)}`): Schema<"PlaceOrder"> {
  const value = v.value ? [{ amount: v.value, currency: v.currency.toUpperCase() }] : undefined;
  const from = v.from ?? now.toISOString();
  if (v.way === "standing") return { kind: "standing", agreement: a.id, line: sheet?.line ?? "voice", sheet: v.sheet, from, value };
  const line = schedule?.line ?? stands?.phases?.at(-1)?.offer.line ?? "connectivity";
  return {
    kind: "product",
    agreement: a.id,
    line,
    from,
    value,
    payload: v.payload ? base64(new TextEncoder().encode(v.payload)) : undefined,
    product: {
      action: "add",
      id: v.id || id(),
      schedule: v.way === "schedule" ? v.schedule : undefined,
      quote: v.way === "quote" ? v.quote?.replaceAll(/\s/g, "") : undefined,
      standing: v.way === "session" ? v.session : undefined,
      pieces: v.way === "schedule" ? v.pieces : undefined,
      until: v.until,
      test: v.test || undefined,
    },
  };
}
