import { mkdirSync } from "node:fs";

import type { Page } from "@playwright/test";

import { accessible, expect, quiet, type Role, type Sandbox, test } from "./sandbox";

// Every page, as the person who uses it most, in light and dark, on a desk and on a telephone.
// axe looks at each picture too.

// A page is at an address, or behind the first link of a list whose address begins so.
interface Shown {
  name: string;
  at: string;
  first?: string; // beginning of the link's address
  then?: string; // what is added to that
  as: Role;
  of?: string; // carrier; ALPHA
}

const page = (as: Role, ...of: [name: string, at: string, first?: string, then?: string][]): Shown[] => of.map(([name, at, first, then]) => ({ name, at, first, then, as }));

const pages: Shown[] = [
  ...page("clerk", ["today", "/"], ["settings", "/settings"], ["missing", "/no-such-page"]),
  ...page("clerk", ["periods", "/periods"], ["period", "/periods?order=V-BRAVO", "/periods/"], ["period-rated", "/periods?order=V-BRAVO", "/periods/", "?tab=rated"], ["period-calls", "/periods?order=V-BRAVO", "/periods/", "?tab=calls"], ["period-products", "/periods?order=_MSA-1.BRAVO", "/periods/"], ["bills", "/bills?partner=BRAVO"]),
  ...page("clerk", ["invoices", "/invoices"], ["invoice", "/invoices", "/invoices/"], ["invoice-differs", "/invoices?state=partial", "/invoices/"], ["disputes", "/disputes"], ["dispute", "/disputes", "/disputes/"]),
  ...page("administrator", ["onboarding", "/onboarding"], ["onboarding-partner", "/onboarding?step=partner"], ["onboarding-agreement", "/onboarding?step=agreement"], ["onboarding-rates", "/onboarding?step=rates"], ["onboarding-period", "/onboarding?step=period"], ["users", "/users"], ["keys", "/trust/keys"], ["partner-waiting", "/partners/BRAVO?tab=waiting"]),
  ...page("product-manager", ["partners", "/partners"], ["members", "/partners?list=members"], ["partner", "/partners/BRAVO"], ["partner-files", "/partners/BRAVO?tab=files"]),
  ...page("product-manager", ["agreements", "/agreements"], ["agreement", "/agreements", "/agreements/BRAVO/"], ["agreement-amend", "/agreements", "/agreements/BRAVO/", "/amend"], ["agreement-rule", "/agreements", "/agreements/BRAVO/", "/rule"], ["agreement-new", "/agreements/new"]),
  ...page("product-manager", ["sheets", "/sheets"], ["sheet", "/sheets", "/sheets/BRAVO/"], ["sheet-rows", "/sheets", "/sheets/BRAVO/", "?tab=rows"], ["sheet-upload", "/sheets/upload"], ["margin", "/sheets/margin"]),
  ...page("product-manager", ["market", "/market"], ["inquiry", "/inquiry"], ["offers", "/inquiry", "/inquiry/"], ["services", "/services"], ["service", "/services", "/services/"]),
  ...page("product-manager", ["orders", "/orders"], ["order", "/orders", "/orders/BRAVO/"], ["order-new", "/orders/new"], ["inventory", "/inventory"], ["product", "/inventory", "/inventory/BRAVO/"]),
  ...page("product-manager", ["catalogue", "/catalogue"], ["specifications", "/catalogue/specifications"], ["links", "/catalogue/links"], ["places", "/catalogue/places"], ["offering", "/catalogue/offerings", "/catalogue/offerings/"], ["specification", "/catalogue/specifications", "/catalogue/specifications/"], ["link", "/catalogue/links", "/catalogue/links/"]),
  ...page("product-manager", ["offering-put", "/catalogue/offerings/put"], ["catalogue-import", "/catalogue/import"], ["own-tickets", "/tickets?tab=own"], ["own-ticket", "/tickets?tab=own", "/tickets/own/"]),
  ...page("engineer", ["usage", "/usage?partner=BRAVO"], ["usage-exceptions", "/usage?partner=BRAVO&tab=exceptions"], ["usage-signals", "/usage?partner=BRAVO&tab=signals"], ["usage-archive", "/usage?partner=BRAVO&tab=archive"], ["usage-summary", "/usage?partner=BRAVO&tab=summary"]),
  ...page("engineer", ["tickets", "/tickets"], ["incidents", "/tickets?tab=incidents"], ["observer", "/observer"], ["sandbox-control", "/sandbox-control"]),
  { name: "ticket", at: "/tickets", first: "/tickets/", as: "engineer", of: "BRAVO" },
  ...page("finance", ["balances", "/balances"], ["deposits", "/deposits"], ["exposure", "/exposure"], ["exposure-one", "/exposure?id=BRAVO%2FMSA-1%2FBRAVO%2FUSD"], ["accounts", "/statements?tab=accounts&partner=BRAVO"], ["ageing", "/ageing"], ["netting", "/netting"], ["netting-rounds", "/netting?tab=rounds"]),
  ...page("finance", ["payments", "/payments"], ["payments-runs", "/payments?tab=runs"], ["payments-payees", "/payments?tab=payees"], ["payments-files", "/payments?tab=files"], ["payments-exceptions", "/payments?tab=exceptions"]),
  ...page("finance", ["statements", "/statements"], ["obligations", "/statements?tab=obligations"], ["reserve", "/reserve"]),
  ...page("auditor", ["auditor-today", "/"], ["log", "/trust/log"], ["verify", "/trust/verify"], ["anchors", "/trust/anchors"], ["validators", "/trust/validators"], ["audit", "/trust/audit"], ["problems", "/trust/problems"]),
];

