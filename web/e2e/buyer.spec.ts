import { micro } from "../src/lib/money";
import { accessible, expect, quiet, test } from "./sandbox";
import type { Locator, Page } from "@playwright/test";

test.setTimeout(300_000);

// amounts reads the amounts of money that something shows: EUR 9,990.086071.
async function amounts(of: Locator): Promise<bigint[]> {
  const text = await of.innerText();
  return [...text.matchAll(/\d[\d,]*\.\d+/g)].map((m) => micro(m[0].replaceAll(",", "")));
}

// choose picks of a list by what its options say.
async function choose(page: Page, label: string | RegExp, typed: string, option: string | RegExp) {
  const box = page.getByRole("combobox", { name: label });
  await box.click();
  await box.fill(typed);
  await page.getByRole("option", { name: option }).first().click();
}

test("a buyer orders across four carriers, has it looked after, and ends it", async ({ sandbox, browser }) => {
  const page = await sandbox.as(browser, "ALPHA", "product-manager");

  // The carrier's own offers, on the map and in the table. What ends in Hong Kong is found by
  // that name, and where nothing answers the page says what there is.
  await page.goto("/market");
  await expect(page.getByRole("heading", { level: 1, name: "Market" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Chai Wan, tower 1" })).toBeVisible({ timeout: 30_000 });
  await choose(page, "A", "Hong Kong", /^Hong Kong \(HK\)/);
  await choose(page, "Z", "Singapore", /^Singapore \(SG\)/);
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.getByText("Nothing in the catalogue answers this")).toBeVisible();
  await accessible(page);
  await page.getByRole("button", { name: /Tuas, meet-me room .*eNNI with BRAVO/ }).click();
  const offers = page.getByRole("table", { name: "Offers" });
  await expect(offers.getByRole("row")).toHaveCount(2);
  await expect(offers).toContainText("Ethernet line asia express");
  await expect(page.getByRole("button", { name: /Ethernet line asia express: Hong Kong – Tuas/ })).toBeVisible();
  await page.getByRole("checkbox", { name: /asia-express/ }).check();
  await expect(page.getByRole("table", { name: "Side by side" })).toContainText("17.4");
  await accessible(page);

  // In words: what was understood fills the form.
  await page.goto("/inquiry");
  await page.getByLabel("What do you need?").fill("100 Mbit/s Hong Kong to Milan now without end, under 180 ms");
  await page.getByRole("button", { name: "Show how it is understood" }).click();
  await expect(page.getByText("one way, not the round trip")).toBeVisible();
  await expect(page.getByRole("combobox", { name: "A", exact: true })).toHaveValue("Hong Kong (HK)");
  await expect(page.getByRole("combobox", { name: "Z", exact: true })).toHaveValue("Milan (IT)");
  await expect(page.getByLabel("Latency at most, ms")).toHaveValue("180");
  await accessible(page);
  await page.getByRole("button", { name: "Ask for prices" }).click();
  await expect(page).toHaveURL(/\/inquiry\/[0-9a-f]{32}/, { timeout: 30_000 });
  const inWords = page.url();
  const side = page.getByRole("table", { name: "Side by side" });
  await expect(side).toContainText("Paid to BRAVO", { timeout: 30_000 });

  // By form, for less: the same offers for less bandwidth cost no more.
  await page.goto("/inquiry");
  await choose(page, "A", "hong kong", /^Hong Kong \(HK\)/);
  await choose(page, "Z", "milan", /^Milan \(IT\)/);
  await choose(page, "Product", "e-line", /^e-line/);
  await page.getByLabel("Bandwidth, Mbit/s").fill("100");
  await page.getByRole("button", { name: "Ask for prices" }).click();
  await expect(page).toHaveURL(/\/inquiry\/[0-9a-f]{32}/, { timeout: 30_000 });
  expect(page.url()).not.toBe(inWords);

  // The node keeps inquiries: the first is there still, after the page is loaded anew.
  await page.goto(inWords);
  await page.reload();
  await expect(side.getByRole("columnheader", { name: /Offer 1/ })).toContainText("Best by the rule");
  await accessible(page);
  const cell = (name: string) => side.getByRole("row").filter({ has: page.getByRole("rowheader", { name, exact: true }) }).getByRole("cell").first();
  const chain = cell("Chain");
  await expect(chain).toContainText("ALPHA");
  await expect(chain).toContainText("BRAVO, and whoever is behind it");
  // A price is the sum of what it is made of: own legs, what is paid on, the mark-up.
  const [once] = await amounts(cell("Once"));
  const [each] = await amounts(cell("Recurring"));
  const parts = await amounts(cell("Made of"));
  expect(parts).toHaveLength(6);
  expect(parts[0]! + parts[2]! + parts[4]!).toBe(once);
  expect(parts[1]! + parts[3]! + parts[5]!).toBe(each);
  expect(parts[5]).toBe(parts[3]! / 10n);
  const paidOn = parts[3]!;

  // Ordered: the timeline and the picture follow until it is active.
  await page.getByRole("button", { name: "Order offer 1", exact: true }).click();
  await expect(page).toHaveURL(/\/services\/[0-9a-f]{32}/, { timeout: 30_000 });
  const service = page.url();
  await expect(page.getByRole("heading", { level: 1, name: "Hong Kong – Milan" })).toBeVisible();
  const course = page.getByRole("list", { name: "Course" });
  await expect(course).toContainText("ordered");
  const state = page.locator("dl.facts > div").filter({ hasText: /^State/ }).locator("dd");
  await expect(state).toHaveText("accepted", { timeout: 60_000 });
  const picture = page.getByRole("img", { name: /ALPHA buys the rest of BRAVO/ });
  await expect(picture).toBeVisible();
  await expect(page.getByRole("list", { name: "Order with BRAVO" })).toContainText("completed", { timeout: 60_000 });
  expect((await amounts(page.locator("dl.facts > div").filter({ hasText: "Paid to BRAVO each" })))[0]).toBe(paidOn);
  expect((await amounts(page.locator("dl.facts > div").filter({ hasText: /^Each 1mo/ })))[0]).toBe(each);
  await accessible(page);

  // The inventory has the product that is bought, at the price that is paid.
  const product = (await page.locator("dl.facts > div").filter({ hasText: "Bought as" }).locator("dd").innerText()).trim();
  await page.getByRole("link", { name: product }).click();
  await expect(page.getByRole("heading", { level: 1, name: `Product ${product}` })).toBeVisible();
  await expect(state).toHaveText("active", { timeout: 60_000 });
  await accessible(page);

  // Something is wrong with it: a ticket at BRAVO, which BRAVO's engineer sees to.
  await page.getByRole("link", { name: "Open a trouble ticket" }).click();
  const dialog = page.getByRole("dialog", { name: "Open a ticket" });
  await expect(dialog.getByLabel("Product")).toHaveValue(product);
  await dialog.getByLabel("Description").fill("No light since noon <b>at the far end</b>");
  await dialog.getByRole("combobox", { name: "Impact" }).click();
  await page.getByRole("option", { name: "Down" }).click();
  await accessible(page);
  await dialog.getByRole("button", { name: "Tell the partner" }).click();
  await expect(page).toHaveURL(/\/tickets\/own\/BRAVO\//, { timeout: 30_000 });
  await expect(page.getByText("No light since noon <b>at the far end</b>")).toBeVisible();
  await expect(state).toHaveText("acknowledged");
  const ticket = decodeURIComponent(new URL(page.url()).pathname.split("/").at(-1)!);
  await accessible(page);

  const bravo = await sandbox.as(browser, "BRAVO", "engineer");
  await bravo.goto("/tickets");
  await bravo.getByRole("link", { name: ticket }).click();
  await expect(bravo.getByText("No light since noon <b>at the far end</b>")).toBeVisible();
  await accessible(bravo);
  await expect(bravo.getByRole("button", { name: "Resolve" })).toHaveCount(0);
  await bravo.getByRole("button", { name: "In progress" }).click();
  await bravo.getByRole("dialog").getByLabel("Note for the partner").fill("A crew is on its way");
  await bravo.getByRole("dialog").getByRole("button", { name: "In progress" }).click();
  await bravo.getByRole("button", { name: "Resolve" }).click();
  await bravo.getByRole("dialog").getByRole("button", { name: "Resolve" }).click();
  await expect(bravo.getByRole("button", { name: "Close" })).toBeVisible();
  await quiet(bravo);

  await expect(state).toHaveText("resolved", { timeout: 30_000 });
  await expect(page.getByText(/A crew is on its way/)).toBeVisible();
  await page.getByRole("button", { name: "Close", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Close", exact: true }).last().click();
  await expect(state).toHaveText("closed", { timeout: 30_000 });

  // The observer sees all of the chain.
  await page.goto("/observer");
  const mesh = page.getByRole("table", { name: "Cascades" });
  const row = mesh.getByRole("row").filter({ hasText: "ALPHA → BRAVO → CHARLIE → DELTA" }).first();
  await expect(row).toContainText("accepted", { timeout: 30_000 });
  await row.getByRole("checkbox").check();
  await expect(page.getByRole("heading", { level: 2, name: "ALPHA → BRAVO → CHARLIE → DELTA" })).toBeVisible();
  await accessible(page);

  // The end goes along the chain.
  await page.goto(service);
  await page.getByRole("button", { name: "End", exact: true }).click();
  await page.getByRole("dialog", { name: "End" }).getByRole("button", { name: "End", exact: true }).click();
  await expect(state).toHaveText("ended", { timeout: 60_000 });
  await expect(page.getByRole("button", { name: "End", exact: true })).toHaveCount(0);
  await page.goto(`/inventory/BRAVO/${product}`);
  await expect(state).toHaveText("terminated", { timeout: 60_000 });
  await page.goto("/observer");
  await expect(mesh.getByRole("row").filter({ hasText: "ALPHA → BRAVO → CHARLIE → DELTA" }).first()).toContainText("ended", { timeout: 60_000 });
  await quiet(page);

  for (const [carrier, partner] of [["BRAVO", "CHARLIE"], ["CHARLIE", "DELTA"], ["DELTA", "CHARLIE"]] as const) {
    const other = await sandbox.as(browser, carrier, carrier === "BRAVO" ? "engineer" : "auditor");
    await other.goto(`/inventory?partner=${partner}&state=terminated`);
    await expect(other.getByRole("table", { name: "Products" }).getByRole("row").nth(1)).toContainText("terminated", { timeout: 60_000 });
    await quiet(other);
  }
});

test("who comes to the observer's address is led to the mesh", async ({ sandbox, browser }) => {
  const page = await (await browser.newContext()).newPage();
  const at = new URL(sandbox.place("ALPHA").address);
  await page.goto(`http://observer.localhost:${at.port}/`);
  await page.getByRole("link", { name: "See the whole mesh" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Observer's view" })).toBeVisible({ timeout: 30_000 });
  await expect(page.getByRole("img", { name: /7 carriers, 9 interconnections/ })).toBeVisible({ timeout: 30_000 });
  await page.context().close();
});
