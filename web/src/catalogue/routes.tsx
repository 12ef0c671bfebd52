import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import type { Inside } from "@/app/router";

export interface ListSearch {
  name?: string;
  state?: string;
}

const text = (v: unknown) => (typeof v === "string" && v ? v : undefined);

export const catalogueRoutes = (parent: Inside) => [
  createRoute({ getParentRoute: () => parent, path: "/catalogue", component: lazyRouteComponent(() => import("./ListPage"), "ListPage"), validateSearch: (s: Record<string, unknown>): ListSearch => ({ name: text(s.name), state: text(s.state) }) }),
  createRoute({ getParentRoute: () => parent, path: "/catalogue/import", component: lazyRouteComponent(() => import("./ImportPage"), "ImportPage") }),
  createRoute({ getParentRoute: () => parent, path: "/catalogue/$kind", component: lazyRouteComponent(() => import("./ListPage"), "ListPage"), validateSearch: (s: Record<string, unknown>): ListSearch => ({ name: text(s.name), state: text(s.state) }) }),
  createRoute({ getParentRoute: () => parent, path: "/catalogue/$kind/put", component: lazyRouteComponent(() => import("./PutPage"), "PutPage"), validateSearch: (s: Record<string, unknown>): { from?: string } => ({ from: text(s.from) }) }),
  createRoute({ getParentRoute: () => parent, path: "/catalogue/$kind/$id", component: lazyRouteComponent(() => import("./ItemPage"), "ItemPage") }),
] as const;
