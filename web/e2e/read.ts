import { expect, type Locator, type Page } from "@playwright/test";

// How a story reads what a page shows.

// micro reads an amount as a page shows it ("−1,234.50 USD") in millionths.
export function micro(text: string): bigint {
  const m = /([−-]?)([\d,]+)(?:\.(\d{1,6}))?/.exec(text);
  if (!m) throw new Error(`no amount: ${text}`);
  const value = BigInt(m[2]!.replaceAll(",", "")) * 1_000_000n + BigInt((m[3] ?? "").padEnd(6, "0"));
  return m[1] ? -value : value;
}

// whole reads a whole number as a page shows it.
export const whole = (text: string) => Number(text.replaceAll(/[^\d]/g, ""));

// choose takes an option of a select.
export async function choose(within: Page | Locator, label: string, option: string | RegExp) {
  const page = "page" in within ? within.page() : within;
  await within.getByRole("combobox", { name: label, exact: true }).or(within.getByRole("textbox", { name: label, exact: true })).first().click();
  await page.getByRole("option", { name: option, exact: typeof option === "string" }).click();
}

// cell gives a row's cell under a header.
export async function cell(table: Locator, row: Locator, header: string): Promise<Locator> {
  const heads = await table.getByRole("columnheader").allInnerTexts();
  const at = heads.findIndex((h) => h.trim() === header);
  expect(at, `column ${header} among ${heads.join(", ")}`).toBeGreaterThanOrEqual(0);
  return row.locator('[role="cell"],td,th').nth(at);
}

// shown gives how many rows a list says that it has.
export async function shown(within: Page | Locator): Promise<number> {
  const text = await within.getByText(/^[\d,]+ (of [\d,]+ )?rows?$/).first().innerText();
  return whole(/of ([\d,]+)/.exec(text)?.[1] ?? text);
}

// exported asks a list for a file and gives its bytes.
export async function exported(page: Page, kind: "CSV" | "XLSX"): Promise<Buffer> {
  const coming = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export" }).first().click();
  await page.getByRole("menuitem", { name: kind }).click();
  const file = await coming;
  expect(file.suggestedFilename()).toMatch(new RegExp(`\\.${kind.toLowerCase()}$`));
  const parts: Buffer[] = [];
  for await (const part of await file.createReadStream()) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

// table reads a CSV file as the portal writes it.
export function table(csv: Buffer): string[][] {
  return csv
    .toString("utf8")
    .trim()
    .split("\r\n")
    .map((line) => [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map((m) => (m[1] === undefined ? (m[2] ?? "") : m[1].replaceAll('""', '"'))));
}
