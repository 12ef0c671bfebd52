import { createHmac } from "node:crypto";

import type { Page, Route } from "@playwright/test";

import { accessible, expect, quiet, test } from "./sandbox";

const slow = { timeout: 60_000 };

test("somebody signs in by a link that works once, sets a password, signs out and comes back with it", async ({ sandbox, browser }) => {
  const page = await sandbox.as(browser, "ALPHA", "administrator");
  await accessible(page);
  await page.goto("/settings");
  await expect(page.getByRole("heading", { level: 1, name: "My settings" })).toBeVisible();
  await accessible(page);
  await page.getByLabel(/^New password \*?$/).fill("a long walk by the sea");
  await page.getByLabel("New password, once more").fill("a long walk by the sea");
  await page.getByRole("button", { name: "Set the password" }).click();
  await expect(page.getByText("The password is set.")).toBeVisible();
  const name = await page.evaluate(async () => (await (await fetch("/session")).json()) as { name: string });
  await page.getByRole("button", { name: /Account of/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: "Sign in to ALPHA" })).toBeVisible();
  await accessible(page);

  await page.goto(sandbox.place("ALPHA").roles.administrator);
  await expect(page.getByRole("alert")).toBeVisible();

  await page.goto("/settings");
  await page.getByLabel("Name").fill(name.name);
  await page.getByLabel(/^Password/).fill("a wrong guess at it");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await page.getByLabel(/^Password/).fill("a long walk by the sea");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: "My settings" })).toBeVisible();
  await quiet(page);
});

test("a session that ends in the middle of a form loses nothing", async ({ sandbox, browser }) => {
  const page = await sandbox.as(browser, "BRAVO", "administrator");
  await page.goto("/settings");
  await page.getByLabel(/^New password \*?$/).fill("green hills far away");
  await page.getByLabel("New password, once more").fill("green hills far away");
  await page.getByRole("button", { name: "Set the password" }).click();
  await expect(page.getByText("The password is set.")).toBeVisible();

  await page.goto("/users");
  await accessible(page);
  await page.getByRole("button", { name: "Add a user" }).click();
  const form = page.getByRole("dialog", { name: "Add a user" });
  await form.getByLabel("Name").fill("noor@bravo.example");
  // What is live is asked for again at any moment: here the form is to be the first that
  // hears of the end.
  const held: Route[] = [];
  await page.route("**/v1/**", (r) => (r.request().method() === "GET" ? void held.push(r) : r.fallback()));
  await page.context().clearCookies();
  await form.getByRole("button", { name: "Add a user" }).click();
  const dialog = page.getByRole("dialog", { name: "Please sign in again" });
  await expect(dialog).toBeVisible();
  await page.unroute("**/v1/**");
  await Promise.all(held.map((r) => r.continue()));
  await accessible(page);
  await dialog.getByLabel(/^Password/).fill("green hills far away");
  await dialog.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByText("Link for noor@bravo.example")).toBeVisible();
  await quiet(page);
});

// An authenticator computes codes as RFC 6238 says: six digits, of each half minute. A
// code counts once, and the node takes that of the next half minute, too.
function authenticator(secret: string) {
  const bits = [...secret].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((b) => parseInt(b, 2)));
  let used = 0;
  return async (page: Page) => {
    const step = () => Math.floor(Date.now() / 30_000);
    while (step() + 1 <= used) await page.waitForTimeout(500);
    used = Math.max(used + 1, step());
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(used));
    const mac = createHmac("sha1", key).update(counter).digest();
    return String((mac.readUInt32BE(mac[19]! & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
  };
}

test("somebody signs in with a code of an authenticator, and with a passkey", async ({ sandbox, browser }) => {
  test.setTimeout(300_000);
  const page = await sandbox.as(browser, "OSCAR", "engineer");
  const type = async (code: string) => {
    await page.getByLabel(/^(Enter the code that it shows|Code from your authenticator)$/).locator("input").or(page.locator("input[autocomplete=one-time-code]")).first().focus();
    await page.keyboard.type(code);
  };
  await page.goto("/settings");
  await page.getByLabel(/^New password \*?$/).fill("the kettle sings at five");
  await page.getByLabel("New password, once more").fill("the kettle sings at five");
  await page.getByRole("button", { name: "Set the password" }).click();
  await expect(page.getByText("The password is set.")).toBeVisible();

  // A code is asked for once its first was right.
  await page.getByRole("button", { name: "Set up a code" }).click();
  const setUp = page.getByRole("dialog", { name: "Set up a code" });
  await expect(setUp.getByRole("img", { name: "QR code with the secret" })).toBeVisible();
  const next = authenticator((await setUp.locator("code").innerText()).trim());
  await accessible(page);
  await type("000000");
  await setUp.getByRole("button", { name: "Confirm" }).click();
  await expect(setUp.getByRole("alert")).toBeVisible();
  for (let i = 0; i < 6; i++) await page.keyboard.press("Backspace");
  await type(await next(page));
  await setUp.getByRole("button", { name: "Confirm" }).click();
  await expect(page.getByText("A code is asked for beside your password.")).toBeVisible();

  const out = async () => {
    await page.getByRole("button", { name: /Account of/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await expect(page.getByRole("heading", { name: "Sign in to OSCAR" })).toBeVisible();
  };
  await out();
  await page.getByLabel("Name").fill("engineer");
  await page.getByLabel(/^Password/).fill("the kettle sings at five");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByText("Code from your authenticator")).toBeVisible();
  await accessible(page);
  await type(await next(page));
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("button", { name: /Account of engineer/ })).toBeVisible(slow);

  // A key of the device signs in without a password.
  const device = await page.context().newCDPSession(page);
  await device.send("WebAuthn.enable");
  await device.send("WebAuthn.addVirtualAuthenticator", { options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
  await page.goto("/settings");
  await page.getByRole("button", { name: "Add a passkey" }).click();
  const add = page.getByRole("dialog", { name: "Add a passkey" });
  await add.getByLabel("Name").fill("laptop");
  await add.getByRole("button", { name: "Add a passkey" }).click();
  await expect(page.getByRole("cell", { name: "laptop" })).toBeVisible(slow);
  await accessible(page);
  await out();
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await expect(page.getByRole("button", { name: /Account of engineer/ })).toBeVisible(slow);

  // Both can be taken away again.
  await page.goto("/settings");
  await page.getByRole("row").filter({ has: page.getByRole("cell", { name: "laptop" }) }).getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog", { name: "Remove" }).getByRole("button", { name: "Remove" }).click();
  await expect(page.getByText("You have no passkey")).toBeVisible(slow);
  await page.getByRole("button", { name: "Remove the code" }).click();
  const remove = page.getByRole("dialog", { name: "Remove the code" });
  await expect(remove).toBeVisible();
  await type(await next(page));
  await remove.getByRole("button", { name: "Confirm" }).click();
  await expect(page.getByRole("button", { name: "Set up a code" })).toBeVisible();
  await quiet(page);
});
