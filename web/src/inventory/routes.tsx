import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import type { Inside } from "@/app/router";

export const tabs = ["products", "measurements", "volume", "reservations", "capacity"] as const;

export interface InventorySearch {
  tab?: (typeof tabs)[number];
  partner?: string;
  state?: string;
  direction?: "in" | "out";
  held?: boolean;
  people?: boolean;
  product?: string;
  link?: string;
  from?: string;
  to?: string;
}

const text = (v: unknown) => (typeof v === "string" && v ? v : undefined);
const yes = (v: unknown) => (v === true || v === "true" ? true : undefined);

export const inventoryRoutes = (parent: Inside) => [
  createRoute({
    getParentRoute: () => parent,
    path: "/inventory",
    validateSearch: (s: Record<string, unknown>): InventorySearch => ({
      tab: tabs.find((x) => x === s.tab),
      partner: text(s.partner),
      state: text(s.state),
      direction: s.direction === "in" || s.direction === "out" ? s.direction : undefined,
      held: yes(s.held),
      people: yes(s.people),
      product: text(s.product),
      link: text(s.link),
      from: text(s.from),
      to: text(s.to),
    }),
    component: lazyRouteComponent(() => import("./InventoryPage"), "InventoryPage"),
  }),
  createRoute({ getParentRoute: () => parent, path: "/inventory/$partner/$id", component: lazyRouteComponent(() => import("./ProductPage"), "ProductPage") }),
] as const;
