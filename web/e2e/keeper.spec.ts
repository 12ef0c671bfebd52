import { accessible, expect, quiet, test } from "./sandbox";

test.setTimeout(420_000);

const slow = { timeout: 60_000 };

test("an administrator keeps keys, delegates and the network's parameters in order", async ({ sandbox, browser }) => {
  const page = await sandbox.as(browser, "ALPHA", "administrator");
  await page.goto("/trust/keys");
  const keys = page.getByRole("region", { name: "Keys", exact: true });
  await expect(keys.getByRole("rowheader", { name: "Member: signs for the carrier" }).first()).toBeVisible(slow);
  await accessible(page);

  // A key is replaced, and the page shows the next.
  const member = async () => (await keys.getByRole("row").filter({ hasText: "Member:" }).locator("code").first().getAttribute("title")) ?? "";
  const old = await member();
  await keys.getByRole("button", { name: "Replace member key" }).click();
  const replace = page.getByRole("dialog", { name: "Replace member key" });
  await expect(replace.getByText("Nothing that was signed loses its force.", { exact: false })).toBeVisible();
  await replace.getByRole("button", { name: "Replace member key" }).click();
  await expect(page.getByText("The key is replaced.")).toBeVisible(slow);
  await expect(async () => expect(await member()).not.toBe(old)).toPass(slow);

  // A delegate on the Omnilateral: rubbish is refused at its field, a key is registered and ended.
  await page.getByRole("button", { name: "Add a delegate" }).click();
  const add = page.getByRole("dialog", { name: "Add a delegate" });
  await add.getByLabel("Name").fill("Olga, oracle");
  await add.getByLabel("Key").fill("xyz");
  await add.getByLabel("Roles").fill("oracle");
  await add.getByRole("button", { name: "Add a delegate" }).click();
  await expect(add.getByText("This is no public key in hex")).toBeVisible();
  await accessible(page);
  await add.getByLabel("Key").fill("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"); // RFC 8032, test 1
  await add.getByRole("button", { name: "Add a delegate" }).click();
  await expect(page.getByText("The delegate is registered.")).toBeVisible(slow);
  const olga = page.getByRole("table", { name: "Delegates on the Omnilateral" }).getByRole("row").filter({ hasText: "Olga" });
  await olga.getByRole("button", { name: "End" }).click();
  await page.getByRole("dialog", { name: "End" }).getByRole("button", { name: "End" }).click();
  await expect(page.getByText("The delegate is ended.")).toBeVisible(slow);
  await expect(olga.getByText("ended")).toBeVisible(slow);

  // A pseudonym, under which others may say how this carrier pays.
  const standing = page.getByRole("region", { name: "How we pay, by what others say" });
  await standing.getByRole("button", { name: "Take a pseudonym" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Take a pseudonym" }).click();
  await expect(page.getByText("The pseudonym is bound.")).toBeVisible(slow);
  await expect(standing.getByRole("button", { name: "Take another pseudonym" })).toBeVisible(slow);

  // Nobody leaves the network by a slip.
  await page.getByRole("button", { name: "Leave the network" }).click();
  const leave = page.getByRole("dialog", { name: "Leave the network" });
  await leave.getByLabel("Type this carrier’s code").fill("BRAVO");
  await leave.getByRole("button", { name: "Leave the network" }).click();
  await expect(leave.getByText("the code is not this carrier's").first()).toBeVisible(slow);
  await expect(page.getByText("This carrier has left the network.")).toHaveCount(0);
  await page.keyboard.press("Escape");

  // Another value of a parameter is put to the vote.
  await page.goto("/trust/validators");
  await page.getByRole("button", { name: "Propose another value" }).click();
  const propose = page.getByRole("dialog", { name: "Propose another value" });
  await propose.getByLabel("Parameter").click();
  await page.getByRole("option", { name: "invitation_millis" }).click();
  await propose.getByLabel("Value").fill("1209600000");
  await propose.getByLabel("From height").fill("1000000");
  await accessible(page);
  await propose.getByRole("button", { name: "Propose another value" }).click();
  await expect(page.getByText("The change is proposed.")).toBeVisible(slow);
  const bravo = await sandbox.as(browser, "BRAVO", "administrator");
  await bravo.goto("/trust/validators");
  const vote = bravo.getByRole("table", { name: "Proposals and votes" }).getByRole("row").filter({ hasText: "1209600000" });
  await expect(vote).toBeVisible(slow);
  await vote.getByRole("button").click();
  await expect(bravo.getByText("The vote is final.")).toBeVisible(slow);
  await accessible(bravo);

  // The channel's own key.
  await page.goto("/partners/FOXTROT");
  await page.getByRole("button", { name: "Replace channel key" }).click();
  await page.getByRole("dialog", { name: "Replace channel key" }).getByRole("button", { name: "Replace channel key" }).click();
  await expect(page.getByText("The channel key is replaced.")).toBeVisible(slow);
  await page.goto("/reserve");
  await page.getByRole("button", { name: "Ask to issue a token" }).click();
  const define = page.getByRole("dialog", { name: "Ask to issue a token" });
  await define.getByLabel("Token").fill("CHFt");
  await define.getByLabel("Cap").fill("5000000");
  await define.getByRole("button", { name: "Ask to issue a token" }).click();
  await expect(page.getByText("The other members are asked.")).toBeVisible(slow);
  await bravo.goto("/reserve");
  const asked = bravo.getByRole("region", { name: "CHFt" });
  await asked.getByRole("button", { name: "Let it be issued" }).click();
  await bravo.getByRole("dialog").getByRole("button", { name: "Let it be issued" }).click();
  await expect(bravo.getByText("Your vote is on the ledger.", { exact: false }).first()).toBeVisible(slow);
  await expect(asked.getByRole("button", { name: "Let it be issued" })).toHaveCount(0, slow);
  await accessible(bravo);
  for (const p of [page, bravo]) await quiet(p);
});

test("an engineer acknowledges a file, tells of an incident, judges a signal, and is told what is wrong with readings", async ({ sandbox, browser }) => {
  await sandbox.buys(); // what is billed further down
  const page = await sandbox.as(browser, "ALPHA", "engineer");

  // What a file was is known to both sides, not the file.
  await page.goto("/partners/BRAVO?tab=files");
  await page.getByRole("button", { name: "Acknowledge a file" }).click();
  const file = page.getByRole("dialog", { name: "Acknowledge a file" });
  await file.getByTestId("file").setInputFiles({ name: "annex.txt", mimeType: "text/plain", buffer: Buffer.from("abc") });
  await expect(file.getByLabel(/^Hash/)).toHaveValue("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  await file.getByRole("button", { name: "Acknowledge a file" }).click();
  await expect(file.getByText("This has to be given").first()).toBeVisible();
  await file.getByLabel("Kind").fill("evidence");
  await file.getByLabel("Reference").fill("annex 4711");
  await accessible(page);
  await file.getByRole("button", { name: "Acknowledge a file" }).click();
  await expect(page.getByText("The file is acknowledged.")).toBeVisible(slow);
  const bravo = await sandbox.as(browser, "BRAVO", "engineer");
  await bravo.goto("/partners/ALPHA?tab=files");
  await expect(bravo.getByRole("row").filter({ hasText: "annex 4711" })).toBeVisible(slow);

  // What waits with a partner, and leads to it.
  await page.getByRole("tab", { name: "What waits" }).click();
  await expect(page.getByText("The node applies what was agreed", { exact: false })).toBeVisible(slow);
  await accessible(page);
  await page.getByRole("link", { name: /^dispute\// }).first().click({ timeout: 120_000 });
  await expect(page.getByRole("heading", { level: 1, name: /^Line \d+/ })).toBeVisible(slow);

  // A partner is told of maintenance, and that it is over.
  await page.goto("/tickets?tab=incidents");
  await page.getByRole("button", { name: "Open an incident" }).click();
  const open = page.getByRole("dialog", { name: "Open an incident" });
  const pick = async (label: string, option: string) => {
    await open.getByLabel(label).click();
    await page.getByRole("option", { name: option, exact: true }).click();
  };
  await open.getByLabel("Incident").fill("M-1");
  await pick("Partner", "BRAVO");
  await open.getByLabel("Description").fill("Cable works at Tuas");
  await pick("Type", "Maintenance");
  await pick("Impact", "Degraded");
  await pick("Priority", "Low");
  await pick("Severity", "Minor");
  await open.getByLabel("Products").fill("S-1");
  await open.getByLabel("Began").fill("2026-11-28T01:00");
  await accessible(page);
  await open.getByRole("button", { name: "Tell the partner" }).click();
  await expect(page.getByText("The partner is told.")).toBeVisible(slow);
  const row = page.getByRole("table", { name: "Incidents" }).getByRole("row").filter({ hasText: "M-1" });
  await expect(row.getByText("Cable works at Tuas")).toBeVisible(slow);
  await row.getByRole("button", { name: "Change" }).click();
  await page.getByRole("dialog", { name: "Change" }).getByLabel("Description").fill("Cable works at Tuas, longer than planned");
  await page.getByRole("dialog", { name: "Change" }).getByRole("button", { name: "Tell the partner" }).click();
  await expect(row.getByText("longer than planned")).toBeVisible(slow);

  // Calls that go to the partner and come back at once: a loop is signalled, and somebody sees to it.
  // They are of one period that has begun.
  while (Date.now() % 15_000 < 2_000 || Date.now() % 15_000 > 12_000) await page.waitForTimeout(250);
  const now = Date.now() - (Date.now() % 15_000) + 200;
  const at = (ms: number) => new Date(now + ms).toISOString();
  const calls = ["call_id,originating_number,destination_number,start_time,duration_ms,result,carrier_from,carrier_to,trunk"];
  for (let i = 0; i < 6; i++) {
    calls.push(`L-${i}a,41445550177,12025550${100 + i},${at(i * 200)},20000,success,ALPHA,BRAVO,t9`);
    calls.push(`L-${i}b,41445550177,12025550${100 + i},${at(i * 200 + 90)},20000,success,BRAVO,ALPHA,t9`);
  }
  await page.goto("/usage?partner=BRAVO");
  await page.getByTestId("file").setInputFiles({ name: "loop.csv", mimeType: "text/csv", buffer: Buffer.from(calls.join("\n") + "\n") });
  await expect(page.getByText("loop.csv").first()).toBeVisible(slow);
  await page.goto("/usage?partner=BRAVO&tab=signals");
  const signal = page.getByRole("table", { name: "Fraud signals" }).getByRole("row").filter({ hasText: "Loop" }).first();
  await expect(signal).toBeVisible(slow);
  await signal.getByRole("button", { name: /^Judge/ }).click();
  const judge = page.getByRole("dialog", { name: /^Signal / });
  await judge.getByLabel("Reason").fill("Asked the customer.");
  await accessible(page);
  await judge.getByRole("button", { name: "Somebody sees to it" }).click();
  await expect(signal.getByText("acknowledged")).toBeVisible(slow);

  // Readings of a meter: what cannot be read is named by line, and nothing of it is kept.
  await page.goto("/inventory?tab=measurements&partner=BRAVO");
  await page.getByTestId("file").setInputFiles({ name: "readings.csv", mimeType: "text/csv", buffer: Buffer.from("product,from,to,metric,value\nno-such,2026-11-02T11:00:00Z,2026-11-02T12:00:00Z,availability,999990\nrubbish\n") });
  const taken = page.getByRole("status").filter({ hasText: "readings.csv: 2 read, 0 accepted, 2 rejected" });
  await expect(taken).toBeVisible(slow);
  await expect(taken.getByRole("table", { name: "Rejected rows" }).getByRole("row")).toHaveCount(3);
  await accessible(page);

  // Bills for products: the last one, as both nodes made it.
  await page.goto("/bills?partner=BRAVO");
  const bills = page.getByRole("table", { name: "Bills", exact: true });
  await expect(bills.getByRole("row").filter({ hasText: "Products of MSA-1" }).first()).toBeVisible(slow);
  await accessible(page);
  await bills.getByRole("button", { name: "Look" }).first().click();
  const bill = page.getByRole("dialog", { name: "Bill" });
  await expect(bill.getByRole("table", { name: "Items" })).toBeVisible(slow);
  await accessible(page);
  await page.keyboard.press("Escape");

  // A rating that was made is not made twice.
  await page.goto("/periods?partner=BRAVO&order=V-BRAVO");
  await page.getByRole("button", { name: "Request a rating" }).click();
  const request = page.getByRole("dialog", { name: "Request a rating" });
  await request.getByLabel("Start").fill("2026-11-02T10:00:07");
  await request.getByLabel("End").fill("2026-11-02T10:00:22");
  await request.getByRole("button", { name: "Request a rating" }).click();
  await expect(request.getByRole("alert").first()).toBeVisible(slow);
  await accessible(page);
  for (const p of [page, bravo]) await quiet(p);
});

test("an administrator erases what need not be kept, and is told what must be", async ({ sandbox, browser }) => {
  const page = await sandbox.as(browser, "ALPHA", "administrator");
  await page.goto("/usage?partner=BRAVO");
  const imports = page.getByRole("table", { name: "Imports" });
  const rows = imports.getByRole("row").filter({ has: page.getByRole("button", { name: "Erase" }) });
  await expect(async () => expect(await rows.count()).toBeGreaterThan(4)).toPass({ timeout: 120_000 });
  // The first import that is on the screen has been read for long: its rows are in the archive.
  const row = rows.last();
  const name = (await row.getByRole("cell").nth(1).innerText()).trim();
  const chosen = imports.getByRole("row").filter({ has: page.getByTitle(name, { exact: true }) });
  const erase = chosen.getByRole("button", { name: "Erase" });
  const ask = async () => {
    await erase.click();
    const dialog = page.getByRole("dialog", { name: "Erase" });
    await expect(dialog).toContainText(`This node’s copy of ${name} is erased for good.`);
    return dialog;
  };
  const first = await ask();
  await accessible(page);
  await page.keyboard.press("Escape");
  await expect(first).toHaveCount(0);
  await (await ask()).getByRole("button", { name: "Erase" }).click();
  await expect(page.getByText("The file is erased.")).toBeVisible(slow);
  // It is gone, and said to be.
  await expect(chosen.getByRole("cell").last()).toHaveText("Erased", slow);
  await expect(erase).toHaveCount(0);

  // Rows that billing may still need are kept.
  await page.getByRole("tab", { name: "Archive" }).click();
  const day = page.getByRole("table", { name: "Archive" }).getByRole("row").filter({ has: page.getByRole("button", { name: "Erase" }) }).first();
  await day.getByRole("button", { name: "Erase" }).click(slow);
  const dialog = page.getByRole("dialog", { name: "Erase" });
  await dialog.getByRole("button", { name: "Erase" }).click();
  await expect(dialog.getByRole("alert")).toContainText(/import \d+/, slow);
  await accessible(page);
  await page.keyboard.press("Escape");
  await expect(day.getByRole("button", { name: "Erase" })).toBeVisible();
  await quiet(page);
});
