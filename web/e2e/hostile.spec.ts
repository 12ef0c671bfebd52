import { readFileSync } from "node:fs";

import type { BrowserContext, Page } from "@playwright/test";

import { accessible, expect, quiet, Sandbox, test } from "./sandbox";

// Text that would run if a page took it for more than text.
const image = '<img src=x onerror="window.__ran=1">';
const script = "<script>window.__ran=2</script>";
const address = "javascript:window.__ran=3";
const breakout = '"><svg onload="window.__ran=4">';
const turned = "\u202Egpj.exe";
const unseen = "Al\u200Bpha\uFEFF";
const formula = "=cmd|'/C calc'!A0";
const all = [image, script, address, breakout, turned, unseen, formula];
const slow = { timeout: 60_000 };

// guard notes what a page runs, asks, or has its policy refuse.
async function guard(context: BrowserContext) {
  await context.addInitScript(() => {
    const w = window as unknown as { __said: string[] };
    w.__said = [];
    document.addEventListener("securitypolicyviolation", (e) => w.__said.push(`${e.violatedDirective}: ${e.blockedURI}`));
  });
}

const dialogs = new Map<Page, string[]>();

function heed(page: Page) {
  const said: string[] = [];
  dialogs.set(page, said);
  page.on("dialog", (d) => {
    said.push(d.message());
    void d.dismiss();
  });
}

// harmless checks that nothing ran, and that the page keeps its width on a telephone.
async function harmless(page: Page) {
  const w = page.viewportSize();
  await page.setViewportSize({ width: 390, height: 844 });
  await page.waitForTimeout(300);
  const found = await page.evaluate(() => ({
    ran: (window as unknown as { __ran?: number }).__ran,
    said: (window as unknown as { __said?: string[] }).__said ?? [],
    wide: document.scrollingElement!.scrollWidth > innerWidth ? document.scrollingElement!.scrollWidth : 0,
    links: [...document.querySelectorAll("a[href]")].map((a) => a.getAttribute("href") ?? "").filter((h) => /^\s*(javascript|data|vbscript):/i.test(h)),
  }));
  expect(found, page.url()).toEqual({ ran: undefined, said: [], wide: 0, links: [] });
  expect(dialogs.get(page) ?? []).toEqual([]);
  if (w) await page.setViewportSize(w);
  await quiet(page);
}

test.use({ actionTimeout: 60_000 });

