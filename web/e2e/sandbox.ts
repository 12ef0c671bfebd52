import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

import AxeBuilder from "@axe-core/playwright";
import { type Browser, type BrowserContext, expect, type Page, test as base } from "@playwright/test";

// A role, or the second person of finance.
export type Role = "clerk" | "product-manager" | "engineer" | "finance" | "finance-2" | "auditor" | "administrator" | "subscriber";

interface Place {
  carrier: string;
  address: string;
  roles: Record<Role, string>;
}

// Sandbox is a network of its own that runs as long as one file's stories.
export class Sandbox {
  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    readonly places: Place[],
    readonly output: string[],
  ) {}

  // start starts the program that was built, and waits until everything is up.
  static async start(args: string[] = [], patience = 150_000): Promise<Sandbox> {
    const folder = mkdtempSync(join(tmpdir(), "lateral-e2e-"));
    const urls = join(folder, "urls.json");
    const binary = resolve(process.env.LATERAL ?? "../bin/lateral");
    const output: string[] = [];
    const child = spawn(binary, ["sandbox", "--listen", "127.0.0.1:0", "--urls", urls, "--out", join(folder, "network"), ...args], { stdio: ["ignore", "pipe", "pipe"] });
    for (const s of [child.stdout, child.stderr]) s?.on("data", (d: Buffer) => output.push(String(d)));
    let ended: string | undefined;
    child.on("exit", (code, signal) => (ended = `exit ${code ?? signal}`));
    child.on("error", (err) => (ended = String(err)));
    const until = Date.now() + patience;
    while (!existsSync(urls)) {
      if (ended) throw new Error(`the sandbox did not start (${ended}):\n${output.join("")}`);
      if (Date.now() > until) {
        child.kill("SIGKILL");
        throw new Error(`the sandbox is not up after ${patience / 1000} s:\n${output.join("")}`);
      }
      await new Promise((r) => setTimeout(r, 200));
    }
    return new Sandbox(child, folder, JSON.parse(readFileSync(urls, "utf8")) as Place[], output);
  }

  async stop() {
    const gone = new Promise((r) => this.child.on("exit", r));
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill("SIGINT");
      const timer = setTimeout(() => this.child.kill("SIGKILL"), 20_000);
      await gone;
      clearTimeout(timer);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  // command runs the program with some arguments, for what is not a story's subject, and
  // gives what it prints.
  async command(...args: string[]): Promise<string> {
    return (await promisify(execFile)(resolve(process.env.LATERAL ?? "../bin/lateral"), args, { timeout: 60_000 })).stdout;
  }

  // node is the folder of a carrier's node, as the program's --node takes it.
  node(carrier: string): string {
    return join(this.folder, "network", carrier);
  }

  // buys has ALPHA buy a line to Milan of BRAVO, which buys of CHARLIE what it is made of and
  // owes it that over a bank.
  async buys() {
    const offer = JSON.parse(await this.command("inquire", "--node", this.node("ALPHA"), "--role", "product-manager", "--per", "1d", "--yes", "--json", "100 Mbit/s Hong Kong to Milan now without end, under 180 ms")) as { best: { quote: string } };
    await this.command("service", "order", offer.best.quote, "--node", this.node("ALPHA"));
  }

  place(carrier: string): Place {
    const p = this.places.find((x) => x.carrier === carrier);
    if (!p) throw new Error(`the sandbox has no ${carrier}`);
    return p;
  }

  // by opens a page by a link that signs somebody in, once.
  static async by(browser: Browser, link: string): Promise<Page> {
    const context = await browser.newContext({ baseURL: new URL(link).origin });
    const page = await context.newPage();
    watch(page);
    await page.goto(link);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page).not.toHaveURL(/sign-in/);
    return page;
  }

  private readonly contexts = new Map<string, BrowserContext>();

  // as gives a page of a carrier's person. A link signs in once: the second page of the
  // same person is in the same context.
  async as(browser: Browser, carrier: string, role: Role, options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> {
    const key = `${carrier}/${role}`;
    let context = this.contexts.get(key);
    if (!context) {
      context = await browser.newContext({ baseURL: this.place(carrier).address, ...options });
      this.contexts.set(key, context);
      lasting.add(context);
      const page = await context.newPage();
      watch(page);
      await page.goto(this.place(carrier).roles[role]);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await expect(page).not.toHaveURL(/sign-in/);
      return page;
    }
    const page = await context.newPage();
    watch(page);
    await page.goto("/");
    return page;
  }
}

// lasting are the contexts that outlive a story: a link signs in once.
const lasting = new WeakSet<BrowserContext>();

const complaints = new WeakMap<Page, string[]>();

// watch notes what the browser complains about: a script that broke, a policy that was
// violated.
function watch(page: Page) {
  const said: string[] = [];
  complaints.set(page, said);
  page.on("pageerror", (err) => said.push(`page error: ${err.message}`));
  page.on("console", (m) => {
    if (m.type() === "error" && /Content Security Policy|Refused|Uncaught|Warning: /.test(m.text())) said.push(m.text());
  });
}

export const quiet = (page: Page) => expect(complaints.get(page) ?? [], "complaints of the browser").toEqual([]);

// accessible finds what breaks WCAG 2.2 AA on a page as it is now.
export async function accessible(page: Page) {
  // Colours are measured when nothing fades any more: on a busy machine a dialog may begin to
  // go late. What turns for ever is no fading, and what is live may move all the time: after 3 s
  // colours are measured as they are.
  await page.waitForTimeout(350);
  await page.waitForFunction(() => document.getAnimations().every((a) => a.playState !== "running" || a.effect?.getComputedTiming().iterations === Infinity), undefined, { timeout: 3_000 }).catch(() => {});
  const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]).analyze();
  expect(violations.map((v) => `${v.id} (${v.impact}): ${v.nodes.map((n) => `${n.target.join(" ")}: ${n.failureSummary ?? ""}`).join("; ")}`), page.url()).toEqual([]);
}

export const test = base.extend<{ leaving: void }, { sandbox: Sandbox }>({
  // A page that is left open goes on drawing what is live, beside the stories after it.
  leaving: [
    async ({ browser }, use) => {
      await use();
      for (const c of browser.contexts()) await (lasting.has(c) ? Promise.all(c.pages().map((p) => p.close())) : c.close());
    },
    { auto: true },
  ],
  sandbox: [
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      const s = await Sandbox.start(process.env.LATERAL_SANDBOX?.split(" ") ?? []);
      await use(s);
      await s.stop();
    },
    { scope: "worker", timeout: 200_000 },
  ],
});

export { expect };
