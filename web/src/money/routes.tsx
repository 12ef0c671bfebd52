import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import type { Inside } from "@/app/router";

import { searchOf } from "./search";

export const moneyRoutes = (parent: Inside) => [
  createRoute({ getParentRoute: () => parent, path: "/balances", validateSearch: searchOf, component: lazyRouteComponent(() => import("./BalancesPage"), "BalancesPage") }),
  createRoute({ getParentRoute: () => parent, path: "/deposits", validateSearch: searchOf, component: lazyRouteComponent(() => import("./DepositsPage"), "DepositsPage") }),
  createRoute({ getParentRoute: () => parent, path: "/exposure", validateSearch: searchOf, component: lazyRouteComponent(() => import("./ExposurePage"), "ExposurePage") }),
  createRoute({ getParentRoute: () => parent, path: "/ageing", validateSearch: searchOf, component: lazyRouteComponent(() => import("./AgeingPage"), "AgeingPage") }),
  createRoute({ getParentRoute: () => parent, path: "/netting", validateSearch: searchOf, component: lazyRouteComponent(() => import("./NettingPage"), "NettingPage") }),
  createRoute({ getParentRoute: () => parent, path: "/payments", validateSearch: searchOf, component: lazyRouteComponent(() => import("./PaymentsPage"), "PaymentsPage") }),
  createRoute({ getParentRoute: () => parent, path: "/statements", validateSearch: searchOf, component: lazyRouteComponent(() => import("./StatementsPage"), "StatementsPage") }),
  createRoute({ getParentRoute: () => parent, path: "/reserve", validateSearch: searchOf, component: lazyRouteComponent(() => import("./ReservePage"), "ReservePage") }),
] as const;
