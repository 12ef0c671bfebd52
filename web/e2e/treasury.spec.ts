import type { Page } from "@playwright/test";

import { accessible, expect, quiet, test } from "./sandbox";

test.setTimeout(420_000);

const slow = { timeout: 60_000 };

// available is what a carrier may spend of a token, as its page of balances says.
async function available(page: Page, token: string): Promise<number> {
  await page.goto("/balances");
  const card = page.getByRole("region", { name: token, exact: true });
  await expect(card.getByText("Available")).toBeVisible(slow);
  return Number((await card.getByText("Available").locator("xpath=following-sibling::*[1]").innerText()).replace(/[^\d.]/g, ""));
}

async function pick(page: Page, within: ReturnType<Page["getByRole"]>, label: string, option: string) {
  await within.getByLabel(new RegExp(`^${label}( \\*)?$`)).click();
  await page.getByRole("option", { name: option, exact: true }).click();
}

// fill puts a member, a token and an amount into a form.
async function fill(page: Page, form: ReturnType<Page["getByRole"]>, to: string, token: string, amount: string) {
  await form.getByLabel("To", { exact: false }).first().fill(to);
  await page.keyboard.press("Escape"); // the list of members
  await pick(page, form, "Token", token);
  await form.getByLabel("Amount").fill(amount);
}

test("finance takes tokens out of a deposit, and transfers, holds, swaps and redeems them", async ({ sandbox, browser }) => {
  const ann = await sandbox.as(browser, "ALPHA", "finance");
  const bob = await sandbox.as(browser, "BRAVO", "finance");

  // Most of what is locked for FOXTROT stays there.
  const before = await available(ann, "EURt");
  await ann.goto("/deposits?partner=FOXTROT");
  await ann.getByRole("region", { name: "FOXTROT" }).getByRole("button", { name: "Release" }).first().click();
  const release = ann.getByRole("dialog", { name: "Release your share with FOXTROT" });
  await release.getByLabel("Keep locked").fill("999000");
  await accessible(ann);
  await release.getByRole("button", { name: "Release" }).click();
  const seen = release.getByLabel("It may be seen that the two have paid each other");
  await expect(ann.getByText("Your share is released.").or(seen).first()).toBeVisible(slow);
  if (await seen.isVisible()) {
    await seen.check();
    await release.getByRole("button", { name: "Release" }).click();
    await expect(ann.getByText("Your share is released.")).toBeVisible(slow);
  }
  await expect(async () => expect(await available(ann, "EURt")).toBe(before + 1000)).toPass({ timeout: 90_000 });

  // A transfer is final with its block; more than there is is refused at its field.
  await ann.getByRole("button", { name: "Transfer tokens" }).click();
  const transfer = ann.getByRole("dialog", { name: "Transfer tokens" });
  await transfer.getByRole("button", { name: "Transfer", exact: true }).click();
  await expect(transfer.getByText("This has to be given").first()).toBeVisible();
  await fill(ann, transfer, "BRAVO", "EURt", "99999999");
  await transfer.getByRole("button", { name: "Transfer", exact: true }).click();
  await expect(transfer.getByRole("alert").first()).toBeVisible(slow);
  await transfer.getByLabel("Amount").fill("400");
  await transfer.getByRole("button", { name: "Transfer", exact: true }).click();
  await expect(ann.getByText("The tokens are transferred.")).toBeVisible(slow);
  await ann.goto("/balances?tab=transfers");
  await expect(ann.getByRole("row").filter({ hasText: "BRAVO" }).filter({ hasText: "400.00" })).toBeVisible(slow);
  await accessible(ann);
  await bob.goto("/balances?tab=transfers&all=received");
  await expect(bob.getByRole("row").filter({ hasText: "ALPHA" }).filter({ hasText: "400.00" })).toBeVisible(slow);

  // Of a hold a part is paid out, and the rest comes back; another is given back whole. Only
  // its owner may do either, and only it is offered that.
  for (const [amount, what] of [["50", "Pay out"], ["60", "Give back"]] as const) {
    await ann.goto("/balances?tab=holds");
    await ann.getByRole("button", { name: "Place a hold" }).first().click();
    const hold = ann.getByRole("dialog", { name: "Place a hold" });
    await fill(ann, hold, "BRAVO", "EURt", amount);
    await accessible(ann);
    await hold.getByRole("button", { name: "Place", exact: true }).click();
    await expect(ann.getByText("The tokens are set aside.").first()).toBeVisible(slow);
    const row = (page: Page) => page.getByRole("row").filter({ hasText: `${amount}.00` });
    await bob.goto("/balances?tab=holds");
    await expect(row(bob).filter({ hasText: "pending" })).toBeVisible(slow);
    await expect(row(bob).getByRole("button")).toHaveCount(0);
    await row(ann).getByRole("button", { name: what }).click();
    const step = ann.getByRole("dialog");
    if (what === "Pay out") await step.getByLabel("Amount to pay out").fill("20");
    await step.getByRole("button", { name: what }).click();
    await expect(ann.getByText(what === "Pay out" ? "The held tokens are paid out." : "The held tokens are given back.")).toBeVisible(slow);
    await expect(row(ann).filter({ hasText: what === "Pay out" ? "posted" : "void" })).toBeVisible(slow);
  }
  await accessible(bob);

  // A swap moves both sorts or neither; one that nobody takes is withdrawn.
  await ann.goto("/balances?tab=swaps");
  await ann.getByRole("button", { name: "Offer a swap" }).first().click();
  const swap = ann.getByRole("dialog", { name: "Offer a swap" });
  await swap.getByLabel("You give").fill("10");
  await pick(ann, swap, "Token", "EURt");
  await swap.getByLabel("You get").fill("11");
  await pick(ann, swap, "Token wanted", "USDt");
  await accessible(ann);
  await swap.getByRole("button", { name: "Offer", exact: true }).click();
  await expect(ann.getByText("The swap is offered.")).toBeVisible(slow);
  await bob.goto("/balances?tab=swaps");
  const offered = bob.getByRole("row").filter({ hasText: "ALPHA" }).filter({ hasText: "11.00" });
  await offered.getByRole("button", { name: "Take" }).click();
  const take = bob.getByRole("dialog");
  await expect(take.getByText("You give").first()).toBeVisible();
  await accessible(bob);
  await take.getByRole("button", { name: "Take" }).click();
  await expect(take.getByRole("alert").first()).toBeVisible(slow); // BRAVO has no USDt of its own
  await bob.keyboard.press("Escape");
  await ann.getByRole("row").filter({ hasText: "11.00" }).getByRole("button", { name: "Withdraw" }).click();
  await ann.getByRole("dialog").getByRole("button", { name: "Withdraw" }).click();
  await expect(ann.getByText("The swap is withdrawn.")).toBeVisible(slow);

  // The issuer is asked to pay, to the account of a file that only its hash names on the ledger.
  await ann.goto("/balances?tab=redemptions");
  await ann.getByRole("button", { name: "Redeem tokens" }).first().click();
  const redeem = ann.getByRole("dialog", { name: "Redeem tokens" });
  await pick(ann, redeem, "Token", "EURt");
  await redeem.getByLabel("Amount").fill("70");
  await redeem.getByTestId("file").setInputFiles({ name: "bank.txt", mimeType: "text/plain", buffer: Buffer.from("IBAN CH93 0076 2011 6238 5295 7") });
  await expect(redeem.getByLabel("Hash of the bank details")).toHaveValue(/^[0-9a-f]{64}$/);
  await accessible(ann);
  await redeem.getByRole("button", { name: "Redeem", exact: true }).click();
  await expect(ann.getByText("The issuer is asked to pay.", { exact: false })).toBeVisible(slow);
  await expect(ann.getByRole("row").filter({ hasText: "70.00" }).filter({ hasText: "pending" })).toBeVisible(slow);
  // 1,000 came, 400 and 20 went to BRAVO, 70 are held.
  expect(await available(ann, "EURt")).toBe(before + 510);
  for (const p of [ann, bob]) await quiet(p);
});

