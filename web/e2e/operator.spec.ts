import type { Page } from "@playwright/test";

import { accessible, expect, quiet, Sandbox, test } from "./sandbox";

test.setTimeout(600_000);

const slow = { timeout: 90_000 };

// A network of its own: people are signed out of a node that is killed.
test("an operator kills nodes, cuts links, lies and damages a store, and watches the system recover", async ({ browser }) => {
  const sandbox = await Sandbox.start(["--carriers", "2"]);
  try {
    await story(sandbox, await sandbox.as(browser, "ALPHA", "engineer"), await sandbox.as(browser, "ALPHA", "clerk"), await sandbox.as(browser, "BRAVO", "auditor"));
  } finally {
    await sandbox.stop();
  }
});

async function story(sandbox: Sandbox, control: Page, alpha: Page, bravo: Page) {
  const node = (name: string) => control.getByRole("row").filter({ has: control.getByRole("cell", { name: new RegExp(`^${name}\\b`) }) });
  const height = async (name: string) => Number(await node(name).getByRole("cell").nth(2).innerText());
  const kill = async (name: string) => {
    await node(name).getByRole("button", { name: `Kill ${name}` }).click();
    await control.getByRole("dialog", { name: `Kill ${name}?` }).getByRole("button", { name: "Kill" }).click();
    await expect(node(name).getByText("stopped")).toBeVisible(slow);
  };
  const start = async (name: string) => {
    await node(name).getByRole("button", { name: `Start ${name}` }).click();
    await expect(node(name).getByText("running")).toBeVisible(slow);
  };
  const did = (what: string | RegExp) => control.getByRole("region", { name: "Harm that was done" }).getByText(what).first();

  await control.goto("/sandbox-control");
  await expect(node("BRAVO").getByText("running")).toBeVisible(slow);
  await accessible(control);

  // A partner's node is killed: its own pages wait, and ours say that it does not answer.
  await expect(bravo.getByRole("status").filter({ hasText: "Live" })).toBeVisible(slow);
  await alpha.goto("/");
  const ledger = alpha.getByRole("region", { name: "Ledger" });
  await expect(ledger.getByText(/^In order: .*blocks come/)).toBeVisible(slow);
  await accessible(alpha);
  await node("BRAVO").getByRole("button", { name: "Kill BRAVO" }).click();
  await accessible(control);
  await control.getByRole("dialog", { name: "Kill BRAVO?" }).getByRole("button", { name: "Cancel" }).click();
  await kill("BRAVO");
  await expect(did("BRAVO is killed")).toBeVisible();
  await expect(bravo.getByRole("status").filter({ hasText: "Waiting" })).toBeVisible(slow);
  // What is put on the channel now is not answered.
  expect(
    await alpha.evaluate(async () => {
      const { csrf } = (await (await fetch("/session")).json()) as { csrf: string };
      const answer = await fetch("/v1/bilaterals/BRAVO/files", { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf }, body: JSON.stringify({ kind: "contract", hash: "ab".repeat(32), size: 1 }) });
      return answer.status;
    }),
  ).toBe(200);
  await expect(ledger.getByText("BRAVO does not answer, since")).toBeVisible(slow);
  await expect(alpha.getByRole("status").filter({ hasText: "Live" })).toBeVisible();
  await accessible(alpha);
  const before = await height("ALPHA");
  await expect.poll(() => height("ALPHA"), slow).toBeGreaterThan(before + 3);

  // It comes back, catches up, and both stand at the same.
  await start("BRAVO");
  await expect(ledger.getByText("BRAVO does not answer, since")).toHaveCount(0, slow);
  await expect.poll(async () => (await height("BRAVO")) - (await height("ALPHA")), slow).toBeGreaterThan(-5);
  bravo = await again(sandbox, control, bravo);
  await same(alpha, bravo);

  // One validator of four is dispensable, two are not.
  await kill("validator-4");
  const three = await height("ALPHA");
  await expect.poll(() => height("ALPHA"), slow).toBeGreaterThan(three + 3);
  await kill("validator-3");
  await expect(node("ALPHA").getByText(/no block came for .*three of four validators must run/)).toBeVisible(slow);
  await accessible(control);
  await alpha.goto("/");
  await expect(ledger.getByText(/blocks come: no block came for/)).toBeVisible(slow);
  await accessible(alpha);
  const stood = await height("ALPHA");
  await start("validator-3");
  await start("validator-4");
  await expect.poll(() => height("ALPHA"), slow).toBeGreaterThan(stood + 3);
  await expect(ledger.getByText(/^In order: .*blocks come/)).toBeVisible(slow);

  // A link is cut and mended.
  const link = control.getByRole("checkbox", { name: /^ALPHA – BRAVO/ });
  await link.click();
  await expect(control.getByRole("checkbox", { name: "ALPHA – BRAVO, cut" })).toBeVisible();
  await expect(did("ALPHA and BRAVO cannot send each other files")).toBeVisible();
  await link.click();
  await expect(control.getByRole("checkbox", { name: "ALPHA – BRAVO", exact: true })).toBeVisible();
  await expect(did("ALPHA and BRAVO can send each other files")).toBeVisible();

  // Usage that was stated too long is found, and becomes a dispute.
  const lie = control.getByRole("region", { name: "Lie about usage" });
  await lie.getByLabel("Calls").fill("4");
  await lie.getByLabel("Times as long").fill("5");
  await lie.getByRole("button", { name: "Lie" }).click();
  await expect(did("ALPHA states 4 of its next calls 5 times as long")).toBeVisible();
  const feed = control.getByRole("region", { name: "What happens" });
  await expect(feed.getByText("ALPHA overstates 4 calls")).toBeVisible(slow);
  await expect(feed.getByText(/dispute (for people|resolved)/).first()).toBeVisible(slow);
  await alpha.goto("/disputes?partner=BRAVO");
  await expect(alpha.getByRole("row").filter({ hasText: /ALPHA|BRAVO/ }).first()).toBeVisible(slow);

  // A byte of a store that was damaged is noticed, and the store is rebuilt.
  await kill("BRAVO");
  await node("BRAVO").getByRole("button", { name: "Corrupt a file of BRAVO" }).click();
  const damage = control.getByRole("dialog", { name: "Damage the store of BRAVO" });
  await damage.getByRole("radio", { name: "The newest log" }).check();
  await accessible(control);
  await damage.getByRole("button", { name: "Corrupt" }).click();
  await expect(node("BRAVO").getByText("damaged")).toBeVisible();
  await expect(did(/byte \d+ of \d+\.log in the store of BRAVO is another one/)).toBeVisible();
  await node("BRAVO").getByRole("button", { name: "Start BRAVO" }).click();
  await expect(node("BRAVO").getByText(/corrupt: .*/)).toBeVisible(slow);
  await expect(node("BRAVO").getByText("stopped")).toBeVisible();
  await accessible(control);
  await node("BRAVO").getByRole("button", { name: "Rebuild BRAVO" }).click();
  await expect(node("BRAVO").getByText("running")).toBeVisible(slow);
  await expect(node("BRAVO").getByText("damaged")).toHaveCount(0);
  bravo = await again(sandbox, control, bravo);
  await same(alpha, bravo);
  await quiet(control);
  await quiet(alpha);
}