const shapes = [
  { name: "desktop", viewport: { width: 1280, height: 860 } },
  { name: "phone", viewport: { width: 390, height: 844 } },
];

// trade has something of every kind there: a service with its product, and a ticket.
async function trade(sandbox: Sandbox, page: Page) {
  const node = ["--node", sandbox.node("ALPHA")];
  const offer = JSON.parse(await sandbox.command("inquire", ...node, "--role", "product-manager", "--per", "1d", "--yes", "--json", "100 Mbit/s Hong Kong to Milan now without end, under 180 ms")) as { best: { quote: string } };
  await sandbox.command("service", "order", offer.best.quote, ...node);
  await page.goto("/inventory?partner=BRAVO&state=active");
  const product = page.getByRole("main").locator('a[href^="/inventory/BRAVO/"]').first();
  await expect(product).toBeVisible({ timeout: 60_000 });
  await sandbox.command("ticket", "open", "BRAVO", (await product.innerText()).trim(), "--description", "No light since noon", ...node);
}

const ready = async (page: Page) => {
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
  await expect(page.locator("[aria-busy=true]")).toHaveCount(0, { timeout: 30_000 });
};

// address is where a page is.
async function address(page: Page, of: Shown): Promise<string> {
  if (!of.first) return of.at;
  await page.setViewportSize(shapes[0]!.viewport);
  await page.goto(of.at);
  const link = page.getByRole("main").locator(`a[href^="${of.first}"]:not([href$="/put"])`).first();
  await expect(link, `a link to ${of.name} at ${of.at}`).toBeVisible({ timeout: 30_000 });
  return `${(await link.getAttribute("href"))?.split("?")[0] ?? ""}${of.then ?? ""}`;
}

test.describe("@screenshots", () => {
  test.describe.configure({ timeout: 120_000 });
  let traded = false;
  test.beforeEach(async ({ sandbox, browser }) => {
    mkdirSync("screenshots", { recursive: true });
    if (traded) return;
    traded = true;
    await trade(sandbox, await sandbox.as(browser, "ALPHA", "product-manager"));
  });
  for (const of of pages) {
    test(`${of.name} in light and dark, wide and narrow`, async ({ sandbox, browser }) => {
      const page = await sandbox.as(browser, of.of ?? "ALPHA", of.as);
      const at = await address(page, of);
      for (const scheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
        for (const shape of shapes) {
          await page.setViewportSize(shape.viewport);
          await page.goto(at);
          await ready(page);
          await page.waitForTimeout(400);
          await page.screenshot({ path: `screenshots/${of.name}-${scheme}-${shape.name}.png`, fullPage: true });
          await accessible(page);
        }
      }
      await quiet(page);
    });
  }
  test("sign-in in light and dark, wide and narrow", async ({ sandbox, browser }) => {
    const page = await (await browser.newContext()).newPage();
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
