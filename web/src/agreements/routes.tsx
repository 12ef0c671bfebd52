import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import type { Inside } from "@/app/router";

import { agreementsSearch, newSearch, ruleSearch, tabSearch } from "./search";

export const agreementsRoutes = (parent: Inside) => [
  createRoute({ getParentRoute: () => parent, path: "/agreements", validateSearch: agreementsSearch, component: lazyRouteComponent(() => import("./AgreementsPage"), "AgreementsPage") }),
  createRoute({ getParentRoute: () => parent, path: "/agreements/new", validateSearch: newSearch, component: lazyRouteComponent(() => import("./NewPage"), "NewPage") }),
  createRoute({ getParentRoute: () => parent, path: "/agreements/$partner/$id", validateSearch: tabSearch, component: lazyRouteComponent(() => import("./AgreementPage"), "AgreementPage") }),
  createRoute({ getParentRoute: () => parent, path: "/agreements/$partner/$id/amend", component: lazyRouteComponent(() => import("./AmendPage"), "AmendPage") }),
  createRoute({ getParentRoute: () => parent, path: "/agreements/$partner/$id/rule", validateSearch: ruleSearch, component: lazyRouteComponent(() => import("./RulePage"), "RulePage") }),
] as const;
