import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { accessible, expect, quiet, test } from "./sandbox";

test.setTimeout(300_000);

const slow = { timeout: 60_000 };

// micro reads an amount as a page writes it, in millionths.
const micro = (text: string) => BigInt(text.replace(/[^\d.-]/g, "").replace(/\.(\d*)$/, (_, d: string) => d.padEnd(6, "0").slice(0, 6)).replace(/^(-?\d+)$/, "$1")) * (text.includes(".") ? 1n : 1_000_000n);

// amounts gives the amounts in a column of a table, by the column's name.
async function amounts(page: Page, table: string, column: string): Promise<bigint[]> {
  const t = page.getByRole("table", { name: table, exact: true });
  const heads = (await t.getByRole("columnheader").allInnerTexts()).map((h) => h.trim());
  const at = heads.indexOf(column);
  expect(heads, `columns of ${table}`).toContain(column);
  const rows = t.getByRole("row").filter({ has: page.getByRole("cell") });
  const out: bigint[] = [];
  for (let i = 0; i < (await rows.count()); i++) out.push(micro(await rows.nth(i).getByRole("cell").nth(at).innerText()));
  return out;
}

const sum = (all: bigint[]) => all.reduce((a, b) => a + b, 0n);

test("finance pays what is due by a run of two persons, and reconciles what the bank tells", async ({ sandbox, browser }) => {
  const folder = mkdtempSync(join(tmpdir(), "lateral-bank-"));
  await sandbox.buys();

  // What BRAVO owes CHARLIE comes up by itself.
  const ann = await sandbox.as(browser, "BRAVO", "finance");
  await ann.goto("/payments?partner=CHARLIE");
  const due = ann.getByRole("table", { name: "Due" });
  await expect(due.getByRole("row").filter({ hasText: "CHARLIE" }).first()).toBeVisible(slow);
  await accessible(ann);

  // The first person makes a run of it, and may not approve it.
  await ann.getByRole("button", { name: "New run" }).click();
  const form = ann.getByRole("dialog", { name: "New run" });
  await accessible(ann);
  await form.getByRole("button", { name: "Make run" }).click();
  await expect(form.getByText("This has to be given").first()).toBeVisible();
  await form.getByLabel("Own account").click();
  await ann.getByRole("option", { name: /BRAVOEUR/ }).click();
  await form.getByRole("button", { name: "Make run" }).click();
  await expect(ann.getByText("You have made this run")).toBeVisible(slow);
  const id = new URL(ann.url()).searchParams.get("id") ?? "";
  expect(id).toMatch(/^R\d{6}$/);
  const run = ann.getByRole("dialog", { name: `Run ${id}` });
  await expect(run.getByRole("button", { name: "Approve" })).toHaveCount(0);
  const refused = await ann.evaluate(async (run) => {
    const { csrf } = (await (await fetch("/session")).json()) as { csrf: string };
    const answer = await fetch(`/v1/payments/runs/${run}/approve`, { method: "POST", headers: { "X-CSRF-Token": csrf } });
    return [answer.status, ((await answer.json()) as { code: string }).code];
  }, id);
  expect(refused).toEqual([403, "second-person-needed"]);
  // A bank pays whole cents of what is owed together.
  const owed = sum(await amounts(ann, "Debts", "Owed"));
  const pays = sum(await amounts(ann, "Debts", "Bank pays"));
  expect(pays).toBe((owed / 10_000n) * 10_000n);
  expect(pays).toBeGreaterThan(50_000_000n);
  expect(sum(await amounts(ann, "Payments", "Amount"))).toBe(pays);
  const paid = await run.getByRole("table", { name: "Debts" }).getByRole("link").allInnerTexts();
  await accessible(ann);
  await ann.keyboard.press("Escape");
  await ann.getByRole("tab", { name: "Due" }).click();
  await expect(due.getByRole("row").filter({ hasText: paid[0] }).getByText(id, { exact: true })).toBeVisible();

  // The second one compares, approves and exports.
  const ben = await sandbox.as(browser, "BRAVO", "finance-2");
  await ben.goto("/payments?tab=runs");
  const row = ben.getByRole("row").filter({ hasText: id });
  await expect(row.getByText("second person")).toBeVisible();
  await accessible(ben);
  await row.getByRole("button", { name: id }).click();
  const check = ben.getByRole("dialog", { name: `Run ${id}` });
  await expect(check.getByText("Check before you approve")).toBeVisible();
  await check.getByRole("button", { name: "Approve" }).click();
  await expect(ben.getByText(`Run ${id} is approved.`)).toBeVisible();
  const [file] = await Promise.all([ben.waitForEvent("download"), check.getByRole("button", { name: "Export pain.001" }).click()]);
  const pain = join(folder, file.suggestedFilename());
  await file.saveAs(pain);
  expect(readFileSync(pain, "utf8")).toContain("pain.001.001.");
  await expect(check.getByText("ordered", { exact: true }).first()).toBeVisible();
  await ben.keyboard.press("Escape");

  // The bank pays, and tells both.
  await sandbox.command("bank", "simulate", pain, "--out", join(folder, "bank"));
  const told = readdirSync(join(folder, "bank")).map((f) => join(folder, "bank", f));
  const of = (name: RegExp) => {
    const f = told.find((x) => name.test(x));
    expect(f, `${name} of ${told.join(", ")}`).toBeDefined();
    return f as string;
  };
  await ben.getByRole("tab", { name: "Bank files" }).click();
  await expect(ben.getByText("Drop files of your bank here")).toBeVisible();
  await ben.getByTestId("file").setInputFiles([of(/pacs\.002/), of(/camt\.054-BRAVOEUR/)]);
  await expect(ben.getByRole("status").filter({ hasText: "camt.054-BRAVOEUR.xml: 1 booking" })).toBeVisible(slow);
  await expect(ben.getByRole("status").filter({ hasText: "camt.054-BRAVOEUR.xml" }).getByText("1 whole")).toBeVisible();
  await expect(ben.getByRole("status").filter({ hasText: "pacs.002" }).first()).toBeVisible();
  await accessible(ben);
  await ben.getByTestId("file").setInputFiles(of(/camt\.054-BRAVOEUR/));
  await expect(ben.getByText("was taken in before; nothing has changed")).toBeVisible(slow);
  await ben.goto(`/payments?tab=runs&id=${id}`);
  await expect(check.getByRole("table", { name: "Payments" }).getByText("advised")).toBeVisible(slow);

  // CHARLIE finds the money under its reference, and both sides' debts are settled.
  const cleo = await sandbox.as(browser, "CHARLIE", "finance");
  await cleo.goto("/payments?tab=files");
  await cleo.getByTestId("file").setInputFiles(of(/camt\.054-CHARLIEEUR/));
  await expect(cleo.getByRole("status").filter({ hasText: "camt.054-CHARLIEEUR.xml" }).getByText("1 whole")).toBeVisible(slow);
  for (const [page, partner] of [[cleo, "BRAVO"], [ann, "CHARLIE"]] as const) {
    await page.goto(`/statements?tab=obligations&partner=${partner}&state=settled`);
    for (const o of paid) await expect(page.getByRole("row").filter({ hasText: o })).toBeVisible(slow);
  }
  await accessible(cleo);
  await ann.getByRole("row").filter({ hasText: paid[0] }).getByRole("button").first().click();
  await expect(ann.getByRole("dialog", { name: paid[0] }).getByText(/bank-transfer/).first()).toBeVisible();
  await accessible(ann);

  // Money without a reference that anybody knows waits for two people.
  const stranger = join(folder, "camt.054-stranger.xml");
  const notice = readFileSync(of(/camt\.054-CHARLIEEUR/), "utf8");
  writeFileSync(
    stranger,
    notice
      .replace(/<MsgId>[^<]*/, "<MsgId>STRANGER-1")
      .replace(/<EndToEndId>[^<]*/g, "<EndToEndId>NOTPROVIDED")
      .replace(/<RmtInf>.*?<\/RmtInf>/gs, "<RmtInf><Ustrd>INV 4711</Ustrd></RmtInf>")
      .replace(/(<Ntfctn>\s*<Id>)[^<]*/, "$1STRANGER-1N")
      .replace(/<TxId>[^<]*/g, "<TxId>STRANGER-1T")
      .replace(/<AcctSvcrRef>[^<]*/g, "<AcctSvcrRef>B-STRANGER")
      .replace(/(<(?:Amt|TtlNetNtryAmt|Sum)[^>]*>)(?!0<)[\d.]+/g, "$17.77"),
  );
  await cleo.goto("/payments?tab=files");
  await cleo.getByTestId("file").setInputFiles(stranger);
  await expect(cleo.getByRole("status").filter({ hasText: "camt.054-stranger.xml" }).getByText("1 unknown reference")).toBeVisible(slow);
  await cleo.getByRole("link", { name: "Decide 1 exception" }).click();
  const open = cleo.getByRole("row").filter({ hasText: "Unknown reference" }).first();
  await expect(open).toContainText("7.77");
  await open.getByRole("button").first().click();
  const decide = cleo.getByRole("dialog", { name: /Unknown reference/ });
  await decide.getByRole("radio", { name: "Return" }).check();
  await decide.getByLabel("Why").fill("Nobody here knows the payer.");
  await accessible(cleo);
  await decide.getByRole("button", { name: "Propose" }).click();
  await expect(decide.getByText("You have proposed it: another person approves it.")).toBeVisible(slow);
  await expect(decide.getByRole("button", { name: "Approve" })).toHaveCount(0);
  const dora = await sandbox.as(browser, "CHARLIE", "finance-2");
  await dora.goto("/payments?tab=exceptions");
  await dora.getByRole("row").filter({ hasText: "Unknown reference" }).first().getByRole("button").first().click();
  const second = dora.getByRole("dialog", { name: /Unknown reference/ });
  await expect(second.getByText("Nobody here knows the payer.")).toBeVisible();
  await second.getByRole("button", { name: "Approve" }).click();
  await expect(dora.getByText("It is carried out.")).toBeVisible(slow);
  await expect(dora.getByText("Nothing to decide")).toBeVisible(slow);

  // What is left to pay is what came up since.
  await ann.goto("/ageing?partner=CHARLIE&payer=us");
  await expect(ann.getByRole("table", { name: "Ageing" })).toBeVisible();
  await accessible(ann);
  await ann.goto("/payments?partner=CHARLIE");
  await expect(due.or(ann.getByText("Nothing is to be paid")).first()).toBeVisible(slow);
  await expect(ann.locator("[aria-busy=true]")).toHaveCount(0, slow); // what is asked has come
  for (const o of paid) await expect(due.getByRole("row").filter({ hasText: o })).toHaveCount(0);
  for (const page of ["/balances", "/exposure", "/deposits"]) {
    await ann.goto(page);
    await expect(ann.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(ann.getByRole("status", { name: "Loading" })).toHaveCount(0, slow);
    await accessible(ann);
  }
  for (const p of [ann, ben, cleo, dora]) await quiet(p);
  rmSync(folder, { recursive: true, force: true });
});

test("finance sees what a netting takes off", async ({ sandbox, browser }) => {
  const page = await sandbox.as(browser, "ALPHA", "finance");
  await page.goto("/netting?partner=BRAVO&state=accepted");
  const table = page.getByRole("table", { name: "With a partner" });
  await expect(table.getByRole("row").filter({ hasText: "→" }).first()).toBeVisible(slow);
  await accessible(page);
  await table.getByRole("row").filter({ hasText: "→" }).first().getByRole("button").first().click();
  const one = page.getByRole("dialog");
  await expect(one.getByRole("img", { name: /^Before: \d+ debt/ })).toBeVisible();
  await expect(one.getByRole("img", { name: /^After: \d+ debt/ })).toBeVisible();
  const figure = async (name: string) => micro((await one.getByText(name, { exact: true }).locator("xpath=following-sibling::*[1]").first().innerText()).replace(/[A-Z]/g, ""));
  expect((await figure("Gross, before")) - (await figure("Left, after"))).toBe(await figure("Taken off"));
  await accessible(page);
  await quiet(page);
});

test("finance sees how far each side trusts the other, and what uses it", async ({ sandbox, browser }) => {
  const page = await sandbox.as(browser, "ALPHA", "finance");
  await page.goto("/");
  // BRAVO buys calls of ALPHA without a deposit: its orders count against what it is trusted.
  const tile = page.getByRole("region", { name: "Exposure by partner" });
  await expect(tile.getByText("they owe").first()).toBeVisible(slow);
  await expect(tile.getByText(/covered by deposits/)).toBeVisible();
  await tile.getByRole("link", { name: "Exposure by partner" }).click();
  const row = page.getByRole("table", { name: "Exposure" }).getByRole("row").filter({ hasText: "BRAVO buys from us" }).filter({ hasText: "USD" });
  await expect(row.getByText("20,000.00 USD")).toBeVisible(slow);
  await accessible(page);
  await row.getByRole("button", { name: "BRAVO buys from us" }).click();
  const card = page.getByRole("dialog", { name: "BRAVO buys from us, USD" });
  const parts = card.getByRole("table", { name: "What the exposure is made of" });
  await expect(parts).toBeVisible();
  await accessible(page);
  // What is shown at one time adds up, and the address leads back to it.
  const rows = await parts.getByRole("row").allInnerTexts();
  const figures = new Map(rows.map((r) => r.split(/\t|\n/).map((x) => x.trim()).filter(Boolean)).map((r) => [r[0], micro(r.slice(1).join(" ").replace(/[A-Z]/g, "").replace("−", "-"))] as const));
  const kinds = ["Billed, not yet received", "Used, on no bill yet", "Recurring, accrued until now", "Ordered, charged once", "Expected until the next bill"];
  const all = (names: string[]) => sum(names.map((n) => figures.get(n) ?? -1n));
  expect(figures.get("Billed and to be billed")).toBe(all(kinds));
  expect(figures.get("Exposure")).toBe(all(["Billed and to be billed", "Less deposits", "Less own claims, set off"]));
  expect(figures.get("Expected until the next bill")).toBe(10_000_000_000n);
  await page.reload();
  await expect(card.getByText("Beyond the allocation new orders are refused.")).toBeVisible(slow);
  await page.keyboard.press("Escape");
  await expect(card).toHaveCount(0);
  await quiet(page);
});

test("finance says that one payment has paid several debts, and the payee that it has come", async ({ sandbox, browser }) => {
  await sandbox.buys();
  const ann = await sandbox.as(browser, "BRAVO", "finance");
  await ann.goto("/statements?tab=obligations&partner=CHARLIE&payer=BRAVO&state=owed");
  const debts = ann.getByRole("table", { name: "Debts" });
  const owed = debts.getByRole("row").filter({ hasText: "EUR" });
  await expect(async () => expect(await owed.count()).toBeGreaterThan(1)).toPass({ timeout: 120_000 });
  const ids: string[] = [];
  for (const i of [0, 1]) ids.push(await owed.nth(i).getByRole("button").first().innerText());
  const rows = ids.map((id) => debts.getByRole("row").filter({ hasText: id }));
  await rows[0]!.getByRole("checkbox").check();
  await expect(ann.getByRole("button", { name: /^One payment for/ })).toBeDisabled(); // one debt is advised by itself
  await rows[1]!.getByRole("checkbox").check();
  await ann.getByRole("button", { name: "One payment for 2 debts" }).click();
  const form = ann.getByRole("dialog", { name: "Tell CHARLIE that you have paid" });
  for (const id of ids) await expect(form).toContainText(id);
  await form.getByRole("button", { name: "Advise payment" }).click();
  await expect(form.getByText("This has to be given").first()).toBeVisible();
  await form.getByLabel("Reference").fill("BRV-ONE-FOR-TWO");
  await accessible(ann);
  await form.getByRole("button", { name: "Advise payment" }).click();
  await expect(ann.getByText("The payment is advised.")).toBeVisible(slow);
  for (const row of rows) await expect(row).toHaveCount(0, slow); // neither is owed any more

  // The payee finds each under the one reference, and says once that the whole has come.
  const cleo = await sandbox.as(browser, "CHARLIE", "finance");
  const one = async (id: string) => {
    await cleo.goto(`/statements?tab=obligations&partner=BRAVO&id=${id}`);
    const debt = cleo.getByRole("dialog", { name: id });
    await expect(debt.getByText("BRV-ONE-FOR-TWO")).toBeVisible(slow);
    return debt;
  };
  const first = await one(ids[0]!);
  await first.getByRole("button", { name: "Confirm receipt" }).click();
  const confirm = cleo.getByRole("dialog", { name: /Confirm that/ });
  await expect(confirm).toContainText("BRV-ONE-FOR-TWO");
  await confirm.getByRole("button", { name: "Confirm receipt" }).click();
  await expect(cleo.getByText("The receipt is given.").first()).toBeVisible(slow);
  for (const id of ids) await expect((await one(id)).getByText("settled", { exact: true }).first()).toBeVisible(slow);
  await ann.goto("/statements?tab=obligations&partner=CHARLIE&payer=BRAVO&state=settled");
  for (const row of rows) await expect(row).toBeVisible(slow);
  for (const p of [ann, cleo]) await quiet(p);
});

test("finance checks a credential that is shown to it, and one for somebody else does not count", async ({ sandbox, browser }) => {
  const folder = mkdtempSync(join(tmpdir(), "lateral-credential-"));
  const at = (name: string) => join(folder, name);
  writeFileSync(at("word"), "one long passphrase for a story", { mode: 0o600 });
  writeFileSync(at("claims.yaml"), "legal_name: Bravo Telecom Ltd\ncountry: CH\nlicence: OFCOM 1234\n");
  const by = (keys: string) => ["--keys", at(keys), "--passphrase-file", at("word")];
  const key = async (keys: string) => (JSON.parse(await sandbox.command("key", "new", ...by(keys), "--name", "officer")) as { key: string }).key;

  // CHARLIE has looked at BRAVO, and BRAVO shows two claims of three to ALPHA.
  await sandbox.command("delegate", "add", await key("cora.age"), "Cora, compliance", "--public", "--may", "compliance", "--node", sandbox.node("CHARLIE"));
  await sandbox.command("credential", "publish", ...by("cora.age"), "--node", sandbox.node("CHARLIE"));
  const issue = ["--subject", "BRAVO", "--holder", await key("holder.age"), "--claims", at("claims.yaml"), "--expires", new Date(Date.now() + 864e5).toISOString().replace(/\.\d+/, "")];
  await sandbox.command("credential", "issue", ...issue, ...by("cora.age"), "--register", at("issued.json"), "--out", at("bravo.cred"), "--node", sandbox.node("CHARLIE"));
  const show = (to: string, file: string) => sandbox.command("credential", "present", at("bravo.cred"), "--claims", "legal_name,country", "--for", to, "--nonce", "4711", ...by("holder.age"), "--out", at(file), "--node", sandbox.node("BRAVO"));
  await show("ALPHA", "for-alpha.pres");
  await show("DELTA", "for-delta.pres");

  const page = await sandbox.as(browser, "ALPHA", "finance");
  await page.goto("/trust/verify");
  const card = page.getByRole("region", { name: "A credential that is shown to you" });
  await card.getByLabel("Your nonce").fill("4711");
  await card.getByTestId("file").setInputFiles(at("for-alpha.pres"));
  const counts = card.getByRole("status");
  await expect(counts).toContainText("It counts", slow);
  for (const [name, value] of [["About", "BRAVO"], ["legal_name", "Bravo Telecom Ltd"], ["country", "CH"]] as const) await expect(counts.locator(".fact").filter({ has: page.getByText(name, { exact: true }) })).toContainText(value);
  await expect(counts).toContainText("CHARLIE");
  await expect(counts).not.toContainText("OFCOM");
  await accessible(page);

  // For another verifier, with another word, and one bit of it flipped: none counts.
  // The answer is looked at, too: what stands on the page may be of the file before.
  const refused = async (file: string, code: string) => {
    const [answer] = await Promise.all([page.waitForResponse((r) => r.url().endsWith("/v1/credentials/verify"), slow), card.getByTestId("file").setInputFiles(file)]);
    expect(((await answer.json()) as { code: string }).code).toBe(code);
    await expect(card.getByRole("alert")).toContainText(code, slow);
    await expect(card.getByText("It counts")).toHaveCount(0);
  };
  await refused(at("for-delta.pres"), "credential-for-another");
  await accessible(page);
  await card.getByLabel("Your nonce").fill("4712");
  await refused(at("for-alpha.pres"), "credential-for-another");
  await card.getByLabel("Your nonce").fill("4711");
  const bytes = readFileSync(at("for-alpha.pres"));
  const name = bytes.indexOf("Bravo Telecom Ltd");
  expect(name).toBeGreaterThan(0);
  bytes[name]! ^= 1;
  writeFileSync(at("forged.pres"), bytes);
  await refused(at("forged.pres"), "credential-forged");

  // Revoked, it counts no more.
  await sandbox.command("credential", "revoke", at("bravo.cred"), "--yes", ...by("cora.age"), "--node", sandbox.node("CHARLIE"));
  await expect(async () => {
    await card.getByTestId("file").setInputFiles(at("for-alpha.pres"));
    await expect(card.getByRole("alert")).toContainText("credential-revoked");
  }).toPass(slow);
  await quiet(page);
  rmSync(folder, { recursive: true, force: true });
});
