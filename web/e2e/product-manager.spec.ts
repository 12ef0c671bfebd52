import writeExcel from "write-excel-file/node";

import { cell, choose, exported, table, whole } from "./read";
import { accessible, expect, quiet, test } from "./sandbox";

// On a machine that does much else at once a story takes longer.
const patience = Number(process.env.PATIENCE ?? 1);

test.use({ actionTimeout: 60_000 });

// Rates have nine places: they are compared in billionths.
const nano = (text: string) => {
  const m = /([−-]?)([\d,]+)(?:\.(\d{1,9}))?/.exec(text);
  if (!m) throw new Error(`no rate: ${text}`);
  const value = BigInt(m[2]!.replaceAll(",", "")) * 1_000_000_000n + BigInt((m[3] ?? "").padEnd(9, "0"));
  return m[1] ? -value : value;
};
const written = (v: bigint) => `${v / 1_000_000_000n}.${String(v % 1_000_000_000n).padStart(9, "0")}`;

test("a product manager imports a rate sheet, takes one back, and sees the margin", async ({ sandbox, browser }) => {
  test.setTimeout(240_000 * patience);
  const slow = { timeout: 60_000 };
  const alpha = await sandbox.as(browser, "ALPHA", "product-manager");
  const bravo = await sandbox.as(browser, "BRAVO", "product-manager");

  // The sheet by which BRAVO pays us now, as it is on the screen.
  await alpha.getByRole("link", { name: "Rate sheets" }).click();
  await choose(alpha, "Partner", "BRAVO");
  await choose(alpha, "Who pays", "we charge");
  const sheets = alpha.getByRole("table", { name: "Rate sheets" });
  const inForce = sheets.getByRole("row").filter({ hasText: "in force" }).last();
  await expect(inForce).toBeVisible(slow);
  await accessible(alpha);
  const rows = whole(await (await cell(sheets, inForce, "Rows")).innerText());
  await inForce.getByRole("link").click();
  await alpha.getByRole("tab", { name: "All rows" }).click();
  const former = new URL(alpha.url()).pathname;
  await expect(alpha.getByRole("table", { name: "All rows" }).getByRole("row").nth(1)).toBeVisible(slow);
  await accessible(alpha);
  const csv = table(await exported(alpha, "CSV"));
  expect(csv.length - 1).toBe(rows);
  const at = (name: string) => {
    const i = csv[0]!.indexOf(name);
    expect(i, name).toBeGreaterThanOrEqual(0);
    return i;
  };
  const [destination, code, rate, unit] = [at("Destination"), at("Code"), at("Rate"), at("Rating unit (s)")];

  // What we pay BRAVO and charge it now: the margin is the one less the other, for a minute.
  const margin = async (prefix: string) => {
    await alpha.goto(`/sheets/margin?partner=BRAVO&from=BRAVO&q=${prefix}`);
    const list = alpha.getByRole("table", { name: "Margin by destination" });
    const line = list.getByRole("row").filter({ has: alpha.getByText(prefix, { exact: true }) }).first();
    await expect(line).toBeVisible(slow);
    const read = async (header: string) => (await cell(list, line, header)).innerText();
    const minute = (text: string) => (nano(text) * 60n) / BigInt(whole(/\/ (\d+) s/.exec(text)?.[1] ?? "60"));
    const pays = minute(await read("we pay"));
    const charges = minute(await read("we charge"));
    const shown = nano(await read("Margin per minute"));
    expect(shown).toBe(charges - pays);
    return { pays, charges, shown };
  };
  // Two codes whose price by the minute has room for a change.
  const begins = new Date(Math.ceil((Date.now() + 45_000) / 15_000) * 15_000);
  const [since, until] = [at("Valid from"), at("Valid to")];
  const current = csv.slice(1).filter((r) => Date.parse(r[since]!) <= begins.getTime() && (!r[until] || Date.parse(r[until]!) > begins.getTime()));
  const codes = current.length.toLocaleString("en");
  const some = current.filter((r) => nano(r[rate]!) > 2_000_000n && r[unit] === "60");
  const [up, down] = [some[0]!, some.at(-1)!];
  const dearer = nano(up[rate]!) + 1_500_000n;
  const cheaper = nano(down[rate]!) - 500_000n;
  const before = await margin(up[code]!);
  await accessible(alpha);

  // A file as others make it: a title, other names, one bad row, prices of two codes changed,
  // in force in a moment.
  const file = current.map((r) => [r[destination]!, r[code]!, r === up ? written(dearer) : r === down ? written(cheaper) : r[rate]!, r[at("Currency")]!, r[unit]!, r[at("Minimum (s)")]!, r[at("Increment (s)")]!, begins.toISOString().replace(".000", "")]);
  const head = ["Zone", "Dial code", "Betrag", "Currency", "Unit", "Minimum", "Increment", "Effective date"];
  const xlsx = await writeExcel([["Rates for BRAVO"], head, ...file, ["Nowhere", "12x4", "0.01", "USD", "60", "1", "1", file[0]!.at(-1)!]].map((r) => r.map((value) => ({ value, type: String })))).toBuffer();
  await alpha.goto("/sheets?partner=BRAVO");
  await alpha.getByRole("button", { name: "Upload a rate sheet" }).click();
  await expect(alpha.getByRole("heading", { level: 1, name: "Upload a rate sheet" })).toBeVisible();
  await alpha.getByTestId("file").setInputFiles({ name: "rates for bravo.xlsx", mimeType: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", buffer: xlsx });
  const columns = alpha.getByRole("region", { name: "2. Columns" });
  await expect(columns.getByText("choose a column or a value")).toBeVisible(slow);
  await accessible(alpha);
  await choose(columns, "Rate", "Betrag");
  const preview = alpha.getByRole("region", { name: "3. What it changes" });
  await expect(preview.getByRole("status").first()).toContainText(`${(current.length + 1).toLocaleString("en")} rows read = ${codes} accepted + 1 rejected + 0 duplicate`, slow);
  const errors = preview.getByRole("table", { name: "Row errors" });
  await expect(errors.getByRole("row").nth(1)).toContainText("12x4");
  await preview.getByText(/^↑ dearer 1$/).click();
  const changes = preview.getByRole("table", { name: "Changes" });
  await expect(changes.getByRole("row")).toHaveCount(2);
  expect(nano(await (await cell(changes, changes.getByRole("row").nth(1), "Before")).innerText())).toBe(nano(up[rate]!));
  expect(nano(await (await cell(changes, changes.getByRole("row").nth(1), "After")).innerText())).toBe(dearer);
  await expect(preview.getByText(/^↓ cheaper 1$/)).toBeVisible();
  await expect(preview.getByText(/^− ends 0$/)).toBeVisible();
  await accessible(alpha);
  await preview.getByRole("button", { name: "Propose without the 1 rejected rows" }).click();
  await expect(alpha.getByText("The partner has to answer")).toBeVisible(slow);
  await accessible(alpha);
  const proposed = new URL(alpha.url()).pathname;
  const id = proposed.split("/").at(-1)!;

  // The notice comes in at BRAVO, who sees the same changes and accepts.
  await bravo.getByRole("link", { name: "Rate sheets" }).click();
  await choose(bravo, "Partner", "ALPHA");
  await choose(bravo, "Who pays", "we pay");
  await bravo.getByRole("link", { name: id }).click();
  await expect(bravo.getByText("ALPHA proposes these rates")).toBeVisible(slow);
  await expect(bravo.getByText(/^↑ dearer 1$/)).toBeVisible(slow);
  await expect(bravo.getByText(/^↓ cheaper 1$/)).toBeVisible();
  await accessible(bravo);
  await bravo.getByRole("button", { name: "Accept" }).click();
  await expect(bravo.getByText("The sheet is accepted.")).toBeVisible(slow);
  await expect(bravo.getByRole("button", { name: "Accept" })).toBeHidden();
  await expect(alpha.getByText("The partner has to answer")).toBeHidden(slow);

  // A wrong file goes out as well, and is taken back before BRAVO has answered.
  await alpha.goto("/sheets/upload?partner=BRAVO");
  const wrong = [head, ...file.map((r) => [...r.slice(0, 2), "9.99", ...r.slice(3)])].map((r) => r.join(";")).join("\n");
  await alpha.getByTestId("file").setInputFiles({ name: "wrong.csv", mimeType: "text/csv", buffer: Buffer.from(wrong) });
  await choose(columns, "Rate", "Betrag");
  await expect(preview.getByRole("status").first()).toContainText(`${codes} accepted + 0 rejected`, slow);
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  await preview.getByLabel(/^From \(day, UTC\)/).fill(tomorrow);
  await preview.getByRole("button", { name: "Propose", exact: true }).click();
  await expect(alpha.getByText("The partner has to answer")).toBeVisible(slow);
  const mistake = alpha.url().split("/").at(-1)!;
  await alpha.getByRole("button", { name: "Withdraw" }).click();
  const withdraw = alpha.getByRole("dialog", { name: "Withdraw" });
  await withdraw.getByLabel("Reason").fill("The wrong file.");
  await accessible(alpha);
  await withdraw.getByRole("button", { name: "Withdraw" }).click();
  await expect(withdraw).toBeHidden(slow);
  await expect(alpha.getByText("withdrawn", { exact: true })).toBeVisible(slow);
  await bravo.goto(`/sheets/ALPHA/${mistake}`);
  await expect(bravo.getByText("withdrawn", { exact: true })).toBeVisible(slow);
  await expect(bravo.getByText("The wrong file.")).toBeVisible();
  await expect(bravo.getByRole("button", { name: "Accept" })).toBeHidden();

  // The new rates are in force: the margin is what the file says.
  await expect(async () => {
    await alpha.goto(proposed);
    await expect(alpha.getByText("in force", { exact: true })).toBeVisible({ timeout: 2_000 });
  }).toPass({ timeout: 120_000 });
  const after = await margin(up[code]!);
  expect(after.charges).toBe(dearer);
  expect(after.pays).toBe(before.pays);
  expect(after.shown - before.shown).toBe(dearer - before.charges);

  // The way back: the former rates are proposed again, from tomorrow on.
  await alpha.goto(former);
  await alpha.getByRole("button", { name: "Propose these rates again" }).click();
  const again = alpha.getByRole("dialog", { name: "Propose these rates again" });
  await again.getByLabel(/^From \(day, UTC\)/).fill(tomorrow);
  await accessible(alpha);
  await again.getByRole("button", { name: "Propose", exact: true }).click();
  await expect(alpha.getByText("The partner has to answer")).toBeVisible(slow);
  await expect(alpha.getByText(/^↓ cheaper [1-9]/)).toBeVisible(slow);
  const back = alpha.url().split("/").at(-1)!;
  await bravo.goto(`/sheets/ALPHA/${back}`);
  await bravo.getByRole("button", { name: "Accept" }).click();
  await expect(bravo.getByText("The sheet is accepted.")).toBeVisible(slow);
  await expect(alpha.getByText("The partner has to answer")).toBeHidden(slow);
  await quiet(alpha);
  await quiet(bravo);
});
