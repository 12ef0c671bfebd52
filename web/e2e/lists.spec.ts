import { accessible, expect, quiet, test } from "./sandbox";

// Periods of the sandbox come every 15 seconds, the latest at the top.
test("a list that grows at its top keeps in place what one reads", async ({ sandbox, browser }) => {
  test.setTimeout(600_000);
  const page = await sandbox.as(browser, "ALPHA", "clerk");
  await page.setViewportSize({ width: 1280, height: 600 });
  await page.goto("/periods?partner=BRAVO");
  const list = page.getByRole("region", { name: "Periods" });
  const whole = async () => ((await list.count()) ? Number(await list.getByRole("table").getAttribute("aria-rowcount")) : 0); // there is none at first
  await expect.poll(whole, { timeout: 400_000, intervals: [2_000] }).toBeGreaterThan(20);
  await accessible(page);
  const top = () => list.getByRole("row").nth(1).getByRole("link").first().getAttribute("href");
  const newest = await top();
  await list.hover();
  await page.mouse.wheel(0, 420);
  await expect.poll(() => list.evaluate((e) => e.scrollTop)).toBeGreaterThan(300);
  // The first row that begins below the head of the table.
  const seen = () =>
    list.evaluate((e) => {
      const from = e.getBoundingClientRect().top + 44;
      const row = [...e.querySelectorAll(".body [role=row]")].map((r) => ({ at: r.getBoundingClientRect().top - from, to: r.querySelector("a")?.getAttribute("href") })).find((r) => r.at >= 0);
      return row && `${row.to} at ${Math.round(row.at)}`;
    });
  await page.waitForTimeout(500);
  const before = await seen();
  const count = await whole();
  await expect.poll(whole, { timeout: 60_000 }).toBeGreaterThan(count);
  await page.waitForTimeout(500);
  expect(await seen()).toBe(before);
  // At the top one sees what has come.
  await list.evaluate((e) => (e.scrollTop = 0));
  await expect.poll(top).not.toBe(newest);
  await quiet(page);
});
