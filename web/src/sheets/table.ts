// What a file holds before anybody has said which column is what.

export type Raw = string | number | boolean | Date | null;

export interface Table {
  header: string[];
  rows: { line: number; cells: Raw[] }[]; // line as in the file, from 1
}

// separatorOf guesses what stands between the columns of a CSV file.
export function separatorOf(text: string): string {
  const first = text.slice(0, 10_000).split(/\r?\n/).find((l) => l.trim()) ?? "";
  let best = ",";
  let most = -1;
  for (const s of [",", ";", "\t", "|"]) {
    const n = first.split(s).length;
    if (n > most) [best, most] = [s, n];
  }
  return best;
}

// decode reads the bytes of a CSV file: UTF-8 or UTF-16 by its mark, and windows-1252
// where they are no UTF-8.
export function decode(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

// readCSV reads RFC 4180 with any separator. Rows in which nothing stands are passed over.
export function readCSV(text: string, separator = separatorOf(text)): Table {
  const rows: Table["rows"] = [];
  let cells: string[] = [];
  let field = "";
  let quoted = false;
  let line = 1;
  let start = 1;
  const endRow = () => {
    cells.push(field);
    field = "";
    if (cells.some((c) => c.trim() !== "")) rows.push({ line: start, cells });
    cells = [];
  };
  let i = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  for (; i < text.length; i++) {
    const c = text[i]!;
    if (quoted) {
      if (c === '"') {
        if (text[i + 1] === '"') {
          field += '"';
          i++;
        } else quoted = false;
      } else {
        if (c === "\n") line++;
        field += c;
      }
    } else if (c === '"' && field === "") quoted = true;
    else if (c === separator) {
      cells.push(field);
      field = "";
    } else if (c === "\n" || c === "\r") {
      if (c === "\r" && text[i + 1] === "\n") i++;
      endRow();
      line++;
      start = line;
    } else field += c;
  }
  if (field !== "" || cells.length) endRow();
  return headed(rows);
}

// headed takes the first row with at least two texts for the header: what stands before
// it is a title.
export function headed(rows: Table["rows"]): Table {
  const at = rows.findIndex((r) => r.cells.filter((c) => typeof c === "string" && c.trim() !== "").length >= 2);
  if (at < 0) return { header: [], rows: [] };
  return { header: rows[at]!.cells.map((c) => (c === null ? "" : String(c).trim())), rows: rows.slice(at + 1) };
}
