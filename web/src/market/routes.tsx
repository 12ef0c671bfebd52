import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import type { Inside } from "@/app/router";

import { readWish, readTerms } from "./wish";

export const marketRoutes = (parent: Inside) => [
  createRoute({ getParentRoute: () => parent, path: "/market", validateSearch: readWish, component: lazyRouteComponent(() => import("./SearchPage"), "SearchPage") }),
  createRoute({ getParentRoute: () => parent, path: "/inquiry", validateSearch: readTerms, component: lazyRouteComponent(() => import("./InquiryPage"), "InquiryPage") }),
  createRoute({ getParentRoute: () => parent, path: "/inquiry/$id", component: lazyRouteComponent(() => import("./ResultPage"), "ResultPage") }),
  createRoute({
    getParentRoute: () => parent,
    path: "/observer",
    validateSearch: (s: Record<string, unknown>): { chain?: string } => ({ chain: typeof s.chain === "string" && s.chain ? s.chain : undefined }),
    component: lazyRouteComponent(() => import("./ObserverPage"), "ObserverPage"),
  }),
] as const;
