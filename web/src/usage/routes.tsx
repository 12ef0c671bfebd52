import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import type { Inside } from "@/app/router";
import { search } from "@/lib/search";

const parts = search({ partner: "text", tab: "text", state: "text" });

export const usageRoutes = (parent: Inside) => [createRoute({ getParentRoute: () => parent, path: "/usage", validateSearch: parts, component: lazyRouteComponent(() => import("./UsagePage"), "UsagePage") })] as const;
