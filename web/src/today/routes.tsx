import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import type { Inside } from "@/app/router";

export const todayRoutes = (parent: Inside) => [
  createRoute({ getParentRoute: () => parent, path: "/", component: lazyRouteComponent(() => import("./TodayPage"), "TodayPage") }),
] as const;
