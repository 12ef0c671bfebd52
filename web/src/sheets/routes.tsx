import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import type { Inside } from "@/app/router";

import { marginSearch, sheetTab, sheetsSearch, uploadSearch } from "./search";

export const sheetsRoutes = (parent: Inside) => [
  createRoute({ getParentRoute: () => parent, path: "/sheets", validateSearch: sheetsSearch, component: lazyRouteComponent(() => import("./SheetsPage"), "SheetsPage") }),
  createRoute({ getParentRoute: () => parent, path: "/sheets/upload", validateSearch: uploadSearch, component: lazyRouteComponent(() => import("./UploadPage"), "UploadPage") }),
  createRoute({ getParentRoute: () => parent, path: "/sheets/margin", validateSearch: marginSearch, component: lazyRouteComponent(() => import("./MarginPage"), "MarginPage") }),
  createRoute({ getParentRoute: () => parent, path: "/sheets/$partner/$id", validateSearch: sheetTab, component: lazyRouteComponent(() => import("./SheetPage"), "SheetPage") }),
] as const;
