import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import type { Inside } from "@/app/router";

export interface OrdersSearch {
  partner?: string;
  kind?: "standing" | "product";
  state?: string;
  direction?: string;
  product?: string;
}

export interface NewSearch {
  partner?: string;
  way?: "schedule" | "quote" | "session" | "standing";
}

const text = (v: unknown) => (typeof v === "string" && v ? v : undefined);

export const ordersRoutes = (parent: Inside) => [
  createRoute({
    getParentRoute: () => parent,
    path: "/orders",
    validateSearch: (s: Record<string, unknown>): OrdersSearch => ({
      partner: text(s.partner),
      kind: s.kind === "standing" ? "standing" : s.kind === "product" ? "product" : undefined,
      state: text(s.state),
      direction: text(s.direction),
      product: text(s.product),
    }),
    component: lazyRouteComponent(() => import("./OrdersPage"), "OrdersPage"),
  }),
  createRoute({
    getParentRoute: () => parent,
    path: "/orders/new",
    validateSearch: (s: Record<string, unknown>): NewSearch => ({ partner: text(s.partner), way: s.way === "schedule" || s.way === "quote" || s.way === "session" || s.way === "standing" ? s.way : undefined }),
    component: lazyRouteComponent(() => import("./NewPage"), "NewPage"),
  }),
  createRoute({ getParentRoute: () => parent, path: "/orders/$partner/$id", component: lazyRouteComponent(() => import("./OrderPage"), "OrderPage") }),
] as const;
