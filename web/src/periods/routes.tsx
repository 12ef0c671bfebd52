import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import type { Inside } from "@/app/router";
import { search } from "@/lib/search";

const filters = search({ partner: "text", state: "text", direction: "text", order: "text", from: "text", to: "text" });
const parts = search({ tab: "text", differing: "flag", row: "text", adjusts: "text", day: "text", version: "text" });

export const periodsRoutes = (parent: Inside) => [
  createRoute({ getParentRoute: () => parent, path: "/periods", validateSearch: filters, component: lazyRouteComponent(() => import("./PeriodsPage"), "PeriodsPage") }),
  createRoute({ getParentRoute: () => parent, path: "/bills", validateSearch: search({ partner: "text", agreement: "text", seller: "text", account: "text", interval: "text" }), component: lazyRouteComponent(() => import("./BillsPage"), "BillsPage") }),
  createRoute({ getParentRoute: () => parent, path: "/periods/$partner/$order/$from", validateSearch: parts, component: lazyRouteComponent(() => import("./PeriodPage"), "PeriodPage") }),
] as const;
