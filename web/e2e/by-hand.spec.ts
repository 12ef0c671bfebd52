import { createHash } from "node:crypto";

import type { Page } from "@playwright/test";

import { choose } from "./read";
import { accessible, expect, quiet, test } from "./sandbox";

// What usually happens by itself, done by people.

const slow = { timeout: 60_000 };
test.use({ actionTimeout: 60_000 });
test.setTimeout(300_000);

const hash = (text: string) => createHash("sha256").update(text).digest("hex");
const state = (page: Page) => page.locator("dl.facts > div").filter({ hasText: /^State/ }).locator("dd");

// fillTime fills in a time, UTC.
const fillTime = (page: Page, label: string | RegExp, at: number) => page.getByRole("dialog").getByLabel(label).fill(new Date(at).toISOString().slice(0, 19));

test("a product is ordered by the agreement's prices, measured by both sides, and what differs is agreed", async ({ sandbox, browser }) => {
  const buyer = await sandbox.as(browser, "ALPHA", "product-manager");
  await buyer.goto("/orders/new?partner=BRAVO");
  await expect(buyer.getByRole("heading", { level: 1, name: "Place an order" })).toBeVisible();
  await buyer.getByRole("button", { name: "Place the order" }).click();
  await expect(buyer.getByText("This has to be given.").first()).toBeVisible();
  await choose(buyer, "Schedule", /^traffic/);
  const product = `hand-${Date.now() % 1_000_000}`;
  await buyer.getByLabel("Id of the product").fill(product);
  await buyer.getByLabel("Expected each period").fill("a lot");
  await accessible(buyer);
  await buyer.getByRole("button", { name: "Place the order" }).click();
  await expect(buyer.getByRole("alert").first()).toBeVisible(slow);
  await expect(buyer.getByLabel("Expected each period")).toHaveValue("a lot");
  await buyer.getByLabel("Expected each period").fill("10");
  await buyer.getByRole("button", { name: "Place the order" }).click();
  await expect(buyer.getByRole("heading", { level: 1, name: /^Order / })).toBeVisible(slow);
  await expect(buyer).toHaveURL(/\/orders\/BRAVO\//);
  await accessible(buyer);
  const order = new URL(buyer.url()).pathname.split("/").at(-1)!;

  const seller = await sandbox.as(browser, "BRAVO", "product-manager");
  await seller.goto(`/orders/ALPHA/${order}`);
  // The seller's network takes it, and builds it.
  await expect(state(seller)).toHaveText("completed", slow);
  await accessible(seller);
  await quiet(seller);
  await buyer.goto(`/inventory/BRAVO/${product}`);
  await expect(state(buyer)).toHaveText("active", slow);
  await quiet(buyer);

  // A first whole interval has to go by. Both state it, and do not say the same.
  const cycle = 15_000;
  const from = Math.floor(Date.now() / cycle) * cycle + cycle;
  await buyer.waitForTimeout(from + cycle - Date.now() + 1000);
  const ours = await sandbox.as(browser, "ALPHA", "clerk");
  const theirs = await sandbox.as(browser, "BRAVO", "clerk");
  for (const [page, partner, used] of [[ours, "BRAVO", 1_000_000], [theirs, "ALPHA", 2_000_000]] as const) {
    await page.goto(`/inventory/${partner}/${product}`);
    await page.getByRole("button", { name: "State a measurement" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "State", exact: true }).click();
    await expect(dialog.getByText("This has to be given.").first()).toBeVisible();
    await fillTime(page, /^From/, from);
    await fillTime(page, /^Until/, from + cycle);
    await dialog.getByLabel("traffic").fill(String(used));
    await dialog.getByLabel("Hash of the records").fill(hash(partner));
    await accessible(page);
    await dialog.getByRole("button", { name: "State", exact: true }).click();
    await expect(page.getByText("It is stated.")).toBeVisible(slow);
  }
  const row = (page: Page) => page.getByRole("table", { name: "Measurements" }).getByRole("row").nth(1);
  await expect(row(ours)).toContainText("disputed", slow);
  await row(ours).getByRole("button", { name: "Propose" }).click();
  await ours.getByRole("dialog").getByLabel("traffic").fill("1500000");
  await ours.getByRole("dialog").getByLabel("Why").fill("Half of what differs");
  await ours.getByRole("dialog").getByRole("button", { name: "Propose" }).click();
  await expect(ours.getByText("The figures are proposed.")).toBeVisible(slow);
  await expect(row(theirs)).toContainText("Half of what differs", slow);
  await row(theirs).getByRole("button", { name: "Accept" }).click();
  await expect(theirs.getByRole("dialog")).toContainText("1,500,000");
  await accessible(theirs);
  await theirs.getByRole("dialog").getByRole("button", { name: "Accept" }).click();
  await expect(row(theirs)).toContainText("agreed", slow);
  await expect(row(ours)).toContainText("agreed", slow);
  await quiet(ours);
  await quiet(theirs);
});

test("a rule is tried on cases and on the past, proposed and rejected; a proposal is withdrawn", async ({ sandbox, browser }) => {
  const manager = await sandbox.as(browser, "ALPHA", "product-manager");
  await manager.goto("/agreements?partner=BRAVO");
  const link = manager.getByRole("table", { name: "Agreements" }).locator('a[href^="/agreements/BRAVO/"]').first();
  await link.click();
  await expect(manager.getByRole("heading", { level: 1, name: /^Agreement / })).toBeVisible();
  await accessible(manager);
  const at = new URL(manager.url()).pathname;
  await manager.getByRole("button", { name: "Rule", exact: true }).click();
  const examples = manager.getByRole("table", { name: "Examples" });
  await expect(examples.getByRole("row").nth(1)).toBeVisible(slow);
  await expect(manager.getByRole("region", { name: /cost/i })).toBeVisible();
  await accessible(manager);
  const rule = manager.getByRole("textbox", { name: "Rule (CEL)" });
  await rule.fill('kind == "duration" ?');
  await expect(manager.getByRole("alert").first()).toBeVisible(slow);
  await expect(manager.getByRole("button", { name: /^Propose/ })).toBeDisabled();
  await accessible(manager);
  await rule.fill('kind == "duration" ? "buyer" : "manual"');
  await expect(manager.getByRole("alert")).toHaveCount(0, slow);
  await expect(examples.getByRole("row").filter({ hasText: "buyer" }).first()).toBeVisible(slow);
  await manager.getByRole("button", { name: /^Propose/ }).click();
  await expect(manager).toHaveURL(new RegExp(`${at}$`), slow);
  await expect(manager.getByText("Waits for BRAVO to accept or reject.")).toBeVisible(slow);
  const reader = await sandbox.as(browser, "BRAVO", "product-manager");
  await reader.goto(at.replace("/BRAVO/", "/ALPHA/"));
  await expect(reader.getByText('kind == "duration" ? "buyer" : "manual"').first()).toBeVisible(slow);
  await accessible(reader);
  await reader.getByRole("button", { name: "Reject" }).click();
  await reader.getByRole("dialog").getByLabel("Reason").fill("Not this month");
  await reader.getByRole("dialog").getByRole("button", { name: "Reject" }).click();
  await expect(reader.getByText("The proposal is rejected.")).toBeVisible(slow);
  await expect(manager.getByText("Waits for BRAVO to accept or reject.")).toHaveCount(0, slow);

  // The same once more as an agreement of its own, which nobody answers.
  const id = await manager.evaluate(async (from) => {
    const { csrf } = (await (await fetch("/session")).json()) as { csrf: string };
    const a = (await (await fetch(from)).json()) as { legal: unknown; versions: { terms: unknown }[] };
    const answer = await fetch("/v1/bilaterals/BRAVO/agreements", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf, "Idempotency-Key": crypto.randomUUID() },
      body: JSON.stringify({ type: "msa", legal: a.legal, lines: ["edge"], from: "2030-01-01T00:00:00Z", terms: { ...(a.versions[0]!.terms as object), products: [] } }),
    });
    const made = (await answer.json()) as { record?: { id: string } };
    if (!made.record) throw new Error(JSON.stringify(made));
    return made.record.id;
  }, `/v1/bilaterals/BRAVO/agreements/${at.split("/").at(-1)!}`);
  await manager.goto(`/agreements/BRAVO/${id}`);
  await expect(manager.getByRole("button", { name: "Terminate" })).toHaveCount(0);
  await manager.getByRole("button", { name: "Withdraw the proposal" }).click();
  await manager.getByRole("dialog").getByRole("button", { name: "Withdraw the proposal" }).click();
  await expect(manager.getByText("The proposal is withdrawn.")).toBeVisible(slow);
  await expect(state(manager)).toHaveText("rejected", slow);
  await accessible(manager);
  await quiet(manager);
  await quiet(reader);
});

