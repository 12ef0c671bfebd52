/// <reference lib="webworker" />
import { counts, diff, first, margins, type Change, type Margin } from "./diff";
import { guess, own, ownRows, Reader, type Count, type Mapping, type Row, type RowError } from "./mapping";
import type { Kind } from "./search";
import { decode, headed, readCSV, type Raw, type Table } from "./table";

// The worker holds a file, and does with it what would hold up the page.

export type Ask =
  | { do: "open"; file: File }
  | { do: "read"; mapping: Mapping; before: string | undefined } // before: the sheet in force, in our own form
  | { do: "own"; text: string }
  | { do: "diff"; before: string; after: string; at: string }
  | { do: "margins"; pay: string; charge: string; at: string };

export interface Opened {
  header: string[];
  head: string[][]; // the first rows as texts
  rows: number;
  mapping: Mapping;
}

export interface Read {
  count: Count;
  errors: RowError[]; // the first of them
  changes: Change[];
  kinds: Record<Kind, number>;
  codes: number;
  from: string; // when the first row begins
  text: string; // in our own form
}

// What the page asked, by the answer that it gets.
export interface Answers {
  open: Opened;
  read: Read;
  own: Row[];
  diff: { changes: Change[]; kinds: Record<Kind, number> };
  margins: Margin[];
}

const maxErrors = 5_000;
const slice = 5_000;

let table: Table = { header: [], rows: [] };

async function open(file: File): Promise<Opened> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) {
    const { readSheet } = await import("read-excel-file/web-worker");
    const data = (await readSheet(file)) as Raw[][];
    table = headed(data.map((cells, i) => ({ line: i + 1, cells })).filter((r) => r.cells.some((c) => c !== null && c !== "")));
  } else {
    table = readCSV(decode(bytes));
  }
  const text = (v: Raw | undefined) => (v === null || v === undefined ? "" : v instanceof Date ? v.toISOString() : String(v)).slice(0, 60);
  return { header: table.header, head: table.rows.slice(0, 5).map((r) => table.header.map((_, i) => text(r.cells[i]))), rows: table.rows.length, mapping: guess(table) };
}

async function answer(ask: Ask, progress: (share: number) => void): Promise<Answers[Ask["do"]]> {
  switch (ask.do) {
    case "open":
      return open(ask.file);
    case "read": {
      const reader = new Reader(ask.mapping);
      for (let i = 0; i < table.rows.length; i += slice) {
        reader.read(table.rows.slice(i, i + slice));
        progress(Math.min(1, (i + slice) / table.rows.length));
      }
      const { rows, errors, count } = reader.sheet;
      const from = first(rows);
      const changes = diff(ask.before ? ownRows(readCSV(ask.before, ",")) : [], rows, from || new Date().toISOString());
      return { count, errors: errors.slice(0, maxErrors), changes, kinds: counts(changes), codes: rows.length, from, text: own(rows) };
    }
    case "own":
      return ownRows(readCSV(ask.text, ","));
    case "diff": {
      const changes = diff(ask.before ? ownRows(readCSV(ask.before, ",")) : [], ownRows(readCSV(ask.after, ",")), ask.at);
      return { changes, kinds: counts(changes) };
    }
    case "margins":
      return margins(ownRows(readCSV(ask.pay, ",")), ownRows(readCSV(ask.charge, ",")), ask.at);
  }
}

self.onmessage = async ({ data: { id, ask } }: MessageEvent<{ id: number; ask: Ask }>) => {
  try {
    const value = await answer(ask, (share) => self.postMessage({ id, share }));
    self.postMessage({ id, value });
  } catch (err) {
    self.postMessage({ id, error: err instanceof Error ? err.message : String(err) });
  }
};
