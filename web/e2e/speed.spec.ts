import { loadavg } from "node:os";

import type { Browser, Page } from "@playwright/test";

import { expect, quiet, Sandbox, test as base } from "./sandbox";

// Measured on the sandbox with a million calls loaded: when a page first shows something,
// when its data is there, and how long a click, a key and a turn of the wheel take until
// the next picture. Nothing fails here for being slow: the figures go to docs/benchmarks.md.
const calls = process.env.LATERAL_CALLS ?? "1000000";

const test = base.extend<object, { loaded: Sandbox }>({
  loaded: [
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      const s = await Sandbox.start(["--load", calls], 900_000);
      await use(s);
      await s.stop();
    },
    { scope: "worker", timeout: 1_000_000 },
  ],
});

// cleared waits until both nodes have rated and compared what was loaded: what is measured
// is a carrier at work, not one that takes a million calls in.
async function cleared(page: Page) {
  await expect
    .poll(
      () =>
        page.evaluate(async () => {
          const open = async (state: string) => ((await (await fetch(`/v1/bilaterals/BRAVO/periods?limit=1000&state=${state}`)).json()) as { items: unknown[] }).items.length;
          const { opened, states } = (await (await fetch("/v1/bilaterals/BRAVO/dispute-counts")).json()) as { opened: number; states: Record<string, number> };
          return opened === 0 ? Infinity : (await open("requested")) + (await open("stated")) + (states.awaiting ?? 0);
        }),
      { timeout: 1_200_000, intervals: [5_000] },
    )
    .toBeLessThan(5);
  for (let i = 0; i < 60 && loadavg()[0]! > 1.5; i++) await page.waitForTimeout(5_000);
}

interface Measured {
  __events: { name: string; ms: number; on: string }[];
  __frames: number[];
}

const pages: [name: string, path: string][] = [
  ["today", "/"],
  ["periods", "/periods"],
  ["invoices", "/invoices"],
  ["disputes", "/disputes"],
  ["usage: archive", "/usage?partner=BRAVO&tab=archive"],
  ["usage: summary", "/usage?partner=BRAVO&tab=summary"],
  ["agreements", "/agreements"],
  ["services", "/services"],
  ["balances", "/balances"],
  ["statements", "/statements"],
  ["log", "/trust/log"],
];

test.use({ trace: "off" }); // it draws, too

const say = (s: string) => console.log(s);

// measured gives a clerk's page that notes its times.
async function measured(loaded: Sandbox, browser: Browser): Promise<Page> {
  const page = await loaded.as(browser, "ALPHA", "clerk");
  await page.addInitScript(() => {
    const w = window as unknown as Measured;
    w.__events = [];
    new MutationObserver((_, o) => {
      if (!document.querySelector("h1")) return;
      performance.mark("title");
      o.disconnect();
    }).observe(document, { childList: true, subtree: true });
    new PerformanceObserver((list) => {
      for (const e of list.getEntries() as (PerformanceEventTiming & { interactionId?: number })[]) if (e.interactionId) w.__events.push({ name: e.name, ms: e.duration, on: (e.target as Element | null)?.tagName ?? "" });
    }).observe({ type: "event", durationThreshold: 16, buffered: true } as PerformanceObserverInit);
  });
  await cleared(page);
  say(`the load of the machine before: ${loadavg()[0]!.toFixed(2)}`);
  return page;
}

