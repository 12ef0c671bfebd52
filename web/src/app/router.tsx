import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet, redirect } from "@tanstack/react-router";

import { loadSession, session } from "@/api/session";
import { disputesRoutes } from "@/disputes/routes";
import { invoicesRoutes } from "@/invoices/routes";
import { periodsRoutes } from "@/periods/routes";
import { usageRoutes } from "@/usage/routes";
import { todayRoutes } from "@/today/routes";
import { moneyRoutes } from "@/money/routes";
import { sandboxRoutes } from "@/sandbox/routes";
import { partnersRoutes } from "@/partners/routes";
import { sheetsRoutes } from "@/sheets/routes";
import { agreementsRoutes } from "@/agreements/routes";
import { catalogueRoutes } from "@/catalogue/routes";
import { inventoryRoutes } from "@/inventory/routes";
import { marketRoutes } from "@/market/routes";
import { ordersRoutes } from "@/orders/routes";
import { servicesRoutes } from "@/services/routes";
import { ticketsRoutes } from "@/tickets/routes";
import { trustRoutes } from "@/trust/routes";
import { usersRoutes } from "@/users/routes";
import { settingsRoutes } from "@/settings/routes";

import { Missing, PageFailed } from "./Missing";
import { Shell } from "./Shell";

const root = createRootRoute({ component: Outlet, errorComponent: PageFailed });

const signIn = createRoute({ getParentRoute: () => root, path: "/sign-in", component: lazyRouteComponent(() => import("@/session/SignInPage"), "SignInPage") });

// inside is everything behind the sign-in.
const inside = createRoute({
  getParentRoute: () => root,
  id: "inside",
  component: Shell,
  errorComponent: PageFailed,
  beforeLoad: async ({ location }) => {
    const s = session() ?? (await loadSession());
    if (!s.signed_in) throw redirect({ to: "/sign-in", search: { then: location.href } });
  },
});

export type Inside = typeof inside;

const tree = root.addChildren([
  signIn,
  inside.addChildren([
    ...todayRoutes(inside),
    ...settingsRoutes(inside),
    ...sandboxRoutes(inside),
    ...usageRoutes(inside),
    ...periodsRoutes(inside),
    ...invoicesRoutes(inside),
    ...disputesRoutes(inside),
    ...partnersRoutes(inside),
    ...agreementsRoutes(inside),
    ...sheetsRoutes(inside),
    ...marketRoutes(inside),
    ...servicesRoutes(inside),
    ...ordersRoutes(inside),
    ...inventoryRoutes(inside),
    ...catalogueRoutes(inside),
    ...ticketsRoutes(inside),
    ...moneyRoutes(inside),
    ...trustRoutes(inside),
    ...usersRoutes(inside),
    createRoute({ getParentRoute: () => inside, path: "$", component: Missing }),
  ]),
]);

export const router = createRouter({ routeTree: tree, defaultPreload: "intent", defaultPreloadStaleTime: 0, scrollRestoration: true });
