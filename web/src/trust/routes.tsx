import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import type { Inside } from "@/app/router";

// What of these pages stands in the address.
export interface LogSearch {
  partner?: string; // absent: the Omnilateral
  kind?: string;
  refused?: boolean;
  begin?: "first"; // absent: the latest
  entry?: string; // cursor of the entry that is open
}
export interface PartnerSearch {
  partner?: string;
}

const text = (v: unknown) => (typeof v === "string" && v ? v : typeof v === "number" ? String(v) : undefined);
const partner = (s: Record<string, unknown>): PartnerSearch => ({ partner: text(s.partner) });

export const trustRoutes = (parent: Inside) => [
  createRoute({
    getParentRoute: () => parent,
    path: "/trust/log",
    component: lazyRouteComponent(() => import("./LogPage"), "LogPage"),
    validateSearch: (s: Record<string, unknown>): LogSearch => ({
      partner: text(s.partner),
      kind: text(s.kind),
      refused: s.refused === true || undefined,
      begin: s.begin === "first" ? "first" : undefined,
      entry: text(s.entry),
    }),
  }),
  createRoute({ getParentRoute: () => parent, path: "/trust/verify", component: lazyRouteComponent(() => import("./VerifyPage"), "VerifyPage") }),
  createRoute({ getParentRoute: () => parent, path: "/trust/anchors", component: lazyRouteComponent(() => import("./AnchorsPage"), "AnchorsPage"), validateSearch: partner }),
  createRoute({ getParentRoute: () => parent, path: "/trust/validators", component: lazyRouteComponent(() => import("./NetworkPage"), "NetworkPage") }),
  createRoute({ getParentRoute: () => parent, path: "/trust/keys", component: lazyRouteComponent(() => import("./KeysPage"), "KeysPage") }),
  createRoute({ getParentRoute: () => parent, path: "/trust/problems", component: lazyRouteComponent(() => import("./ProblemsPage"), "ProblemsPage") }),
  createRoute({ getParentRoute: () => parent, path: "/trust/audit", component: lazyRouteComponent(() => import("./AuditPage"), "AuditPage"), validateSearch: partner }),
] as const;
