// Cell is what a table's column gives to an export.
export type Cell = string | number | boolean | null | undefined;

// csv writes rows by RFC 4180. What a spreadsheet would take for a formula gets an
// apostrophe in front: a partner's text is never to be computed.
export function csv(header: string[], rows: Cell[][]): string {
  return [header, ...rows].map((row) => row.map(field).join(",")).join("\r\n") + "\r\n";
}

function field(v: Cell): string {
  let text = v === null || v === undefined ? "" : String(v);
  if (typeof v === "string") text = harmless(text);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// harmless keeps a text from being a formula: also one that begins with what is not seen,
// or in the wide letters of East Asia. Numbers, negative ones too, are none.
export function harmless(text: string): string {
  return /^[\s\p{Cc}\p{Cf}]*[=+\-@＝＋－＠]|^[\t\r\n]/u.test(text) && !/^-?\d+(\.\d+)?$/.test(text) ? `'${text}` : text;
}

// download hands a file to the browser.
export function download(name: string, data: Blob) {
  const url = URL.createObjectURL(data);
  const a = document.createElement("a");
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
