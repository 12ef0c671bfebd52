import type { Page } from "@playwright/test";

import { accessible, expect, quiet, test } from "./sandbox";

// seen reports whether the element that has the focus shows it.
async function seen(page: Page) {
  const how = await page.evaluate(() => {
    const e = document.activeElement;
    if (!e || e === document.body) return "nothing has the focus";
    const marked = [e, e.parentElement, e.closest(".mantine-Input-wrapper"), e.closest("[data-focus], label")].some((x) => {
      if (!x) return false;
      const s = getComputedStyle(x);
      return (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== "none" || x.matches(":focus-visible");
    });
    return marked ? "" : `no mark at ${e.outerHTML.slice(0, 120)}`;
  });
  expect(how).toBe("");
}

// to tabs until something has the focus that is called so.
async function to(page: Page, name: RegExp, most = 60) {
  for (let i = 0; i < most; i++) {
    await page.keyboard.press("Tab");
    const called = await page.evaluate(() => {
      const e = document.activeElement as HTMLElement | null;
      return e?.getAttribute("aria-label") ?? (e instanceof HTMLInputElement ? (e.labels?.[0]?.textContent ?? "") : (e?.textContent ?? ""));
    });
    if (name.test(called.trim())) {
      await seen(page);
      return;
    }
  }
  throw new Error(`nothing called ${String(name)} after ${most} tabs at ${page.url()}`);
}

test.use({ actionTimeout: 60_000 });

test("a day's way by keyboard alone: sign in, menu, filter, row, dialog", async ({ sandbox, browser }) => {
  const page = await sandbox.as(browser, "DELTA", "administrator");
  await page.goto("/settings");
  await page.getByLabel(/^New password \*?$/).fill("a boat on the quiet lake");
  await page.getByLabel("New password, once more").fill("a boat on the quiet lake");
  await page.getByRole("button", { name: "Set the password" }).click();
  await expect(page.getByText("The password is set.")).toBeVisible();
  const { name } = await page.evaluate(async () => (await (await fetch("/session")).json()) as { name: string });
  await page.context().clearCookies();
  await page.goto("/partners");

  // From here on there is no mouse.
  await expect(page.getByRole("heading", { name: "Sign in to DELTA" })).toBeVisible();
  await expect(page.getByLabel("Name")).toBeFocused();
  await page.keyboard.type(name);
  await page.keyboard.press("Tab");
  await page.keyboard.type("a boat on the quiet lake");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Partners" })).toBeVisible();

  await to(page, /^Skip to the content$/);
  await page.keyboard.press("Enter");
  await expect(page.locator("#main")).toBeFocused();

  await page.reload();
  await expect(page.getByRole("heading", { level: 1, name: "Partners" })).toBeVisible();
  await to(page, /^Members of the network$|^Our partners$|^Users$/);
  await to(page, /^Users$/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Users and API tokens" })).toBeFocused();

  await page.goBack();
  await expect(page.getByRole("heading", { level: 1, name: "Partners" })).toBeVisible();
  const table = page.getByRole("table", { name: "Our partners" });
  await expect(table.getByRole("row").nth(1)).toBeVisible({ timeout: 30_000 });
  const first = (await table.getByRole("row").nth(1).getByRole("link").first().textContent()) ?? "";
  await to(page, /^Find by name/);
  await page.keyboard.type(first);
  await expect(table.getByRole("row")).toHaveCount(2);
  await to(page, new RegExp(`^${first}$`));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: first })).toBeVisible();

  await to(page, /^Add a delegate$/);
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Add a delegate" });
  await expect(dialog).toBeVisible();
  await expect(dialog.getByLabel("Name")).toBeFocused();
  await accessible(page);
  // The focus stays in the dialog.
  for (let i = 0; i < 12; i++) {
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => Boolean(document.activeElement?.closest("[role=dialog]")))).toBe(true);
  }
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("button", { name: "Add a delegate" })).toBeFocused();
  await quiet(page);
});