test("names of a carrier, of delegates and of tokens are text on both sides", async ({ sandbox, browser }) => {
  test.setTimeout(300_000);
  const control = await sandbox.as(browser, "CHARLIE", "engineer");
  await guard(control.context());
  heed(control);
  await control.goto("/sandbox-control");
  const section = control.getByRole("region", { name: "Add a carrier" });
  // A code is refused at its field.
  await section.getByRole("textbox", { name: "Code" }).fill(image);
  await section.getByRole("button", { name: "Add a carrier" }).click();
  await expect(section.getByText(/is no member code/).first()).toBeVisible(slow);
  await expect(section.getByRole("textbox", { name: "Code" })).toHaveAttribute("aria-invalid", "true");
  await section.getByRole("textbox", { name: "Code" }).fill("QUEBEC");
  const name = `${image} ${breakout} ${formula}`;
  await section.getByLabel("Legal name").fill(name);
  await section.getByRole("button", { name: "Add a carrier" }).click();
  const link = section.getByRole("link", { name: "Sign in as administrator of QUEBEC" });
  await expect(link).toBeVisible(slow);
  await harmless(control);
  const admin = await Sandbox.by(browser, (await link.getAttribute("href")) ?? "");
  await guard(admin.context());
  heed(admin);
  await admin.goto("/onboarding?step=organisation");
  await expect(admin.getByText(name)).toBeVisible(slow);
  await harmless(admin);
  const saving = admin.waitForEvent("download");
  await admin.getByRole("button", { name: "Save the application" }).click();
  const application = await (await saving).path();

  const sponsor = await sandbox.as(browser, "CHARLIE", "administrator");
  await guard(sponsor.context());
  heed(sponsor);
  await sponsor.goto("/onboarding?step=organisation");
  await sponsor.getByTestId("file").setInputFiles(application);
  await expect(sponsor.getByText(`QUEBEC – ${name}`)).toBeVisible(slow);
  await harmless(sponsor);
  await sponsor.goto(`/partners?list=members&q=${encodeURIComponent(image)}`);
  await expect(sponsor.getByLabel("Find by name")).toHaveValue(image);
  await expect(sponsor.getByRole("table").getByText(name)).toBeVisible(slow);
  await accessible(sponsor);
  await harmless(sponsor);

  // A user's name is plain letters, and the field says so; a token's name may be anything but
  // control characters.
  await sponsor.goto("/users");
  await sponsor.getByRole("button", { name: "Add a user" }).click();
  const form = sponsor.getByRole("dialog", { name: "Add a user" });
  for (const bad of all) {
    await form.getByRole("textbox", { name: "Name" }).fill(bad);
    await form.getByRole("button", { name: "Add a user" }).click();
    await expect(form.getByText("the name of a user is not of the form").first()).toBeVisible();
    await expect(form.getByRole("textbox", { name: "Name" })).toHaveAttribute("aria-invalid", "true");
    await expect(form.getByRole("textbox", { name: "Name" })).toHaveValue(bad);
  }
  await sponsor.keyboard.press("Escape");
  for (const bad of all) {
    await sponsor.locator("#main").getByRole("button", { name: "Add a token" }).click();
    const adding = sponsor.getByRole("dialog", { name: "Add a token" });
    await adding.getByRole("textbox", { name: "Name" }).fill(bad);
    await adding.getByRole("button", { name: "Add a token" }).click();
    await expect(sponsor.getByText(`Token ${bad}`)).toBeVisible();
    await sponsor.keyboard.press("Escape");
    await expect(sponsor.getByRole("dialog")).toHaveCount(0);
  }
  const tokens = sponsor.getByRole("table", { name: "API tokens" });
  for (const bad of all) await expect(tokens.getByText(bad, { exact: true })).toBeVisible();
  await harmless(sponsor);

  // In a spreadsheet none of them is a formula.
  const exporting = sponsor.waitForEvent("download");
  await sponsor.getByRole("button", { name: "Export" }).last().click();
  await sponsor.getByRole("menuitem", { name: "CSV" }).click();
  const text = readFileSync(await (await exporting).path(), "utf8");
  expect(text).toContain(`'${formula}`);
  expect(text).not.toMatch(/(^|,|")=cmd/m);

  // A delegate's name goes to the partner.
  const key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
  const partner = (await sponsor.evaluate(async () => ((await (await fetch("/v1/bilaterals")).json()) as { items: { partner: string }[] }).items[0]!.partner)) ?? "";
  await sponsor.goto(`/partners/${partner}`);
  await sponsor.getByRole("button", { name: "Add a delegate" }).click();
  const delegate = sponsor.getByRole("dialog", { name: "Add a delegate" });
  await delegate.getByRole("textbox", { name: "Name" }).fill(`${script}${breakout}`);
  await delegate.getByLabel("Public key, hex").fill(key);
  await delegate.getByRole("combobox", { name: "Roles" }).focus();
  await sponsor.keyboard.press("ArrowDown");
  await sponsor.getByRole("option", { name: "orders" }).click();
  await sponsor.keyboard.press("Escape");
  if (await delegate.isHidden()) throw new Error("Escape closed the dialog, not the list");
  await delegate.getByRole("button", { name: "Add a delegate" }).click();
  await expect(sponsor.getByRole("table", { name: "Delegates" }).getByText(`${script}${breakout}`)).toBeVisible(slow);
  await harmless(sponsor);
  const other = await sandbox.as(browser, partner, "auditor");
  await guard(other.context());
  heed(other);
  await other.goto("/partners/CHARLIE");
  await expect(other.getByRole("table", { name: "Delegates" }).getByText(`${script}${breakout}`)).toBeVisible(slow);
  await harmless(other);
  await sponsor.getByRole("button", { name: `End delegate ${script}${breakout}` }).click();
  await sponsor.getByRole("dialog").getByRole("button", { name: "End", exact: true }).click();
  await expect(sponsor.getByText(`${script}${breakout} may sign no more.`)).toBeVisible(slow);
});

test("file names, saved filters, clauses and addresses are text", async ({ sandbox, browser }) => {
  test.setTimeout(300_000);
  const engineer = await sandbox.as(browser, "ALPHA", "engineer");
  await guard(engineer.context());
  heed(engineer);
  await engineer.goto("/usage?partner=BRAVO");
  const rows = "call_id,originating_number,destination_number,start_time,duration_ms,result,carrier_from,carrier_to,trunk\n";
  for (const bad of [image.replaceAll("/", ""), `${formula.replaceAll("/", "")}.csv`, `${turned}.csv`]) {
    const nonsense = `${image},${script},${breakout},${address},${"9".repeat(10_000)},a\u0000b\u0007c,${formula},BRAVO,zrh\n`;
    await engineer.getByTestId("file").setInputFiles({ name: bad, mimeType: "text/csv", buffer: Buffer.from(rows + nonsense + Math.random()) });
    await expect(engineer.getByRole("alert").or(engineer.getByRole("status")).filter({ hasText: bad.replace(turned, "gpj.exe").slice(-12) }).first()).toBeVisible(slow);
    await harmless(engineer);
  }

  // A filter's name.
  const clerk = await sandbox.as(browser, "ALPHA", "clerk");
  await guard(clerk.context());
  heed(clerk);
  await clerk.goto("/periods?partner=BRAVO");
  await clerk.getByRole("button", { name: "Saved filters" }).click();
  await clerk.getByRole("menuitem", { name: "Save these filters" }).click();
  await clerk.getByRole("dialog").getByRole("textbox", { name: "Name" }).fill(image);
  await clerk.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await clerk.getByRole("button", { name: "Saved filters" }).click();
  await expect(clerk.getByRole("menuitem", { name: image })).toBeVisible();
  await harmless(clerk);
  for (const path of [`/partners/${encodeURIComponent(image)}`, `/invoices/BRAVO/${encodeURIComponent(breakout)}`, `/${encodeURIComponent(script)}`, `/sign-in?then=${encodeURIComponent(address)}`, `/disputes?partner=${encodeURIComponent(breakout)}`]) {
    await clerk.goto(path);
    await expect(clerk.getByRole("main").or(clerk.getByRole("heading")).first()).toBeVisible();
    await harmless(clerk);
  }

  // Clauses and a reason, written by one side and read by the other; a field takes no more than
  // fits.
  const manager = await sandbox.as(browser, "ALPHA", "product-manager");
  await guard(manager.context());
  heed(manager);
  await manager.goto("/agreements/new?partner=FOXTROT");
  await manager.getByLabel("Id", { exact: false }).first().fill("MSA-TEXT");
  await manager.getByLabel("SHA-256 of the document, hex").fill("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
  const clauses = ["Governing law", "Jurisdiction", "Indemnity", "Liability", "Force majeure", "Taxes", "Term", "Obligations", "Definitions"];
  const texts = [image, script, address, breakout, turned, unseen, formula, "W".repeat(10_000), "plain"];
  for (const [i, clause] of clauses.entries()) await manager.getByRole("textbox", { name: clause, exact: true }).fill(texts[i]!);
  await expect(manager.getByRole("textbox", { name: "Obligations", exact: true })).toHaveValue("W".repeat(4000));
  await harmless(manager);
  await manager.getByRole("button", { name: "Propose" }).click();
  await expect(manager.getByRole("heading", { level: 1, name: "Agreement MSA-TEXT" })).toBeVisible(slow);
  for (const text of [image, script, address, breakout]) await expect(manager.getByText(text, { exact: true })).toBeVisible();
  await harmless(manager);
  const reader = await sandbox.as(browser, "FOXTROT", "product-manager");
  await guard(reader.context());
  heed(reader);
  await reader.goto("/agreements/ALPHA/MSA-TEXT");
  for (const text of [image, script, address, breakout]) await expect(reader.getByText(text, { exact: true })).toBeVisible(slow);
  await harmless(reader);
  await reader.getByRole("button", { name: "Reject" }).click();
  const rejecting = reader.getByRole("dialog", { name: "Reject" });
  await rejecting.getByLabel("Reason").fill(image);
  await rejecting.getByRole("button", { name: "Reject" }).click();
  await expect(reader.getByText("The proposal is rejected.")).toBeVisible(slow);
  await harmless(reader);
});
