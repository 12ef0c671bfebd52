import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import type { Inside } from "@/app/router";

export const settingsRoutes = (parent: Inside) => [
  createRoute({ getParentRoute: () => parent, path: "/settings", component: lazyRouteComponent(() => import("./SettingsPage"), "SettingsPage") }),
] as const;
