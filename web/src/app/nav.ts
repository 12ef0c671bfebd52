import { IconAlertTriangle, IconAnchor, IconArrowsLeftRight, IconBooks, IconBuildingCommunity, IconCalendarStats, IconCertificate, IconClipboardList, IconCreditCardPay, IconFileInvoice, IconFileText, IconFlask, IconGauge, IconHome, IconHourglass, IconKey, IconLifebuoy, IconListDetails, IconLock, IconMapSearch, IconPackages, IconPhoneCall, IconReceipt, IconRoute, IconScale, IconSettings, IconShieldCheck, IconTable, IconTopologyStar3, IconUsers, IconWallet, IconZoomCheck } from "@tabler/icons-react";
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
      { to: "/bills", key: "bills", icon: IconReceipt, needs: "list-bills" },
      { to: "/invoices", key: "invoices", icon: IconFileInvoice, needs: "list-invoices" },
      { to: "/disputes", key: "disputes", icon: IconScale, needs: "list-disputes" },
    ],
  },
  {
    key: "market",
    items: [
      { to: "/market", key: "search", icon: IconMapSearch, needs: "search-catalog", also: ["/inquiry"] },
      { to: "/services", key: "services", icon: IconRoute, needs: "list-services" },
      { to: "/orders", key: "orders", icon: IconClipboardList, needs: "list-orders" },
      { to: "/inventory", key: "inventory", icon: IconPackages, needs: "list-products" },
      { to: "/catalogue", key: "catalogue", icon: IconBooks, needs: "list-offerings" },
      { to: "/tickets", key: "tickets", icon: IconLifebuoy, needs: "list-tickets" },
      { to: "/observer", key: "observer", icon: IconTopologyStar3, sandbox: true },
    ],
  },
  {
    key: "money",
    items: [
      { to: "/balances", key: "balances", icon: IconWallet, needs: "list-accounts" },
      { to: "/deposits", key: "deposits", icon: IconLock, needs: "list-deposits" },
      { to: "/exposure", key: "exposure", icon: IconGauge, needs: "get-credit" },
      { to: "/ageing", key: "ageing", icon: IconHourglass, needs: "get-ageing" },
      { to: "/netting", key: "netting", icon: IconArrowsLeftRight, needs: "list-nettings" },
      { to: "/payments", key: "payments", icon: IconCreditCardPay, needs: "list-due-payments" },
      { to: "/statements", key: "statements", icon: IconFileText, needs: "get-statement" },
      { to: "/reserve", key: "reserve", icon: IconCertificate, needs: "list-tokens" },
    ],
  },
  {
    key: "trust",
    items: [
      { to: "/trust/log", key: "log", icon: IconListDetails, needs: "list-log" },
      { to: "/trust/verify", key: "verify", icon: IconShieldCheck, needs: "verify-proof" },
      { to: "/trust/anchors", key: "anchors", icon: IconAnchor, needs: "list-anchors" },
      { to: "/trust/validators", key: "validators", icon: IconBuildingCommunity, needs: "list-members" },
      { to: "/trust/keys", key: "keys", icon: IconKey, needs: "get-own-keys" },
      { to: "/trust/audit", key: "audit", icon: IconZoomCheck, needs: "list-journal" },
      { to: "/trust/problems", key: "problems", icon: IconAlertTriangle, needs: "list-problems" },
    ],
  },
  {
    key: "system",
    items: [
      { to: "/users", key: "users", icon: IconUsers, needs: "list-users" },
      { to: "/settings", key: "settings", icon: IconSettings },
      { to: "/sandbox-control", key: "sandboxControl", icon: IconFlask, sandbox: true },
    ],
  },
];
