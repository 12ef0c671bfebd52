import type { Browser, Page } from "@playwright/test";

import { accessible, expect, quiet, Sandbox, test } from "./sandbox";

// A carrier that nobody knows yet joins, agrees with ALPHA, and settles its first period.

const slow = { timeout: 60_000 };
const partner = "ALPHA";

// next reads what the first steps say comes next.
const next = (page: Page) => page.getByRole("main").getByRole("status").filter({ hasText: /./ }).first();

async function steps(page: Page, step: string, of?: string) {
  await page.goto(`/onboarding?step=${step}${of ? `&partner=${of}` : ""}`);
  await expect(page.getByRole("heading", { level: 1, name: "First steps" })).toBeVisible();
  await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0, slow);
}

// person has the administrator let somebody in, and gives that person's page.
async function person(admin: Page, browser: Browser, name: string, role: string): Promise<Page> {
  await admin.goto("/users");
  await admin.getByRole("button", { name: "Add a user" }).click();
  const form = admin.getByRole("dialog", { name: "Add a user" });
  await form.getByLabel("Name").fill(name);
  await form.getByRole("combobox", { name: "Role" }).click();
  await admin.getByRole("option", { name: role, exact: true }).click();
  await form.getByRole("button", { name: "Add a user" }).click();
  const shown = admin.getByRole("dialog", { name: `Link for ${name}` });
  const link = (await shown.getByText(/^http/).textContent()) ?? "";
  await admin.keyboard.press("Escape");
  return Sandbox.by(browser, link);
}

const stamp = (ms: number) => new Date(ms).toISOString();
const hour = 3_600_000;

test.use({ actionTimeout: 60_000 });