test("finance calls a round of netting, and others join", async ({ sandbox, browser }) => {
  const ann = await sandbox.as(browser, "ALPHA", "finance");
  const bob = await sandbox.as(browser, "BRAVO", "finance");
  await ann.goto("/netting?tab=rounds");
  await ann.getByRole("button", { name: "Call a round" }).first().click();
  const call = ann.getByRole("dialog", { name: "Call a round" });
  await call.getByRole("button", { name: "Call a round" }).click();
  await expect(call.getByText("This has to be given").first()).toBeVisible();
  await call.getByLabel("Currency").fill("EUR");
  await call.getByLabel("Time to join").fill("1");
  await call.getByLabel("Then time to sign").fill("1");
  await accessible(ann);
  await call.getByRole("button", { name: "Call a round" }).click();
  await expect(ann.getByText("The round is called.")).toBeVisible(slow);
  for (const page of [ann, bob]) {
    await page.goto("/netting?tab=rounds&state=joining");
    await page.getByRole("table", { name: "Rounds" }).getByRole("row").filter({ hasText: "ALPHA" }).getByRole("button").first().click();
    const round = page.getByRole("dialog", { name: /^Round / });
    await expect(round.getByText("Debts can be offered.", { exact: false })).toBeVisible(slow);
    await round.getByRole("button", { name: "Join" }).click();
    const join = page.getByRole("dialog", { name: "Join" });
    await accessible(page);
    await join.getByRole("button", { name: "Join" }).click();
    await expect(page.getByText("This carrier takes part.", { exact: false })).toBeVisible(slow);
  }
  // With nothing offered, or all signed, it ends by itself; nothing is left bound.
  const round = ann.getByRole("dialog", { name: /^Round / });
  await expect(round.getByText(/^(agreed|lapsed)$/)).toBeVisible({ timeout: 150_000 });
  await accessible(ann);
  for (const p of [ann, bob]) await quiet(p);
});
