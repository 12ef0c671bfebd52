import type { Schema } from "@/api/client";
import { inOrder, type Moment } from "@/ui/History";

type Order = Schema<"Order">;

// course gives what an order went through. An order about a product keeps its history; of
// one that stands its placing and its acceptance are known.
export function course(o: Order): Moment[] {
  const out: Moment[] = o.product?.history.length
    ? o.product.history.map((m) => ({ state: m.state, time: m.time }))
    : [{ state: "placed", time: o.placed.time }, ...(o.accepted ? [{ state: "accepted", time: o.accepted.time }] : []), ...(o.accepted && o.state === "inProgress" ? [] : [{ state: o.state }])];
  const delivery = o.product?.delivery;
  if (delivery) {
    // Delivery completes an order, often in the same second.
    const done = out.findIndex((m) => m.state === "completed");
    const moments = [{ state: "delivered", time: delivery.by.time }, ...(delivery.confirmed ? [{ state: "confirmed", time: delivery.confirmed.time }] : [])];
    out.splice(done < 0 ? out.length : done, 0, ...moments);
  }
  return inOrder(out).map((m, i, all) => (i === all.length - 1 && o.why ? { ...m, text: o.why } : m));
}

// operations of the API by step, for what the role may do.
export const operation: Record<string, string> = {
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
