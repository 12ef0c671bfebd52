import type { Schema } from "@/api/client";
import type { Moment } from "@/ui/History";

type Order = Schema<"Order">;

// course gives what an order went through. An order about a product keeps its history; of
// one that stands its placing and its acceptance are known.
export function course(o: Order): Moment[] {
  const out: Moment[] = o.product?.history.length
    ? o.product.history.map((m) => ({ state: m.state, time: m.time }))
    : [{ state: "placed", time: o.placed.time }, ...(o.accepted ? [{ state: "accepted", time: o.accepted.time }] : []), ...(o.accepted && o.state === "inProgress" ? [] : [{ state: o.state }])];
  const delivery = o.product?.delivery;
  if (delivery) out.push({ state: "delivered", time: delivery.by.time });
  if (delivery?.confirmed) out.push({ state: "confirmed", time: delivery.confirmed.time });
  // Whatever has a time stands in its order; the rest stays at the end.
  return out
    .map((m, i) => ({ m, i }))
    .sort((x, y) => (x.m.time ? Date.parse(x.m.time) : Infinity) - (y.m.time ? Date.parse(y.m.time) : Infinity) || x.i - y.i)
    .map(({ m }, i, all) => (i === all.length - 1 && o.why ? { ...m, text: o.why } : m));
}

export type Step = "accept" | "reject" | "cancel" | "deliver" | "fail" | "charge" | "reschedule" | "suspend" | "resume" | "terminate";

// steps are what this side of an order can ask for in its state. Whether it is allowed now
// the machine decides: it knows deadlines, limits and the agreement.
export function steps(o: Order, self: string): Step[] {
  const buyer = o.buyer === self;
  if (!o.product) {
    switch (o.state) {
      case "acknowledged":
        return buyer ? ["cancel"] : ["accept", "reject"];
      case "inProgress":
        return ["suspend", "terminate"];
      case "suspended":
        return ["resume", "terminate"];
      default:
        return [];
    }
  }
  switch (o.state) {
    case "acknowledged":
      return buyer ? ["cancel"] : ["accept", "reject"];
    case "inProgress":
      if (!buyer) return ["deliver", "charge", "fail"];
      return [...(o.product.delivery && !o.product.delivery.confirmed ? (["accept", "reject"] as Step[]) : []), "reschedule", "cancel"];
    case "held.assessingCharge":
      return buyer ? ["accept", "reject"] : [];
    case "assessingModification":
      return buyer ? ["cancel"] : ["accept", "reject", "charge"];
    case "assessingCancellation":
      return buyer ? [] : ["accept", "reject"];
    default:
      return [];
  }
}

// operations of the API by step, for what the role may do.
export const operation: Record<Step, string> = {
  accept: "accept-order",
  reject: "reject-order",
  cancel: "cancel-order",
  deliver: "deliver-order",
  fail: "fail-order",
  charge: "charge-order",
  reschedule: "reschedule-order",
  suspend: "suspend-order",
  resume: "resume-order",
  terminate: "end-order",
};
