import type { Page } from "@playwright/test";

import { choose, micro } from "./read";
import { accessible, expect, quiet, Sandbox, test } from "./sandbox";

const slow = { timeout: 60_000 };
// On a machine that does much else at once a story takes longer.
const patience = Number(process.env.PATIENCE ?? 1);

test.use({ actionTimeout: 60_000 });

// waiting gives disputes of ALPHA with BRAVO about which nobody has offered anything.
async function waiting(page: Page, sandbox: Sandbox): Promise<string> {
  await page.goto(`${sandbox.place("ALPHA").address}/disputes?partner=BRAVO&state=manual`);
  const links = page.getByRole("table", { name: "Disputes" }).locator('a[href^="/disputes/"]');
  await expect(links.first()).toBeVisible({ timeout: 120_000 });
  return new URL((await links.first().getAttribute("href"))!, page.url()).pathname;
}

// fill opens the dialog of an offer and fills it in.
async function fill(page: Page, seconds: number, why: string) {
  await page.getByRole("button", { name: "Propose a correction" }).click();
  const dialog = page.getByRole("dialog", { name: "Propose a correction" });
  await dialog.getByLabel("Calls").fill("1");
  await dialog.getByLabel("Billed seconds").fill(String(seconds));
  await dialog.getByLabel("Reason").fill(why);
  return dialog;
}

// race sends two dialogs at the same moment, and says who won.
async function race(one: Page, other: Page) {
  const dialogs = [one, other].map((p) => p.getByRole("dialog", { name: /Propose a correction/ }));
  await Promise.allSettled(dialogs.map((d) => d.getByRole("button", { name: /Propose a correction/ }).click({ timeout: 5_000, noWaitAfter: true })));
  const faster = dialogs.map((d) => d.getByText("Somebody else was faster"));
  await expect.poll(async () => (await faster[0]!.count()) + (await faster[1]!.count()), slow).toBe(1);
  const loser = (await faster[0]!.count()) ? 0 : 1;
  await expect(dialogs[1 - loser]!).toBeHidden(slow);
  return loser;
}

const offer = (page: Page) => page.getByRole("region", { name: "Both sides" }).getByRole("row", { name: /^Billed seconds/ }).getByRole("cell").nth(3);

test("of two clerks who decide one dispute at once one succeeds, and the other loses nothing", async ({ sandbox, browser }) => {
  test.setTimeout(240_000 * patience);
  // The administrator gives the clerk a colleague.
  const admin = await sandbox.as(browser, "ALPHA", "administrator");
  await admin.goto("/users");
  const name = `noor-${Date.now() % 100_000}`;
  await admin.getByRole("button", { name: "Add a user" }).click();
  const add = admin.getByRole("dialog", { name: "Add a user" });
  await add.getByLabel("Name").fill(name);
  await choose(add, "Role", "Settlement clerk");
  await add.getByRole("button", { name: "Add a user" }).click();
  const link = await admin.getByRole("dialog", { name: `Link for ${name}` }).locator("pre").innerText(slow);
  const mara = await sandbox.as(browser, "ALPHA", "clerk");
  const noor = await Sandbox.by(browser, link);

  const at = await waiting(mara, sandbox);
  await mara.goto(at);
  await noor.goto(at);
  const people = [mara, noor];
  const said = [
    { seconds: 11, why: "The release is at 11 s." },
    { seconds: 22, why: "Half of what they have." },
  ];
  const dialogs = [await fill(mara, said[0]!.seconds, said[0]!.why), await fill(noor, said[1]!.seconds, said[1]!.why)];
  const lost = await race(mara, noor);
  const [winner, loser] = [people[1 - lost]!, people[lost]!];
  const [first, second] = [said[1 - lost]!, said[lost]!];

  // Who was slower is told how it stands now, and has what was typed.
  const dialog = dialogs[lost]!;
  await expect(dialog.getByText("Nothing of yours was sent.")).toBeVisible();
  await expect(dialog.getByText(`1 call, ${first.seconds} billed seconds`)).toBeVisible();
  await expect(dialog.getByText(first.why)).toBeVisible();
  await expect(dialog.getByLabel("Billed seconds")).toHaveValue(String(second.seconds));
  await expect(dialog.getByLabel("Reason")).toHaveValue(second.why);
  await expect(dialog.getByRole("button", { name: "Propose a correction" })).toBeDisabled();
  await expect(dialog.getByRole("alert")).toHaveCount(0);
  await accessible(loser);
  for (const p of people) await expect(offer(p)).toHaveText(String(first.seconds), slow);

  // What was typed is not lost: it may be sent after all, now knowing of the other.
  await dialog.getByRole("button", { name: "Go on with what I filled in" }).click();
  await expect(dialog.getByText("Somebody else was faster")).toBeHidden();
  await dialog.getByRole("button", { name: "Propose a correction" }).click();
  await expect(dialog).toBeHidden(slow);
  for (const p of people) await expect(offer(p)).toHaveText(String(second.seconds), slow);
  await expect(winner.getByText(second.why)).toBeVisible();
  for (const p of people) await quiet(p);
  await noor.context().close();
});

test("of two carriers that decide one dispute at once one succeeds, and the other is told what stands", async ({ sandbox, browser }) => {
  test.setTimeout(240_000 * patience);
  const alpha = await sandbox.as(browser, "ALPHA", "clerk");
  const bravo = await sandbox.as(browser, "BRAVO", "clerk");
  const at = await waiting(alpha, sandbox);
  await alpha.goto(at);
  await bravo.goto(at.replace("/BRAVO/", "/ALPHA/"));
  const said = [
    { who: "ALPHA", seconds: 13, why: "Our switch shows 13 s." },
    { who: "BRAVO", seconds: 31, why: "Our switch shows 31 s." },
  ];
  const people = [alpha, bravo];
  const dialogs = [await fill(alpha, said[0]!.seconds, said[0]!.why), await fill(bravo, said[1]!.seconds, said[1]!.why)];
  const lost = await race(alpha, bravo);
  const dialog = dialogs[lost]!;
  const [first, second] = [said[1 - lost]!, said[lost]!];
  await expect(dialog.getByText(`Offer of ${first.who}`)).toBeVisible();
  await expect(dialog.getByText(`1 call, ${first.seconds} billed seconds`)).toBeVisible();
  await expect(dialog.getByLabel("Reason")).toHaveValue(second.why);
  await accessible(people[lost]!);

  // It goes on as a counter-offer, which the other side accepts: one decision for both.
  await dialog.getByRole("button", { name: "Go on with what I filled in" }).click();
  const counter = people[lost]!.getByRole("dialog", { name: "Counter" });
  await counter.getByRole("button", { name: "Counter" }).click();
  await expect(counter).toBeHidden(slow);
  const winner = people[1 - lost]!;
  await expect(winner.getByText(second.why)).toBeVisible(slow);
  await winner.getByRole("button", { name: "Accept" }).click();
  const accept = winner.getByRole("dialog", { name: "Accept" });
  await expect(accept.getByText(`1 call, ${second.seconds} billed seconds`)).toBeVisible();
  const agreed = micro(await accept.locator(".numbers").last().innerText());
  await accept.getByRole("button", { name: "Accept" }).click();
  await expect(accept).toBeHidden(slow);
  for (const p of people) {
    await expect(p.getByText("resolved", { exact: true }).first()).toBeVisible(slow);
    expect(micro(await p.getByRole("region", { name: "Both sides" }).getByRole("row", { name: /^Amount/ }).getByRole("cell").last().innerText())).toBe(agreed);
    await quiet(p);
  }
});