test("an item of the catalogue is filled in by fields, and capacity is reserved by hand", async ({ sandbox, browser }) => {
  const manager = await sandbox.as(browser, "ALPHA", "product-manager");
  await manager.goto("/catalogue/places/put");
  const field = (name: string) => manager.getByRole("textbox", { name, exact: true });
  const id = `place-${Date.now() % 1_000_000}`;
  await field("Id").fill(id);
  await field("Name").fill("Mombasa, landing station");
  await field("Country").fill("KE");
  await field("Latitude").fill("somewhere south");
  await accessible(manager);
  await manager.getByRole("button", { name: "Put in force" }).click();
  await expect(field("Latitude")).toHaveAttribute("aria-invalid", "true", slow);
  await expect(field("Name")).toHaveValue("Mombasa, landing station");
  await field("Latitude").fill("-4.06");
  await field("Longitude").fill("39.67");
  await manager.getByText("As JSON", { exact: true }).click();
  await expect(manager.getByRole("textbox", { name: /JSON/ })).toHaveValue(/"latitude": "-4.06"/);
  await manager.getByRole("button", { name: "Put in force" }).click();
  await expect(manager.getByText("It is in force.")).toBeVisible(slow);
  await expect(manager.getByText(`Place ${id}`)).toBeVisible();
  await accessible(manager);

  await manager.goto("/inventory?tab=reservations");
  await manager.getByRole("button", { name: "Reserve", exact: true }).click();
  const form = manager.getByRole("dialog", { name: "Reserve" });
  await form.getByRole("button", { name: "Reserve", exact: true }).click();
  await expect(form.getByText("This has to be given.").first()).toBeVisible();
  await form.getByRole("combobox", { name: "Offering" }).or(form.getByRole("textbox", { name: "Offering" })).first().click();
  await manager.getByRole("option").first().click();
  await form.getByLabel("Bandwidth, Mbit/s").fill("10");
  await form.getByLabel("For").fill("a trial by hand");
  await accessible(manager);
  await form.getByRole("button", { name: "Reserve", exact: true }).click();
  await expect(manager.getByText("It is reserved.")).toBeVisible(slow);
  const row = manager.getByRole("row").filter({ hasText: "a trial by hand" }).first();
  await expect(row).toContainText("reserved");
  await row.getByRole("button", { name: "Release" }).click();
  await manager.getByRole("dialog").getByRole("button", { name: "Release" }).click();
  await expect(manager.getByText("The reservation is released.")).toBeVisible(slow);
  await accessible(manager);
  await quiet(manager);
});
