import { IconCalendarStats, IconFileInvoice, IconFileText, IconFlask, IconHome, IconPhoneCall, IconScale, IconSettings, IconTable, IconUsers } from "@tabler/icons-react";
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
    items: [{ to: "/partners", key: "partners", icon: IconUsers, needs: "list-bilaterals", also: ["/onboarding"] }, { to: "/agreements", key: "agreements", icon: IconFileText, needs: "list-agreements" }, { to: "/sheets", key: "sheets", icon: IconTable, needs: "list-sheets" }],
  },
  {
    key: "usageGroup",
    items: [
      { to: "/usage", key: "usage", icon: IconPhoneCall, needs: "list-imports" },
      { to: "/periods", key: "periods", icon: IconCalendarStats, needs: "list-periods" },
      { to: "/invoices", key: "invoices", icon: IconFileInvoice, needs: "list-invoices" },
      { to: "/disputes", key: "disputes", icon: IconScale, needs: "list-disputes" },
    ],
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
    items: [],
  },
  {
    key: "system",
    items: [
      { to: "/settings", key: "settings", icon: IconSettings },
      { to: "/sandbox-control", key: "sandboxControl", icon: IconFlask, sandbox: true },
    ],
  },
];
