import type { Schema } from "@/api/client";
import type { Moment } from "@/ui/History";

type Service = Schema<"Service">;
type Order = Schema<"Order">;

const way = ["reserving", "reserved", "ordered", "delivered", "accepted"] as const;

// stages gives what a service went through and what is still ahead, with the times that
// are known: its own, and those of the order on the Bilateral, if there is one.
export function stages(s: Service, order?: Order): Moment[] {
  const times: Record<string, string | undefined> = {
    ordered: order?.placed.time,
    delivered: order?.product?.delivery?.by.time,
    accepted: s.since,
    ended: s.ended,
  };
  const moment = (state: string, ahead = false): Moment => ({ state, time: times[state], ahead });
  if (s.state === "releasing" || s.state === "released") {
    return [moment("reserving"), ...(order ? [moment("ordered")] : []), { state: s.state, time: s.ended, text: s.why }];
  }
  if (s.state === "ended") return [...way.map((w) => moment(w)), moment("ended")];
  const at = way.indexOf(s.state as (typeof way)[number]);
  const out = way.map((w, i) => moment(w, i > at));
  const now = out[at];
  if (now && s.why) now.text = s.why;
  return out;
}

// running says whether anything of a service can still happen.
export const running = (s: Service) => s.state !== "ended" && s.state !== "released";

// moving says whether it is on its way to another state.
export const moving = (s: Service) => running(s) && s.state !== "accepted";
