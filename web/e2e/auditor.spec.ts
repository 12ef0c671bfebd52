import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { accessible, expect, quiet, test } from "./sandbox";

test.setTimeout(420_000);

const slow = { timeout: 60_000 };

// Steps that change something, as buttons of the pages call them.
const steps = /^(Accept|Approve|Reject|Propose|Dispute|Pay|New |Add |Make |Cancel|Withdraw|Advise|Confirm|Export pain|Attest|Undo|Order|Import|Upload|Amend|Sign |End |Open |Close |Suspend|Resume|Invite|Remove|Release|Top up|Leave|Kill|Transfer|Redeem|Call a round|Assign)/;

// shown waits until a page has what it asks for.
async function shown(page: Page, path: string) {
  await page.goto(path);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0, slow);
}

test("an auditor reads everything, changes nothing, and proves an invoice without trusting the node", async ({ sandbox, browser }) => {
  const folder = mkdtempSync(join(tmpdir(), "lateral-audit-"));
  const page = await sandbox.as(browser, "ALPHA", "auditor");

  // What the role may do is said, and nothing that changes is offered on any page.
  await shown(page, "/trust/audit?partner=BRAVO");
  const scope = page.getByRole("region", { name: "What you may see" });
  await expect(scope).toContainText("auditor");
  await expect(scope.locator(".fact").filter({ hasText: "May change" })).toContainText("nothing");
  await expect(scope).toContainText("You see everything that belongs to ALPHA and its channels, and change nothing.");
  const paths = await page.getByRole("navigation").getByRole("link").evaluateAll((all) => all.map((a) => a.getAttribute("href") ?? ""));
  for (const path of ["/invoices", "/payments", "/trust/log", "/trust/problems", "/users"]) expect(paths).toContain(path);
  for (const path of ["/partners/BRAVO", "/agreements", "/sheets", "/invoices", "/orders", "/deposits", "/netting", "/payments", "/users"]) {
    await shown(page, path);
    const offered = await page.getByRole("main").getByRole("button").evaluateAll((all) => all.map((b) => (b.textContent ?? "").trim()));
    expect(offered.filter((b) => steps.test(b)), `steps on ${path}`).toEqual([]);
  }
  // The API refuses them too, whoever sends them.
  const refused = await page.evaluate(async () => {
    const { csrf } = (await (await fetch("/session")).json()) as { csrf: string };
    const answer = await fetch("/v1/payments/runs", { method: "POST", headers: { "X-CSRF-Token": csrf, "Content-Type": "application/json" }, body: JSON.stringify({ account: "ALPHAUSD" }) });
    return [answer.status, ((await answer.json()) as { code: string }).code];
  });
  expect(refused).toEqual([403, "forbidden"]);

  // The log: who has signed what, and what came of it.
  await shown(page, "/trust/log?partner=BRAVO");
  const facts = (name: string) => page.locator(".fact").filter({ has: page.getByText(name, { exact: true }) }).locator("dd");
  expect(Number(await facts("Position").innerText())).toBeGreaterThan(0);
  expect(Number(await facts("Signed by both up to").innerText())).toBeGreaterThan(0);
  expect(await facts("State root").locator("code").getAttribute("title")).toMatch(/^[0-9a-f]{64}$/);
  await accessible(page);
  await page.getByLabel("Kind of command").fill("invoice.accept");
  const accepted = page.getByRole("row").filter({ hasText: "invoice.accept" }).first();
  await expect(accepted).toBeVisible(slow);
  await accepted.getByRole("button").first().click();
  const entry = page.getByRole("dialog", { name: "Entry" });
  await expect(entry.getByRole("heading", { name: "invoice.accept" }).first()).toBeVisible();
  await expect(entry.getByText("done", { exact: true }).first()).toBeVisible();
  expect(await entry.locator(".fact").filter({ hasText: "Signed by the delegate's key" }).first().locator("code").getAttribute("title")).toMatch(/^[0-9a-f]{64}$/);
  await expect(entry.getByRole("cell", { name: /^invoice\./ }).first()).toBeVisible();
  await accessible(page);

  // Evidence is taken away as files.
  await shown(page, "/trust/audit?partner=BRAVO");
  await accessible(page);
  const [journal] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Journal" }).click()]);
  expect(journal.suggestedFilename()).toBe("journal-BRAVO.json");
  const entries = JSON.parse(readFileSync((await journal.path()) ?? "", "utf8")) as unknown[];
  expect(entries.length).toBeGreaterThan(0);
  const invoices = page.getByRole("table", { name: "Invoices" });
  const newest = invoices.getByRole("row").filter({ has: page.getByRole("button", { name: /^Proof of / }) }).first();
  await expect(newest).toBeVisible(slow);
  // The newest invoice, which no anchor may cover yet; the row keeps it when others come above.
  const id = ((await newest.getByRole("button", { name: /^Proof of / }).getAttribute("aria-label")) ?? "").slice("Proof of ".length);
  const first = invoices.getByRole("row").filter({ has: page.getByRole("button", { name: `Proof of ${id}`, exact: true }) });
  const hash = await first.locator("code").first().getAttribute("title");
  const take = async (name: string) => {
    const [file] = await Promise.all([page.waitForEvent("download", slow), first.getByRole("button", { name: `${name} of ${id}`, exact: true }).click()]);
    const path = join(folder, name);
    await file.saveAs(path);
    return path;
  };
  const proof = await take("Proof");
  const canonical = await take("Canonical");

  // The proof holds; with one bit flipped it does not, and the code says so.
  await shown(page, "/trust/verify");
  await page.getByTestId("file").setInputFiles(proof);
  const good = page.getByRole("region", { name: "Proof" });
  await expect(good.getByText("Proven", { exact: true })).toBeVisible(slow);
  await expect(good.getByText("holds")).toHaveCount(5);
  expect(await good.locator(".fact").filter({ hasText: "SHA-256" }).locator("code").getAttribute("title")).toMatch(/^[0-9a-f]{64}$/);
  await accessible(page);
  await good.getByTestId("file").setInputFiles(canonical);
  await expect(good.getByText(/It is (exactly what is proven|another file)\./)).toBeVisible();
  const shownHash = await good.locator(".fact").filter({ hasText: "SHA-256" }).locator("code").getAttribute("title");
  if (shownHash === hash) await expect(good.getByText("It is exactly what is proven.")).toBeVisible();
  const bytes = readFileSync(proof);
  bytes[Math.floor(bytes.length / 2)]! ^= 1;
  const bad = join(folder, "bad");
  writeFileSync(bad, bytes);
  await page.getByTestId("file").first().setInputFiles(bad);
  const wrong = page.getByRole("region", { name: "bad" });
  await expect(wrong.getByText("Not proven", { exact: true })).toBeVisible(slow);
  await expect(wrong.getByRole("alert")).toContainText(/refused|invalid/);
  await accessible(page);

  // What stands behind a token is proven on the page, and from the file.
  await shown(page, "/reserve");
  const token = page.getByRole("region", { name: "USDt" });
  await token.getByRole("button", { name: "Check the proof" }).click();
  await expect(token.getByRole("status")).toContainText(/Proven: certified at block \d/, slow);
  await accessible(page);
  const [cover] = await Promise.all([page.waitForEvent("download"), token.getByRole("button", { name: "Download proof" }).click()]);
  const coverFile = join(folder, "USDt.proof");
  await cover.saveAs(coverFile);
  await shown(page, "/trust/verify");
  await page.getByTestId("file").setInputFiles(coverFile);
  const covered = page.getByRole("region", { name: "USDt.proof" });
  await expect(covered.getByText("Proven", { exact: true })).toBeVisible(slow);
  await expect(covered.getByRole("table", { name: "What covers it" }).getByRole("row").filter({ hasText: "USD" })).toBeVisible();
  await accessible(page);

  // Both have signed how far the log goes; the validators stand behind it.
  await shown(page, "/trust/anchors?partner=BRAVO");
  await expect(page.getByRole("row").filter({ hasText: "both have signed" }).first()).toBeVisible(slow);
  await expect(page.getByRole("button", { name: "Attest now" })).toHaveCount(0);
  await accessible(page);
  await shown(page, "/trust/validators");
  for (const member of ["ALPHA", "BRAVO", "TANGO"]) await expect(page.getByRole("row").filter({ hasText: member }).first()).toBeVisible();
  await accessible(page);
  await shown(page, "/trust/problems");
  await accessible(page);
  await quiet(page);
  rmSync(folder, { recursive: true, force: true });
});