test("a new carrier joins, and settles its first period", async ({ sandbox, browser }) => {
  test.setTimeout(900_000);
  // Somebody at the sandbox's controls starts one more node.
  const engineer = await sandbox.as(browser, "BRAVO", "engineer");
  await engineer.goto("/sandbox-control");
  const section = engineer.getByRole("region", { name: "Add a carrier" });
  await section.getByLabel("Code").fill("KILO");
  await section.getByLabel("Legal name").fill("Kilo Comms & Söhne AG");
  await section.getByRole("button", { name: "Add a carrier" }).click();
  const link = section.getByRole("link", { name: "Sign in as administrator of KILO" });
  await expect(link).toBeVisible(slow);
  await accessible(engineer);
  const admin = await Sandbox.by(browser, (await link.getAttribute("href")) ?? "");

  await test.step("the organisation becomes a member", async () => {
    await steps(admin, "organisation");
    await expect(next(admin)).toContainText("No member has sponsored KILO yet");
    await expect(admin.getByText("Kilo Comms & Söhne AG")).toBeVisible();
    await accessible(admin);
    const saving = admin.waitForEvent("download");
    await admin.getByRole("button", { name: "Save the application" }).click();
    const application = await (await saving).path();

    const sponsor = await sandbox.as(browser, partner, "administrator");
    await steps(sponsor, "organisation");
    await sponsor.getByTestId("file").setInputFiles(application);
    await expect(sponsor.getByText("KILO – Kilo Comms & Söhne AG")).toBeVisible(slow);
    const other = await sandbox.as(browser, "BRAVO", "administrator");
    await steps(other, "organisation");
    await other.getByRole("button", { name: "Vouch for KILO" }).click(slow);
    await expect(other.getByText("You have vouched for KILO.")).toBeVisible(slow);

    await expect(next(admin)).toContainText("You are a member of the network.", { timeout: 120_000 });
    await admin.getByRole("button", { name: "Next" }).click();
    await expect(next(admin)).toContainText("The network knows these keys.");
    await accessible(admin);
    await quiet(other);
  });

  const theirs = await sandbox.as(browser, partner, "administrator");
  await test.step("the first partner", async () => {
    await admin.getByRole("button", { name: "Next" }).click();
    await expect(next(admin)).toContainText("Choose the member with whom you want to trade first.");
    await admin.getByRole("combobox", { name: "Partner" }).click();
    await admin.getByRole("option", { name: /^ALPHA/ }).click();
    await admin.getByRole("button", { name: "Open a Bilateral" }).click();
    await expect(next(admin)).toContainText("Let ALPHA know the keys that your node acts with.", slow);
    await admin.getByLabel(/^Largest amount of one command/).fill("EUR 20000");
    await admin.getByRole("button", { name: "Register the node's keys" }).click();
    await expect(next(admin)).toContainText("ALPHA has to register the keys of its node too", slow);
    await accessible(admin);

    await steps(theirs, "partner", "KILO");
    await expect(next(theirs)).toContainText("Let KILO know the keys", slow);
    await theirs.getByLabel(/^Largest amount of one command/).fill("EUR 20000");
    await theirs.getByRole("button", { name: "Register the node's keys" }).click();
    await expect(next(theirs)).toContainText("knows the keys of both nodes", slow);
    await expect(next(admin)).toContainText("knows the keys of both nodes", slow);
  });

  const manager = await person(admin, browser, "mira", "Product manager");
  const theirManager = await sandbox.as(browser, partner, "product-manager");
  const day = stamp(Date.now() - 24 * hour).slice(0, 10);
  await test.step("the first agreement", async () => {
    await steps(manager, "agreement");
    await expect(next(manager)).toContainText("Propose terms");
    await manager.getByRole("button", { name: "Propose an agreement" }).click();
    await expect(manager.getByRole("heading", { level: 1, name: "Propose" })).toBeVisible();
    await expect(manager.getByRole("combobox", { name: "Partner" })).toHaveValue("ALPHA");
    await manager.getByLabel("From (day, UTC)").fill(day);
    await manager.getByTestId("file").setInputFiles({ name: "contract.pdf", mimeType: "application/pdf", buffer: Buffer.from("signed by both") });
    for (const clause of ["Governing law", "Jurisdiction", "Indemnity", "Liability", "Force majeure", "Taxes", "Term", "Obligations", "Definitions"]) await manager.getByRole("textbox", { name: clause, exact: true }).fill("As in the signed document.");
    await manager.getByRole("combobox", { name: "Billing period" }).fill("1h");
    await manager.getByRole("switch", { name: /^Usage comes from files/ }).check();
    await manager.getByRole("switch", { name: "Netting", exact: true }).check();
    await manager.getByLabel("Days until due").fill("7");
    await manager.getByRole("button", { name: "Propose" }).click();
    await expect(manager.getByRole("heading", { level: 1, name: "Agreement MSA-1" })).toBeVisible(slow);
    await steps(manager, "agreement");
    await expect(next(manager)).toContainText("Next: ALPHA, Product manager");

    await steps(theirManager, "agreement", "KILO");
    await expect(next(theirManager)).toContainText("Next: you");
    await theirManager.getByRole("main").getByRole("link", { name: "MSA-1" }).click();
    await theirManager.getByRole("button", { name: "Accept and sign" }).click();
    await expect(theirManager.getByText("The terms are signed.")).toBeVisible(slow);
    await expect(next(manager)).toContainText("An agreement with ALPHA is in force.", slow);
    await accessible(manager);
  });

  await test.step("rates and an order", async () => {
    await steps(theirManager, "rates", "KILO");
    await theirManager.getByRole("button", { name: "Upload a rate sheet" }).click();
    const sheet = `destination,prefix,rate,currency,unit_seconds,minimum_seconds,increment_seconds,valid_from,valid_to\nGermany fixed,49,0.030000000,EUR,60,1,1,${day}T00:00:00Z,\nGermany mobile,4915,0.060000000,EUR,60,30,6,${day}T00:00:00Z,\n`;
    await theirManager.getByTestId("file").setInputFiles({ name: "kilo-rates.csv", mimeType: "text/csv", buffer: Buffer.from(sheet) });
    await expect(theirManager.getByText(/2 accepted/)).toBeVisible(slow);
    await theirManager.getByRole("button", { name: /^Propose/ }).click();
    await expect(theirManager.getByRole("heading", { level: 1 })).toContainText("Rate sheet S-", slow);

    await steps(manager, "rates");
    await expect(next(manager)).toContainText("Look at the sheet that is proposed", slow);
    await manager.getByRole("main").getByRole("link", { name: /^S-/ }).first().click();
    await manager.getByRole("button", { name: "Accept", exact: true }).click();
    await expect(manager.getByText("The sheet is accepted.")).toBeVisible(slow);
    await steps(manager, "rates");
    await expect(next(manager)).toContainText("Place a standing order", slow);
    await manager.getByLabel("Most in one period").fill("EUR 1000");
    await manager.getByRole("button", { name: "Order calls" }).click();
    await expect(next(manager)).toContainText("Accept the standing order", slow);
    await steps(theirManager, "rates", "KILO");
    await theirManager.getByRole("button", { name: /^Accept order/ }).click(slow);
    await expect(next(theirManager)).toContainText("Calls are priced and ordered.", slow);
    await expect(next(manager)).toContainText("Calls are priced and ordered.", slow);
    await accessible(manager);
  });

  // Three calls of the hour before this one: 120 s and 60 s to Germany fixed at 0.03 a minute,
  // 95 s to mobile at 0.06 a minute in steps of 6 s, which is 96 s: 0.06 + 0.03 + 0.096.
  const total = "0.186";
  const begin = Math.floor(Date.now() / hour) * hour - hour;
  const calls: [string, string, number, number][] = [
    ["4930123456", "1", 5 * 60_000, 120_000],
    ["4930123457", "2", 15 * 60_000, 60_000],
    ["4915123456", "3", 25 * 60_000, 95_000],
  ];
  const head = "call_id,originating_number,destination_number,start_time,duration_ms,result,carrier_from,carrier_to,trunk";
  const rows = (who: string) => calls.map(([to, id, at, ms]) => `${who}-${id},41445550101,${to},${stamp(begin + at)},${ms},success,KILO,ALPHA,zrh-1`);
  const file = (lines: string[]) => ({ name: "calls.csv", mimeType: "text/csv", buffer: Buffer.from([head, ...lines, ""].join("\n")) });

  await test.step("usage of both sides, a bad row shown first", async () => {
    const ours = await person(admin, browser, "noor", "Engineer");
    await steps(ours, "period");
    await expect(next(ours)).toContainText("Import a file of call records");
    await ours.getByRole("button", { name: "Import call records" }).click();
    await ours.getByTestId("file").setInputFiles(file(["K-0,41445550101,not a number,yesterday,1,success,KILO,ALPHA,zrh-1", ...rows("K")]));
    await expect(ours.getByText(/^4 in = 3 accepted \+ 1 rejected/)).toBeVisible(slow);
    const table = ours.getByRole("table", { name: /rejected/i });
    await expect(table.getByRole("row").nth(1)).toContainText("2");
    await accessible(ours);
    await steps(ours, "period");
    await ours.getByRole("button", { name: /close the periods/ }).click();
    await expect(ours.getByText("Your side has closed its periods until now.")).toBeVisible(slow);

    const theirEngineer = await sandbox.as(browser, partner, "engineer");
    await theirEngineer.goto("/usage?partner=KILO");
    await theirEngineer.getByTestId("file").setInputFiles(file(rows("A")));
    await expect(theirEngineer.getByText(/^3 in = 3 accepted/)).toBeVisible(slow);
    await steps(theirEngineer, "period", "KILO");
    await theirEngineer.getByRole("button", { name: /close the periods/ }).click();
    await expect(theirEngineer.getByText("Your side has closed its periods until now.")).toBeVisible(slow);
    await quiet(ours);
    await quiet(theirEngineer);
  });

  await test.step("invoice, payment, receipt", async () => {
    const finance = await person(admin, browser, "fay", "Finance");
    await steps(finance, "period");
    await expect(next(finance)).toContainText("Look at the invoice and accept it", { timeout: 90_000 });
    await expect(finance.getByRole("main")).toContainText(total);
    await finance.getByRole("main").locator('a[href^="/invoices/"]').first().click();
    await finance.getByRole("button", { name: "Accept", exact: true }).first().click();
    const dialog = finance.getByRole("dialog", { name: "Accept" });
    await expect(dialog).toContainText(total);
    await dialog.getByRole("button", { name: "Accept", exact: true }).click();
    await expect(finance.getByText("Invoice accepted")).toBeVisible(slow);
    // What is netted is no debt before that; it is due in a week, and its payer makes it a debt today.
    await steps(finance, "period");
    await expect(next(finance)).toContainText("The invoice becomes a debt", slow);
    await finance.goto("/invoices?partner=ALPHA&payable=true");
    const waiting = finance.getByRole("table", { name: "Invoices" }).getByRole("row").filter({ hasText: total });
    await waiting.getByRole("checkbox").check();
    await finance.getByRole("button", { name: "Make 1 invoice due" }).click();
    const due = finance.getByRole("dialog", { name: "Make 1 invoice due" });
    await expect(due).toContainText(total);
    await accessible(finance);
    await due.getByRole("button", { name: "Make due" }).click();
    await expect(finance.getByText("1 invoice is due.")).toBeVisible(slow);
    await expect(waiting).toHaveCount(0, slow);
    await steps(finance, "period");
    await expect(next(finance)).toContainText("Pay, and say so", slow);
    await finance.getByRole("main").locator('a[href^="/statements"]').first().click();
    await finance.getByRole("button", { name: "Advise payment" }).click();
    const advise = finance.getByRole("dialog", { name: /Tell ALPHA/ });
    await expect(advise.getByRole("textbox", { name: /Amount/ })).toHaveValue(/^0\.18/);
    await advise.getByLabel("Reference").fill("KILO-1");
    await advise.getByRole("button", { name: "Advise payment" }).click();
    await expect(finance.getByText("The payment is advised.")).toBeVisible(slow);

    const theirFinance = await sandbox.as(browser, partner, "finance");
    await steps(theirFinance, "period", "KILO");
    await expect(next(theirFinance)).toContainText("Say that the money has come", slow);
    await theirFinance.getByRole("main").locator('a[href^="/statements"]').first().click();
    await theirFinance.getByRole("button", { name: "Confirm receipt" }).click();
    await theirFinance.getByRole("dialog", { name: /Confirm that/ }).getByRole("button", { name: "Confirm receipt" }).click();
    await expect(theirFinance.getByText("The receipt is given.")).toBeVisible(slow);
    await steps(finance, "period");
    await expect(next(finance)).toContainText("The first period is settled.", slow);
    await accessible(finance);
    await quiet(finance);
    await quiet(theirFinance);
  });
  for (const page of [admin, manager, theirs, theirManager]) await quiet(page);
});
