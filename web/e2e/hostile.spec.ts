import { readFileSync } from "node:fs";

import type { Browser, BrowserContext, Page } from "@playwright/test";

import { accessible, expect, quiet, type Role, Sandbox, test } from "./sandbox";

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

// guarded gives a page of a carrier's person that is watched.
async function guarded(sandbox: Sandbox, browser: Browser, carrier: string, role: Role): Promise<Page> {
  const page = await sandbox.as(browser, carrier, role);
  await guard(page.context());
  heed(page);
  return page;
}

// sent sends a change as the person of a page may, and gives the answer.
const sent = (page: Page, path: string, body: unknown) =>
  page.evaluate(
    async ([path, body]) => {
      const { csrf } = (await (await fetch("/session")).json()) as { csrf: string };
      const answer = await fetch(path as string, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf, "Idempotency-Key": crypto.randomUUID() }, body: JSON.stringify(body) });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${path as string}: ${answer.status} ${text}`);
      return JSON.parse(text) as Record<string, unknown>;
    },
    [path, body] as const,
  );

interface Got {
  items?: Got[];
  [name: string]: unknown;
}
const got = (page: Page, path: string) => page.evaluate(async (path) => (await (await fetch(path)).json()) as Got, path);

test("what partners write in tickets, disputes, payments and catalogues is text", async ({ sandbox, browser }) => {
  test.setTimeout(300_000);
  const several = all.join(" ");
  const manager = await guarded(sandbox, browser, "ALPHA", "product-manager");

  // Names of offerings and places, in the catalogue, on the map and to search by.
  await sent(manager, "/v1/catalog/places", { id: "hostile", name: image, country: "SG", latitude: "1.29", longitude: "103.85", names: [breakout, formula] });
  await manager.goto(`/catalogue/places?name=${encodeURIComponent(image)}`);
  await expect(manager.getByRole("table").getByText(image, { exact: true })).toBeVisible();
  await harmless(manager);
  await manager.goto("/catalogue/places/hostile");
  await expect(manager.getByText(breakout).first()).toBeVisible();
  await harmless(manager);
  await manager.goto("/market");
  await manager.getByRole("combobox", { name: "A", exact: true }).fill(image);
  await expect(manager.getByRole("option", { name: image }).first()).toBeVisible();
  await harmless(manager);

  // A ticket, from the buyer's words to the seller's engineer and back.
  const offer = JSON.parse(await sandbox.command("inquire", "--node", sandbox.node("ALPHA"), "--role", "product-manager", "--per", "1d", "--yes", "--json", "100 Mbit/s Hong Kong to Milan now without end, under 180 ms")) as { best: { quote: string } };
  await sandbox.command("service", "order", offer.best.quote, "--node", sandbox.node("ALPHA"));
  await expect.poll(async () => (await got(manager, "/v1/bilaterals/BRAVO/products?state=active&limit=1")).items?.length, slow).toBe(1);
  const product = (await got(manager, "/v1/bilaterals/BRAVO/products?state=active&limit=1")).items?.[0]!.id;
  const made = await sent(manager, "/v1/bilaterals/BRAVO/tickets", { product, description: several, impact: "down", priority: "low", severity: "minor", external: image.slice(0, 20) });
  await manager.goto("/tickets?tab=own");
  await manager.getByRole("main").locator(`a[href="/tickets/own/BRAVO/${encodeURIComponent(String(made.id))}"]`).click();
  await expect(manager.getByText(image).first()).toBeVisible();
  await harmless(manager);
  const ticket = decodeURIComponent(new URL(manager.url()).pathname.split("/").at(-1)!);
  const engineer = await guarded(sandbox, browser, "BRAVO", "engineer");
  await engineer.goto(`/tickets/${encodeURIComponent(ticket)}`);
  await expect(engineer.getByText(image).first()).toBeVisible(slow);
  await harmless(engineer);
  await engineer.getByRole("button", { name: "In progress" }).click();
  await engineer.getByRole("dialog").getByLabel("Note for the partner").fill(`${script} ${breakout}`);
  await engineer.getByRole("dialog").getByRole("button", { name: "In progress" }).click();
  await expect(manager.getByText(`${script} ${breakout}`)).toBeVisible(slow);
  await harmless(manager);

  // The reason of an offer about a dispute, and of its refusal.
  const clerk = await guarded(sandbox, browser, "ALPHA", "clerk");
  await clerk.goto("/disputes?partner=BRAVO&state=manual");
  const link = clerk.getByRole("table", { name: "Disputes" }).locator('a[href^="/disputes/"]').first();
  await expect(link).toBeVisible({ timeout: 120_000 });
  const at = new URL((await link.getAttribute("href"))!, clerk.url()).pathname;
  const dispute = at.split("/").at(-1)!;
  await sent(clerk, `/v1/bilaterals/BRAVO/disputes/${dispute}/propose`, { calls: 1, billed_seconds: 60, why: several });
  await clerk.goto(at);
  await expect(clerk.getByText(image).first()).toBeVisible(slow);
  await harmless(clerk);
  const other = await guarded(sandbox, browser, "BRAVO", "clerk");
  await other.goto(`/disputes/ALPHA/${dispute}`);
  await expect(other.getByText(image).first()).toBeVisible(slow);
  await harmless(other);
  await other.getByRole("button", { name: "Reject" }).click();
  await other.getByRole("dialog", { name: "Reject" }).getByLabel("Reason").fill(`${breakout} ${script}`);
  await other.getByRole("dialog", { name: "Reject" }).getByRole("button", { name: "Reject" }).click();
  await expect(clerk.getByText(`${breakout} ${script}`).first()).toBeVisible(slow);
  await harmless(clerk);

  // What a payer refers to. BRAVO owes CHARLIE for its part of the line.
  const finance = await guarded(sandbox, browser, "BRAVO", "finance");
  const debts = "/v1/bilaterals/CHARLIE/obligations";
  await expect.poll(async () => (await got(finance, `${debts}?payer=BRAVO&state=owed&limit=1`)).items?.length, { timeout: 120_000 }).toBe(1);
  const id = encodeURIComponent(String((await got(finance, `${debts}?payer=BRAVO&state=owed&limit=1`)).items?.[0]!.id));
  const debt = await got(finance, `${debts}/${id}`);
  await sent(finance, `${debts}/${id}/advise`, { amount: debt.payable, method: debt.method, reference: image, paid_at: new Date().toISOString() });
  for (const [page, partner] of [[finance, "CHARLIE"], [await guarded(sandbox, browser, "CHARLIE", "finance"), "BRAVO"]] as const) {
    await page.goto(`/statements?tab=obligations&partner=${partner}&id=${id}`);
    await expect(page.getByText(image).first()).toBeVisible(slow);
    await harmless(page);
  }
});
