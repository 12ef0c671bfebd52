import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import type { Inside } from "@/app/router";

import { partnerTab, partnersSearch, step } from "./search";

export const partnersRoutes = (parent: Inside) => [
  createRoute({ getParentRoute: () => parent, path: "/partners", validateSearch: partnersSearch, component: lazyRouteComponent(() => import("./PartnersPage"), "PartnersPage") }),
  createRoute({ getParentRoute: () => parent, path: "/partners/$partner", validateSearch: partnerTab, component: lazyRouteComponent(() => import("./PartnerPage"), "PartnerPage") }),
  createRoute({ getParentRoute: () => parent, path: "/onboarding", validateSearch: step, component: lazyRouteComponent(() => import("./OnboardingPage"), "OnboardingPage") }),
] as const;
