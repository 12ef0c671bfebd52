import { IconArrowsLeftRight, IconCertificate, IconCreditCardPay, IconFileText, IconGauge, IconHome, IconHourglass, IconLock, IconSettings, IconWallet } from "@tabler/icons-react";
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
    items: [],
  },
  {
    key: "system",
    items: [{ to: "/settings", key: "settings", icon: IconSettings }],
  },
];
