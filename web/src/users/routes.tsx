import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import type { Inside } from "@/app/router";

export const usersRoutes = (parent: Inside) => [createRoute({ getParentRoute: () => parent, path: "/users", component: lazyRouteComponent(() => import("./UsersPage"), "UsersPage") })] as const;
