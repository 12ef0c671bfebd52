import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import type { Inside } from "@/app/router";

export const sandboxRoutes = (parent: Inside) => [
  createRoute({ getParentRoute: () => parent, path: "/sandbox-control", component: lazyRouteComponent(() => import("./SandboxPage"), "SandboxPage") }),
] as const;