// again signs a person in at a node that was started again: it has forgotten who was.
async function again(sandbox: Sandbox, control: Page, page: Page): Promise<Page> {
  await expect
    .poll(
      async () => {
        const link = await control.evaluate(async () => {
          const answer = await fetch("/sandbox/sign-in", { method: "POST", headers: { "X-Sandbox": "1", "Content-Type": "application/json" }, body: JSON.stringify({ carrier: "BRAVO", role: "auditor" }) });
          return answer.ok ? ((await answer.json()) as { url: string }).url : "";
        });
        if (link) await page.goto(link);
        return link;
      },
      { timeout: 60_000, intervals: [1000] },
    )
    .not.toBe("");
  await expect(page.getByRole("heading", { level: 1, name: "Today" })).toBeVisible({ timeout: 30_000 });
  expect(sandbox.place("BRAVO").address).toContain("bravo");
  return page;
}

// same finds the newest attested log that both sides know of under one root.
async function same(alpha: Page, bravo: Page) {
  const roots = async (page: Page, partner: string) => {
    await page.goto(`/trust/anchors?partner=${partner}`);
    await expect(page.getByRole("row").filter({ hasText: "both have signed" }).first()).toBeVisible({ timeout: 90_000 });
    return new Map(
      await page.getByRole("table", { name: "Anchors" }).getByRole("row").evaluateAll((rows) => rows.filter((r) => r.querySelector("code")).map((r) => [r.querySelector('[role="cell"]')?.textContent ?? "", r.querySelector("code")?.getAttribute("title") ?? ""] as const)),
    );
  };
  const ours = await roots(alpha, "BRAVO");
  const theirs = await roots(bravo, "ALPHA");
  const both = [...ours.keys()].filter((p) => theirs.has(p));
  expect(both.length).toBeGreaterThan(0);
  for (const p of both) expect(theirs.get(p), `root at ${p}`).toBe(ours.get(p));
}
