import { IconFlask, IconAnchor, IconBuildingCommunity, IconHome, IconListDetails, IconSettings, IconShieldCheck, IconUsers, IconZoomCheck } from "@tabler/icons-react";
import type { ComponentType } from "react";

export interface NavItem {
  to: string;
  key: string; // of its name, in ui.json under nav
  icon: ComponentType<{ size?: number; "aria-hidden"?: boolean }>;
  needs?: string; // an operation of the API without which there is nothing to see
  also?: string[]; // further addresses that belong to it
  sandbox?: boolean; // only in a sandbox
}

export interface NavGroup {
  key: string;
  items: NavItem[];
}

// nav is the whole menu. What the role may not use is left out.
export const nav: NavGroup[] = [
  {
    key: "now",
    items: [{ to: "/", key: "today", icon: IconHome, needs: "get-status" }],
  },
  {
    key: "partnersGroup",
    items: [],
  },
  {
    key: "usageGroup",
    items: [],
  },
  {
    key: "market",
    items: [],
  },
  {
    key: "money",
    items: [],
  },
  {
    key: "trust",
    items: [
      { to: "/trust/log", key: "log", icon: IconListDetails, needs: "list-log" },
      { to: "/trust/verify", key: "verify", icon: IconShieldCheck, needs: "verify-proof" },
      { to: "/trust/anchors", key: "anchors", icon: IconAnchor, needs: "list-anchors" },
      { to: "/trust/validators", key: "validators", icon: IconBuildingCommunity, needs: "list-members" },
      { to: "/trust/audit", key: "audit", icon: IconZoomCheck, needs: "list-journal", also: ["/trust/problems"] },
    ],
  },
  {
    key: "system",
    items: [
      { to: "/users", key: "users", icon: IconUsers, needs: "list-users" },
      { to: "/settings", key: "settings", icon: IconSettings, IconShieldCheck, IconUsers, IconZoomCheck },
      { to: "/sandbox-control", key: "sandboxControl", icon: IconFlask, sandbox: true },
    ],
  },
];
