import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import type { Inside } from "@/app/router";

export interface TicketsSearch {
  tab?: "tickets" | "incidents";
  partner?: string;
  status?: string;
}

const text = (v: unknown) => (typeof v === "string" && v ? v : undefined);

export const ticketsRoutes = (parent: Inside) => [
  createRoute({
    getParentRoute: () => parent,
    path: "/tickets",
    validateSearch: (s: Record<string, unknown>): TicketsSearch => ({ tab: s.tab === "incidents" ? "incidents" : undefined, partner: text(s.partner), status: text(s.status) }),
    component: lazyRouteComponent(() => import("./TicketsPage"), "TicketsPage"),
  }),
  createRoute({ getParentRoute: () => parent, path: "/tickets/$id", component: lazyRouteComponent(() => import("./TicketPage"), "TicketPage") }),
] as const;
