import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import type { Inside } from "@/app/router";
import { search } from "@/lib/search";

const filters = search({ partner: "text", state: "text", direction: "text", currency: "text", payable: "flag", from: "text", to: "text" });
const parts = search({ destination: "text", open: "flag" });

export const invoicesRoutes = (parent: Inside) => [
  createRoute({ getParentRoute: () => parent, path: "/invoices", validateSearch: filters, component: lazyRouteComponent(() => import("./InvoicesPage"), "InvoicesPage") }),
  createRoute({ getParentRoute: () => parent, path: "/invoices/$partner/$id", validateSearch: parts, component: lazyRouteComponent(() => import("./InvoicePage"), "InvoicePage") }),
] as const;