test.describe("@speed", () => {
  test.setTimeout(2_400_000);

  test("pages of a carrier with a million calls come", async ({ loaded, browser }) => {
    const page = await measured(loaded, browser);
    say("page | first paint ms | its title ms | with its data ms | request that took longest");
    for (const [name, path] of pages) {
      const paints: number[] = [];
      const titles: number[] = [];
      const whole: number[] = [];
      let slow = { url: "", ms: 0 };
      for (let i = 0; i < 5; i++) {
        await page.goto(path);
        await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
        titles.push(await page.evaluate(() => performance.getEntriesByName("title")[0]?.startTime ?? 0));
        await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0, { timeout: 120_000 });
        await expect(page.locator("[aria-busy=true]")).toHaveCount(0, { timeout: 120_000 });
        whole.push(await page.evaluate(() => performance.now()));
        const m = await page.evaluate(() => ({
          paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
          slow: performance
            .getEntriesByType("resource")
            .filter((r) => (r as PerformanceResourceTiming).initiatorType === "fetch" && !/\/events/.test(r.name))
            .map((r) => ({ url: r.name, ms: r.duration }))
            .reduce((a, b) => (b.ms > a.ms ? b : a), { url: "", ms: 0 }),
        }));
        paints.push(m.paint);
        if (m.slow.ms > slow.ms) slow = m.slow;
      }
      const median = (v: number[]) => Math.round([...v].sort((a, b) => a - b)[v.length >> 1]!);
      say(`${name} | ${median(paints)} (worst ${Math.round(Math.max(...paints))}) | ${median(titles)} | ${median(whole)} | ${slow.url.replace(/^https?:\/\/[^/]+/, "")} ${Math.round(slow.ms)}`);
    }
    await quiet(page);
  });

  test("what a clerk does on them is answered, and they scroll", async ({ loaded, browser }) => {
    const page = await measured(loaded, browser);
    // Event timing tells of each step by mouse and keys how long until the next picture.
    const spent: { what: string; ms: number }[] = [];
    const note = async (what: string, act: () => Promise<unknown>) => {
      await page.evaluate(() => ((window as unknown as Measured).__events.length = 0));
      await act();
      await page.waitForTimeout(400);
      const worst = await page.evaluate(() => Math.max(0, ...(window as unknown as Measured).__events.map((e) => e.ms)));
      spent.push({ what, ms: worst });
    };
    await page.goto("/disputes");
    const table = page.getByRole("table", { name: "Disputes" });
    const row = table.getByRole("row").nth(2);
    await expect(row).toBeVisible();
    await note("choose a row", () => row.getByRole("checkbox").click());
    await note("choose all rows", () => table.getByRole("checkbox").first().click());
    await note("open the partner filter", () => page.getByRole("combobox", { name: "Partner" }).or(page.getByRole("textbox", { name: "Partner" })).first().click());
    await note("close it by a key", () => page.keyboard.press("Escape"));
    await note("type a letter into a filter", () => page.getByRole("textbox", { name: "Assigned to" }).pressSequentially("m"));
    await note("take it out again", () => page.keyboard.press("Backspace"));
    await expect(row).toBeVisible();
    await note("open a dispute", () => row.getByRole("link").first().click());
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await note("menu: periods", () => page.getByRole("link", { name: "Periods", exact: true }).first().click());
    await note("open a period", () => page.getByRole("table", { name: "Periods" }).getByRole("row").nth(3).getByRole("link").first().click());
    await note("menu: invoices", () => page.getByRole("link", { name: "Invoices", exact: true }).first().click());
    await note("open an invoice", () => page.getByRole("table", { name: "Invoices" }).getByRole("row").nth(3).getByRole("link").first().click());
    await note("menu: today", () => page.getByRole("link", { name: "Today", exact: true }).first().click());
    await note("menu: disputes", () => page.getByRole("link", { name: "Disputes", exact: true }).first().click());
    await note("change the scheme", () => page.getByRole("button", { name: /dark|light/i }).first().click());
    say("interaction | until the next picture, worst of its events, ms (8 ms steps; below 16 counts as 0)");
    for (const s of spent) say(`${s.what} | ${s.ms}`);

    // A turn of the wheel through a long list: how long no new picture came.
    await page.goto("/periods");
    const list = page.getByRole("region", { name: "Periods" });
    await expect(list.getByRole("row").nth(10)).toBeVisible();
    await list.hover();
    await page.evaluate(() => {
      const w = window as unknown as Measured;
      w.__frames = [];
      let last = performance.now();
      const tick = (now: number) => {
        w.__frames.push(now - last);
        last = now;
        requestAnimationFrame(tick);
      };
      requestAnimationFrame(tick);
    });
    for (let i = 0; i < 60; i++) {
      await page.mouse.wheel(0, 600);
      await page.waitForTimeout(30);
    }
    const frames = await page.evaluate(() => (window as unknown as Measured).__frames.sort((a, b) => a - b));
    say(`scrolling 36,000 pixels of periods: ${frames.length} pictures, median ${Math.round(frames[frames.length >> 1]!)} ms apart, 99 % within ${Math.round(frames[Math.floor(frames.length * 0.99)]!)} ms, longest ${Math.round(frames.at(-1)!)} ms`);
    await quiet(page);
  });
});
