import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import type { Inside } from "@/app/router";

const text = (v: unknown) => (typeof v === "string" && v ? v : undefined);

export const servicesRoutes = (parent: Inside) => [
  createRoute({
    getParentRoute: () => parent,
    path: "/services",
    validateSearch: (s: Record<string, unknown>): { state?: string } => ({ state: text(s.state) }),
    component: lazyRouteComponent(() => import("./ServicesPage"), "ServicesPage"),
  }),
  createRoute({
    getParentRoute: () => parent,
    path: "/services/$id",
    component: lazyRouteComponent(() => import("./ServicePage"), "ServicePage"),
  }),
] as const;
