import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet, redirect } from "@tanstack/react-router";

import { loadSession, session } from "@/api/session";
import { todayRoutes } from "@/today/routes";
import { sandboxRoutes } from "@/sandbox/routes";
import { trustRoutes } from "@/trust/routes";
import { usersRoutes } from "@/users/routes";
import { settingsRoutes } from "@/settings/routes";

import { Missing, PageFailed } from "./Missing";
import { Shell } from "./Shell";

const root = createRootRoute({ component: Outlet, notFoundComponent: Missing, errorComponent: PageFailed });

const signIn = createRoute({ getParentRoute: () => root, path: "/sign-in", component: lazyRouteComponent(() => import("@/session/SignInPage"), "SignInPage") });

// inside is everything behind the sign-in.
const inside = createRoute({
  getParentRoute: () => root,
  id: "inside",
  component: Shell,
  notFoundComponent: Missing,
  errorComponent: PageFailed,
  beforeLoad: async ({ location }) => {
    const s = session() ?? (await loadSession());
    if (!s.signed_in) throw redirect({ to: "/sign-in", search: { then: location.href } });
  },
});

export type Inside = typeof inside;

const tree = root.addChildren([signIn, inside.addChildren([...todayRoutes(inside), ...trustRoutes(inside), ...usersRoutes(inside), ...settingsRoutes(inside), ...sandboxRoutes(inside)])]);

export const router = createRouter({ routeTree: tree, defaultPreload: "intent", defaultPreloadStaleTime: 0, scrollRestoration: true });
