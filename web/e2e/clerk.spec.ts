import readExcel from "read-excel-file/node";

import { cell, choose, exported, micro, shown, whole } from "./read";
import { accessible, expect, quiet, test } from "./sandbox";

// On a machine that does much else at once a story takes longer.
const patience = Number(process.env.PATIENCE ?? 1);

test.use({ actionTimeout: 60_000 });

test("a clerk settles a disputed period", async ({ sandbox, browser }) => {
  test.setTimeout(240_000 * patience);
  const slow = { timeout: 60_000 };
  const alpha = await sandbox.as(browser, "ALPHA", "clerk");
  const bravo = await sandbox.as(browser, "BRAVO", "clerk");

  // BRAVO's switch tells some calls three times as long.
  await bravo.getByRole("link", { name: "Sandbox control" }).click();
  const lie = bravo.getByRole("region", { name: "Lie about usage" });
  await choose(lie, "Carrier", "BRAVO");
  await lie.getByRole("textbox", { name: "Calls" }).fill("4");
  await lie.getByRole("textbox", { name: "Times as long" }).fill("3");
  await lie.getByRole("button", { name: "Lie" }).click();
  await expect(bravo.getByText(/BRAVO overstates \d+ calls/).first()).toBeVisible(slow);

  // ALPHA's clerk sees which invoices of BRAVO are only partly agreed, and keeps the filter.
  await alpha.getByRole("link", { name: "Invoices" }).click();
  await expect(alpha.getByRole("heading", { level: 1, name: "Invoices" })).toBeVisible();
  await choose(alpha, "Partner", "BRAVO");
  await choose(alpha, "State", "partial");
  await choose(alpha, "From → to", "We pay");
  const invoices = alpha.getByRole("table", { name: "Invoices" });
  await expect(invoices.getByRole("row").nth(1)).toBeVisible(slow);
  await alpha.getByRole("button", { name: "Saved filters" }).click();
  await alpha.getByRole("menuitem", { name: "Save these filters" }).click();
  const keep = alpha.getByRole("dialog", { name: "Save these filters" });
  await keep.getByLabel("Name").fill("To settle with BRAVO");
  await keep.getByRole("button", { name: "Save" }).click();
  await expect(keep).toBeHidden();
  await alpha.getByRole("button", { name: "Clear filters" }).click();
  await expect(alpha).not.toHaveURL(/partial/);
  await alpha.getByRole("button", { name: "Saved filters" }).click();
  await alpha.getByRole("menuitem", { name: "To settle with BRAVO" }).click();
  await expect(alpha).toHaveURL(/state=partial/);
  await expect(alpha).toHaveURL(/partner=BRAVO/);
  await expect(invoices.getByRole("row").nth(1)).toBeVisible(slow); // it is asked anew
  await expect(await cell(invoices, invoices.getByRole("row").nth(1), "State")).toHaveText("partial");
  await accessible(alpha);

  // A line on which no rule has an answer waits for people; its invoice has the whole picture.
  await alpha.getByRole("link", { name: "Disputes" }).click();
  await alpha.getByRole("button", { name: "Show: Waiting for people" }).click();
  await choose(alpha, "State", "manual");
  const disputes = alpha.getByRole("table", { name: "Disputes" });
  await disputes.getByRole("link", { name: "of V-ALPHA" }).first().click({ timeout: 120_000 });
  await expect(alpha.getByRole("button", { name: "Propose a correction" })).toBeVisible(slow);
  const dispute = new URL(alpha.url()).pathname.split("/").at(-1)!;
  const number = String(Number(dispute.split("~").at(-1)));
  await alpha.getByRole("link", { name: "The invoice", exact: true }).click();

  // What leads from its claim to our expectation.
  const fall = alpha.getByRole("region", { name: "From the invoice to the expectation" }).first();
  await fall.getByText("As a table").click();
  const steps = fall.getByRole("table");
  await expect(steps.getByRole("row").nth(2)).toBeVisible();
  const amounts = await steps.getByRole("row").evaluateAll((rows) => rows.slice(1).map((r) => [r.children[0]?.textContent ?? "", r.children[1]?.textContent ?? ""] as const));
  expect(amounts[0]?.[0]).toBe("Claimed");
  expect(amounts.at(-1)?.[0]).toBe("Expected by the buyer");
  const total = amounts.slice(0, -1).reduce((sum, [, a]) => sum + micro(a), 0n);
  expect(total, `the parts of ${JSON.stringify(amounts)} add up to what is expected`).toBe(micro(amounts.at(-1)![1]));
  await accessible(alpha);
  const invoice = alpha.url();
  const figure = async (name: RegExp) => micro(await alpha.getByRole("region", { name: "Amounts" }).locator("> *", { hasText: name }).locator(".numbers").innerText());
  const openBefore = await figure(/^Open/);
  expect(openBefore).toBeGreaterThan(0n);

  // Its line, down to the calls of the destination and day.
  await alpha.getByLabel("Only disputed lines").check();
  const lines = alpha.getByRole("table", { name: "Lines" });
  const open = lines.getByRole("row").filter({ has: alpha.locator(`a[href$="${dispute}"]`) });
  await expect(open.first()).toBeVisible();
  await expect(await cell(lines, open.first(), "Line")).toHaveText(number);
  const destination = await (await cell(lines, open.first(), "Destination")).innerText();
  await alpha.getByRole("combobox", { name: "By destination" }).or(alpha.getByRole("textbox", { name: "By destination" })).first().fill(destination);
  await alpha.getByRole("option", { name: destination, exact: true }).click();
  await expect(alpha).toHaveURL(/destination=/);
  for (const text of await lines.getByRole("row").evaluateAll((rows) => rows.slice(1).map((r) => r.children[0]?.textContent))) expect(text).toBe(destination);
  await (await cell(lines, open.first(), "Calls")).getByRole("link").click();
  await expect(alpha.getByRole("tab", { name: "Our calls", selected: true })).toBeVisible();
  await expect(alpha.getByRole("region", { name: "Our calls" }).or(alpha.getByText("We have no call on this line")).first()).toBeVisible();
  await accessible(alpha);
  await alpha.getByRole("tab", { name: "Both sides" }).click();
  await alpha.getByLabel("Only lines that differ").check();
  await expect(alpha.getByRole("table", { name: "Both sides" }).getByRole("row").nth(1)).toBeVisible();
  await accessible(alpha);
  const period = alpha.url();
  const left = async () => whole((await alpha.getByText(/\d+ of \d+ disputes open/).innerText()).split(" ")[0]!);
  const waiting = await left();
  expect(waiting).toBeGreaterThan(0);

  // The dispute: both sides' figures, and the difference between them.
  await alpha.goto(`${invoice}?open=true`);
  await open.first().getByRole("link", { name: "Dispute" }).click();
  const sides = alpha.getByRole("region", { name: "Both sides" }).first();
  await expect(sides.getByRole("row", { name: /^Amount/ })).toBeVisible();
  const [seller, buyer, gap] = (await sides.getByRole("row", { name: /^Amount/ }).getByRole("cell").allInnerTexts()).map(micro) as [bigint, bigint, bigint];
  expect(gap).toBe(seller - buyer);
  const seconds = (await sides.getByRole("row", { name: /^Billed seconds/ }).getByRole("cell").allInnerTexts()).map(whole);
  const calls = (await sides.getByRole("row", { name: /^Calls/ }).getByRole("cell").allInnerTexts()).map(whole);
  await accessible(alpha);

  // It is handed to a colleague, who takes it.
  await alpha.getByRole("button", { name: "Hand over" }).click();
  const hand = alpha.getByRole("dialog", { name: "Hand over" });
  await hand.getByRole("textbox", { name: "Colleague", exact: true }).fill("mara");
  await hand.getByLabel("Note for the colleague").fill("You know their switch.");
  await accessible(alpha);
  await hand.getByRole("button", { name: "Hand over" }).click();
  await expect(hand).toBeHidden();
  await expect(alpha.getByText("With mara")).toBeVisible();
  await expect(alpha.getByText("You know their switch.")).toBeVisible();
  await alpha.getByRole("button", { name: "Hand over" }).click();
  await hand.getByRole("button", { name: "Take it myself" }).click();
  await hand.getByRole("button", { name: "Hand over" }).click();
  await expect(alpha.getByText("With mara")).toBeHidden();

  // A correction is proposed: our own figures.
  await alpha.getByRole("button", { name: "Propose a correction" }).click();
  const propose = alpha.getByRole("dialog", { name: "Propose a correction" });
  await propose.getByRole("button", { name: "Buyer" }).click();
  await propose.getByLabel("Reason").fill("Our switch has it shorter.");
  await accessible(alpha);
  await propose.getByRole("button", { name: "Propose a correction" }).click();
  await expect(propose).toBeHidden(slow);
  await expect(alpha.getByText("proposed", { exact: true }).first()).toBeVisible(slow);

  // BRAVO's clerk finds it among what waits for people, and counters with the middle.
  await bravo.getByRole("link", { name: "Disputes" }).click();
  await bravo.getByRole("button", { name: "Show: Waiting for people" }).click();
  await expect(bravo).toHaveURL(/people=true/);
  await choose(bravo, "Partner", "ALPHA");
  await choose(bravo, "State", "proposed");
  await bravo.locator(`a[href$="/disputes/ALPHA/${dispute}"]`).click(slow);
  await expect(bravo.getByText("Our switch has it shorter.")).toBeVisible();
  await bravo.getByRole("button", { name: "Counter" }).click();
  const counter = bravo.getByRole("dialog", { name: "Counter" });
  await counter.getByRole("button", { name: "The middle" }).click();
  await counter.getByLabel("Reason").fill("Let us meet halfway.");
  const offered = { calls: Number(await counter.getByLabel("Calls").inputValue()), seconds: Number(await counter.getByLabel("Billed seconds").inputValue()) };
  const middle = ([s, b]: number[]) => (s! >= b! ? Math.ceil : Math.floor)((s! + b!) / 2); // an odd one is the seller's
  expect(offered).toEqual({ calls: middle(calls), seconds: middle(seconds) });
  await accessible(bravo);
  await counter.getByRole("button", { name: "Counter" }).click();
  await expect(counter).toBeHidden(slow);

  // ALPHA sees the other offer by itself, and accepts it as it is shown.
  await expect(alpha.getByText("Let us meet halfway.")).toBeVisible(slow);
  await alpha.getByRole("button", { name: "Accept" }).click();
  const accept = alpha.getByRole("dialog", { name: "Accept" });
  await expect(accept.getByText(`${offered.calls} ${offered.calls === 1 ? "call" : "calls"}, ${offered.seconds} billed seconds`)).toBeVisible();
  const agreed = micro(await accept.locator(".numbers").last().innerText());
  await accept.getByRole("button", { name: "Accept" }).click();
  await expect(accept).toBeHidden(slow);
  for (const page of [alpha, bravo]) {
    await expect(page.getByText("resolved", { exact: true }).first()).toBeVisible(slow);
    const decided = await page.getByRole("region", { name: "Both sides" }).first().getByRole("row", { name: /^Amount/ }).getByRole("cell").last().innerText();
    expect(micro(decided)).toBe(agreed);
    await accessible(page);
  }

  // It is billed as decided, and the invoice waits for that much less.
  if (agreed > 0n) {
    await alpha.getByRole("link", { name: "The invoice that bills the decision" }).click();
    await expect(alpha.getByRole("region", { name: "Amounts" })).toBeVisible();
    expect(await figure(/^Total/)).toBe(agreed);
  }
  await alpha.goto(invoice);
  await expect(async () => expect(await figure(/^Open/)).toBe(openBefore - seller)).toPass(slow);

  // What else is open in the period is offered one by one, and accepted all at once.
  await alpha.goto(period);
  await expect.poll(left, slow).toBe(waiting - 1);
  const id = new URL(invoice).pathname.split("/").at(-1)!;
  const listed = async (query: string) => {
    await alpha.goto(`/disputes?partner=BRAVO&people=true${query}`);
    await expect(disputes.getByRole("row").nth(1).or(alpha.getByText("Nothing waits for people")).first()).toBeVisible(slow);
    return disputes.locator('a[href^="/disputes/"]').evaluateAll((links) => links.map((a) => (a as HTMLAnchorElement).pathname));
  };
  const here = await listed(`&invoice=${id}`);
  expect(here.length).toBe(waiting - 1);
  const others = (await listed("&state=manual")).filter((x) => !here.includes(x)).slice(0, Math.max(0, 2 - here.length));
  const offers: bigint[] = [];
  for (const id of [...here, ...others]) {
    await alpha.goto(id);
    await alpha.getByRole("button", { name: "Split" }).click();
    const split = alpha.getByRole("dialog", { name: "Split" });
    await split.getByRole("button", { name: "Propose a correction" }).click();
    await expect(split).toBeHidden(slow);
    const offer = alpha.getByRole("region", { name: "Both sides" }).first();
    await expect(offer.getByText("Offer of ALPHA")).toBeVisible(slow);
    offers.push(micro(await offer.getByRole("row", { name: /^Amount/ }).getByRole("cell").nth(3).innerText()));
  }
  await bravo.goto("/disputes?partner=ALPHA&state=proposed");
  const list = bravo.getByRole("table", { name: "Disputes" });
  for (const id of [...here, ...others]) {
    const line = list.getByRole("row").filter({ has: bravo.locator(`a[href$="${id.split("/").at(-1)}"]`) });
    await line.getByRole("checkbox").check(slow);
  }
  await bravo.getByRole("button", { name: `Accept ${offers.length} offers` }).click();
  const many = bravo.getByRole("dialog", { name: `Accept ${offers.length} offers` });
  expect(micro(await many.locator(".numbers").innerText())).toBe(offers.reduce((a, b) => a + b, 0n));
  await accessible(bravo);
  await many.getByRole("button", { name: "Accept" }).click();
  await expect(bravo.getByText(`${offers.length} offers accepted`)).toBeVisible(slow);

  // Nothing is open any more: the period is closed on both sides.
  await alpha.goto(period);
  await expect(alpha.getByText("closed", { exact: true }).first()).toBeVisible(slow);
  expect(await left()).toBe(0);
  await bravo.goto(new URL(period).pathname.replace("/BRAVO/", "/ALPHA/"));
  await expect(bravo.getByText("closed", { exact: true }).first()).toBeVisible(slow);

  // The invoice's disputes, as they stand on the screen, go into a spreadsheet.
  await alpha.goto(`/disputes?partner=BRAVO&invoice=${id}&by=people`);
  await expect(disputes.getByRole("row").nth(1)).toBeVisible();
  const count = await shown(alpha);
  expect(count).toBe(await disputes.getByRole("row").count() - 1);
  const csv = (await exported(alpha, "CSV")).toString("utf8").trim().split("\r\n");
  expect(csv.length - 1).toBe(count);
  expect(csv.some((l) => l.includes(dispute.replaceAll("~", "/")))).toBe(true);
  const xlsx = await readExcel(await exported(alpha, "XLSX"));
  const sheet = (Array.isArray(xlsx) && "data" in (xlsx[0] as object) ? (xlsx[0] as unknown as { data: unknown[][] }).data : xlsx) as unknown[][];
  expect(sheet.length - 1).toBe(count);
  expect(sheet[0]).toEqual(csv[0]!.split(","));
  await quiet(alpha);
  await quiet(bravo);
});
