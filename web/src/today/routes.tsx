import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import type { Inside } from "@/app/router";

import { asRange, type Range } from "./trend";

export interface TodaySearch {
  range?: Range;
  currency?: string;
}

export const todayRoutes = (parent: Inside) => [
  createRoute({
    getParentRoute: () => parent,
    path: "/",
    component: lazyRouteComponent(() => import("./TodayPage"), "TodayPage"),
    validateSearch: (s: Record<string, unknown>): TodaySearch => ({
      ...(s.range === undefined ? {} : { range: asRange(s.range) }),
      ...(typeof s.currency === "string" ? { currency: s.currency } : {}),
    }),
  }),
] as const;
