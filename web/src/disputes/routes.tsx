import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import type { Inside } from "@/app/router";
import { search } from "@/lib/search";

export const filters = search({ partner: "text", state: "text", people: "flag", by: "text", invoice: "text", cause: "text", assigned: "text", from: "text", to: "text" });

export const disputesRoutes = (parent: Inside) => [
  createRoute({ getParentRoute: () => parent, path: "/disputes", validateSearch: filters, component: lazyRouteComponent(() => import("./DisputesPage"), "DisputesPage") }),
  createRoute({ getParentRoute: () => parent, path: "/disputes/$partner/$id", component: lazyRouteComponent(() => import("./DisputePage"), "DisputePage") }),
] as const;
