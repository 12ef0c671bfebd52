import type { Page, Route } from "@playwright/test";

import { accessible, expect, quiet, test } from "./sandbox";

// What a page does while the node is slow, away, or really dead.

const slow = { timeout: 60_000 };
const banner = (page: Page) => page.getByText("The node does not answer", { exact: true });
const of503 = (route: Route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify({ code: "unavailable", detail: "the node of TANGO does not answer", remedy: "wait", status: 503 }) });

test.use({ actionTimeout: 60_000 });

test("a slow answer is told, and shown when it comes", async ({ sandbox, browser }) => {
  const page = await sandbox.as(browser, "TANGO", "administrator");
  await page.route("**/v1/members?**", async (route) => {
    await new Promise((r) => setTimeout(r, 10_000));
    await route.continue();
  });
  await page.goto("/partners?list=members");
  await expect(page.getByRole("heading", { level: 1, name: "Partners" })).toBeVisible();
  await expect(page.getByText(/takes longer than usual to answer/)).toBeVisible();
  await accessible(page);
  await expect(page.getByRole("table").getByText("TANGO Telecom")).toBeVisible(slow);
  await expect(page.getByText(/takes longer than usual to answer/)).toBeHidden(slow);
  await quiet(page);
});

test("a node that is away is told calmly; what is there stays, and goes on by itself", async ({ sandbox, browser }) => {
  test.setTimeout(240_000);
  const page = await sandbox.as(browser, "TANGO", "administrator");
  await page.goto("/partners");
  const table = page.getByRole("table", { name: "Our partners" });
  await expect(table.getByRole("row").nth(1)).toBeVisible(slow);
  const before = await table.getByRole("row").count();
  await page.getByLabel("Find by name").fill("O");
  for (const fail of [of503, (route: Route) => route.abort()]) {
    await page.route(/\/(v1|health)/, fail);
    await page.getByRole("tab", { name: "Members of the network" }).click();
    await expect(banner(page)).toBeVisible(slow);
    await expect(page.getByRole("heading", { level: 1, name: "Partners" })).toBeVisible();
    await expect(page.getByLabel("Find by name")).toHaveValue("O");
    await accessible(page);
    await page.getByRole("tab", { name: "Our partners" }).click();
    await expect(table.getByRole("row").nth(1)).toBeVisible();
    await page.unroute(/\/(v1|health)/);
    await expect(banner(page)).toBeHidden(slow);
  }
  await page.getByLabel("Find by name").fill("");
  await expect(table.getByRole("row")).toHaveCount(before);
  await quiet(page);
});

test("a change whose answer was lost is sent again under its key, and done once", async ({ sandbox, browser }) => {
  test.setTimeout(240_000);
  const page = await sandbox.as(browser, "ALPHA", "product-manager");
  await page.goto("/agreements/new?partner=FOXTROT");
  await page.getByLabel("Id", { exact: false }).first().fill("MSA-LOST");
  await page.getByLabel("SHA-256 of the document, hex").fill("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
  for (const clause of ["Governing law", "Jurisdiction", "Indemnity", "Liability", "Force majeure", "Taxes", "Term", "Obligations", "Definitions"]) await page.getByRole("textbox", { name: clause, exact: true }).fill("As in the signed document.");
  const keys: (string | undefined)[] = [];
  await page.route("**/v1/bilaterals/FOXTROT/agreements", async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    keys.push(route.request().headers()["idempotency-key"]);
    if (keys.length > 1) return route.continue();
    const to = new URL(route.request().url());
    const host = to.host;
    to.hostname = "127.0.0.1";
    expect((await route.fetch({ url: to.href, headers: { ...route.request().headers(), host } })).status()).toBe(200); // the node takes it
    await route.abort(); // its answer is lost
  });
  await page.getByRole("button", { name: "Propose" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Agreement MSA-LOST" })).toBeVisible(slow);
  expect(keys.length).toBeGreaterThan(1);
  expect(new Set(keys).size).toBe(1);
  expect(keys[0]).toBeTruthy();
  const partner = await sandbox.as(browser, "FOXTROT", "product-manager");
  await partner.goto("/agreements?partner=ALPHA");
  await expect(partner.getByRole("link", { name: "MSA-LOST" })).toHaveCount(1, slow);
  await partner.getByRole("link", { name: "MSA-LOST" }).click();
  await partner.getByRole("button", { name: "Reject" }).click();
  await partner.getByRole("dialog", { name: "Reject" }).getByLabel("Reason").fill("It was a trial.");
  await partner.getByRole("dialog", { name: "Reject" }).getByRole("button", { name: "Reject" }).click();
  await expect(partner.getByText("The proposal is rejected.")).toBeVisible(slow);
  await quiet(page);
  await quiet(partner);
});

test("a node that is killed comes back, and nothing that was typed is lost", async ({ sandbox, browser }) => {
  test.setTimeout(300_000);
  const page = await sandbox.as(browser, "TANGO", "administrator");
  await page.goto("/settings");
  await page.getByLabel(/^New password \*?$/).fill("rain upon the old roof");
  await page.getByLabel("New password, once more").fill("rain upon the old roof");
  await page.getByRole("button", { name: "Set the password" }).click();
  await expect(page.getByText("The password is set.")).toBeVisible();
  await page.goto("/users");
  await expect(page.getByText("Live", { exact: true })).toBeVisible(slow);
  await page.getByRole("button", { name: "Add a user" }).click();
  const form = page.getByRole("dialog", { name: "Add a user" });
  await form.getByLabel("Name").fill("noor@tango.example");

  const control = await sandbox.as(browser, "BRAVO", "engineer");
  await control.goto("/sandbox-control");
  await control.getByRole("button", { name: "Kill TANGO" }).click();
  await control.getByRole("dialog", { name: "Kill TANGO?" }).getByRole("button", { name: "Kill" }).click();
  await expect(control.getByRole("button", { name: "Start TANGO" })).toBeVisible(slow);

  await expect(banner(page)).toBeVisible(slow);
  await form.getByRole("button", { name: "Add a user" }).click();
  await expect(form.getByText(/whether this was done is not known|does not answer/)).toBeVisible(slow);
  await expect(form.getByLabel("Name")).toHaveValue("noor@tango.example");
  // Who comes now sees why there is no page yet.
  const fresh = await page.context().newPage();
  await fresh.goto("/users");
  await expect(fresh.getByRole("heading", { level: 1, name: /The node of TANGO Telecom does not answer/ })).toBeVisible();
  await accessible(fresh);

  await control.getByRole("button", { name: "Start TANGO" }).click();
  // The node's sessions ended with it: its person signs in again over the page.
  const again = page.getByRole("dialog", { name: "Please sign in again" });
  await expect(again).toBeVisible({ timeout: 90_000 });
  await expect(banner(page)).toBeHidden(slow);
  await again.getByLabel(/^Password/).fill("rain upon the old roof");
  await again.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(again).toBeHidden(slow);
  await expect(form.getByLabel("Name")).toHaveValue("noor@tango.example");
  await form.getByRole("button", { name: "Add a user" }).click();
  await expect(page.getByText("Link for noor@tango.example")).toBeVisible(slow);
  await page.keyboard.press("Escape");
  await expect(page.getByText("Live", { exact: true })).toBeVisible(slow);
  await expect(fresh.getByRole("heading", { level: 1, name: /Users|Sign in/ })).toBeVisible(slow);
  await quiet(page);
});
