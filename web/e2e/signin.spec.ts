import { accessible, expect, quiet, test } from "./sandbox";

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
  await page.context().clearCookies();
  await form.getByRole("button", { name: "Add a user" }).click();
  const dialog = page.getByRole("dialog", { name: "Please sign in again" });
  await expect(dialog).toBeVisible();
  await accessible(page);
  await dialog.getByLabel(/^Password/).fill("green hills far away");
  await dialog.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByText("Link for noor@bravo.example")).toBeVisible();
  await quiet(page);
});
