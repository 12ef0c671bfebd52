import { mkdirSync } from "node:fs";

import { accessible, expect, quiet, type Role, test } from "./sandbox";

// Every page, as the person who uses it most, in light and dark, on a desk and on a telephone.
// axe looks at each picture too.
const pages: [name: string, path: string, role: Role][] = [
  ["today", "/", "clerk"],
  ["partners", "/partners", "product-manager"],
  ["partner", "/partners/BRAVO", "product-manager"],
  ["onboarding", "/onboarding", "administrator"],
  ["agreements", "/agreements", "product-manager"],
  ["sheets", "/sheets", "product-manager"],
  ["usage", "/usage", "engineer"],
  ["periods", "/periods", "clerk"],
  ["invoices", "/invoices", "clerk"],
  ["disputes", "/disputes", "clerk"],
  ["market", "/market", "product-manager"],
  ["inquiry", "/inquiry", "product-manager"],
  ["services", "/services", "product-manager"],
  ["orders", "/orders", "product-manager"],
  ["inventory", "/inventory", "product-manager"],
  ["catalogue", "/catalogue", "product-manager"],
  ["tickets", "/tickets", "engineer"],
  ["observer", "/observer", "engineer"],
  ["balances", "/balances", "finance"],
  ["deposits", "/deposits", "finance"],
  ["exposure", "/exposure", "finance"],
  ["ageing", "/ageing", "finance"],
  ["netting", "/netting", "finance"],
  ["payments", "/payments", "finance"],
  ["statements", "/statements", "finance"],
  ["reserve", "/reserve", "finance"],
  ["log", "/trust/log", "auditor"],
  ["verify", "/trust/verify", "auditor"],
  ["anchors", "/trust/anchors", "auditor"],
  ["validators", "/trust/validators", "auditor"],
  ["audit", "/trust/audit", "auditor"],
  ["problems", "/trust/problems", "auditor"],
  ["users", "/users", "administrator"],
  ["settings", "/settings", "clerk"],
  ["sandbox-control", "/sandbox-control", "engineer"],
];

const shapes = [
  { name: "desktop", viewport: { width: 1280, height: 860 } },
  { name: "phone", viewport: { width: 390, height: 844 } },
];

test.describe("@screenshots", () => {
  for (const [name, path, role] of pages) {
    test(`${name} in light and dark, wide and narrow`, async ({ sandbox, browser }) => {
      mkdirSync("screenshots", { recursive: true });
      const page = await sandbox.as(browser, "ALPHA", role);
      for (const scheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
        for (const shape of shapes) {
          await page.setViewportSize(shape.viewport);
          await page.goto(path);
          await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
          await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
          await page.waitForTimeout(400);
          await page.screenshot({ path: `screenshots/${name}-${scheme}-${shape.name}.png`, fullPage: true });
          await accessible(page);
        }
      }
      await quiet(page);
    });
  }
  test("sign-in in light and dark, wide and narrow", async ({ sandbox, browser }) => {
    mkdirSync("screenshots", { recursive: true });
    const page = await browser.newPage();
    for (const scheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      for (const shape of shapes) {
        await page.setViewportSize(shape.viewport);
        await page.goto(`${sandbox.place("ALPHA").address}/sign-in`);
        await expect(page.getByLabel("Name")).toBeVisible();
        await page.screenshot({ path: `screenshots/sign-in-${scheme}-${shape.name}.png` });
        await accessible(page);
      }
    }
  });
});
