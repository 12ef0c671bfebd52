import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import type { Inside } from "@/app/router";

export interface TicketsSearch {
  tab?: "tickets" | "own" | "incidents";
  partner?: string;
  open?: string; // product about which a ticket is to be opened
  status?: string;
}

const text = (v: unknown) => (typeof v === "string" && v ? v : undefined);

export const ticketsRoutes = (parent: Inside) => [
  createRoute({
    getParentRoute: () => parent,
    path: "/tickets",
    validateSearch: (s: Record<string, unknown>): TicketsSearch => ({ tab: s.tab === "incidents" || s.tab === "own" ? s.tab : undefined, partner: text(s.partner), status: text(s.status), open: text(s.open) }),
    component: lazyRouteComponent(() => import("./TicketsPage"), "TicketsPage"),
  }),
  createRoute({ getParentRoute: () => parent, path: "/tickets/own/$partner/$id", component: lazyRouteComponent(() => import("./TicketPage"), "OwnTicketPage") }),
  createRoute({ getParentRoute: () => parent, path: "/tickets/$id", component: lazyRouteComponent(() => import("./TicketPage"), "TicketPage") }),
] as const;
