import { nano, rate } from "./rates";
import type { Raw, Table } from "./table";

// fields are those of Lateral's own form of a rate sheet, in its order.
export const fields = ["destination", "prefix", "rate", "currency", "unit_seconds", "minimum_seconds", "increment_seconds", "valid_from", "valid_to"] as const;
// extra are read as well: the country code stands before each code, increments are
// minimum/increment like 30/6.
export const extra = ["connect_fee", "origin_prefix", "blocked", "country_code", "increments"] as const;

export type Field = (typeof fields)[number] | (typeof extra)[number];

export interface Mapping {
  columns: Partial<Record<Field, number>>; // of the header, from 0
  constants: Partial<Record<Field, string>>;
  decimal: "." | ",";
  dates: "iso" | "dmy" | "mdy";
}

// Names by which other carriers' sheets call their columns, after letters are made small
// and everything else is left out.
const names: Record<Field, string[]> = {
  destination: ["destination", "destinationname", "zone", "zonename", "area", "breakout", "name", "description", "ziel", "route", "country", "land", "pays", "libelle"],
  prefix: ["prefix", "code", "dialcode", "dialedcode", "dialingcode", "areacode", "codes", "vorwahl", "breakoutcode", "digits", "indicatif", "prefixe"],
  rate: ["rate", "price", "newrate", "rateminute", "ratepermin", "ratemin", "priceminute", "pricepermin", "pricemin", "currentrate", "tarif", "preis", "prix", "cost"],
  currency: ["currency", "curr", "ccy", "wahrung", "waehrung", "devise"],
  unit_seconds: ["unitseconds", "unit", "rateunit"],
  minimum_seconds: ["minimumseconds", "minimum", "minimal", "minduration", "initialincrement", "firstincrement", "mindur", "interval1", "intervall1", "minimumduration"],
  increment_seconds: ["incrementseconds", "increment", "nextincrement", "intervaln", "subsequentincrement", "step", "takt", "billingincrement"],
  valid_from: ["validfrom", "effectivedate", "effective", "effectivefrom", "startdate", "from", "begin", "gultigab", "gueltigab", "date", "valablea", "debut"],
  valid_to: ["validto", "enddate", "expires", "expiry", "expirydate", "until", "to", "gultigbis", "gueltigbis", "effectiveto", "fin"],
  connect_fee: ["connectfee", "connectionfee", "setupfee", "callsetup"],
  origin_prefix: ["originprefix", "origin", "origincode", "originationcode", "cliprefix"],
  blocked: ["blocked", "status", "block"],
  country_code: ["countrycode", "cc", "ctrycode"],
  increments: ["increments", "billingincrements", "billing", "rounding", "interval", "intervals", "billingterms"],
};

const plain = (s: string) =>
  s
    .normalize("NFD")
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "");

// guess says which column is what, by the header and the first rows.
export function guess(table: Table, now = new Date()): Mapping {
  const columns: Mapping["columns"] = {};
  const taken = new Set<number>();
  const header = table.header.map(plain);
  for (const field of [...fields, ...extra]) {
    const at = names[field].map((n) => header.findIndex((h, i) => h === n && !taken.has(i))).find((i) => i >= 0);
    if (at === undefined) continue;
    columns[field] = at;
    taken.add(at);
  }
  // What begins with such a name and a remark in brackets or a currency: "Rate (EUR/min)".
  for (const field of ["rate", "prefix", "destination", "valid_from"] as const) {
    if (columns[field] !== undefined) continue;
    const at = header.findIndex((h, i) => !taken.has(i) && names[field].some((n) => n.length > 3 && h.includes(n)));
    if (at < 0) continue;
    columns[field] = at;
    taken.add(at);
  }
  const sample = (f: Field) => {
    const at = columns[f];
    return at === undefined ? [] : table.rows.slice(0, 200).map((r) => r.cells[at]);
  };
  const texts = (f: Field) => sample(f).filter((v): v is string => typeof v === "string").map((v) => v.trim());
  const decimal = texts("rate").some((v) => /^\d+,\d+$/.test(v)) && !texts("rate").some((v) => /^\d+\.\d+$/.test(v)) ? "," : ".";
  const dated = texts("valid_from").map((v) => /^(\d{1,2})[./-](\d{1,2})[./-]\d{4}/.exec(v)).filter((m) => m !== null);
  const dates = !dated.length ? "iso" : dated.some((m) => Number(m[2]) > 12) ? "mdy" : "dmy";
  const constants: Mapping["constants"] = {};
  const spoken = table.header.map((h) => /\b(EUR|USD|GBP|CHF|JPY|AUD|CAD|SGD)\b/.exec(h)?.[1]).find(Boolean);
  if (columns.currency === undefined) constants.currency = spoken ?? "";
  if (columns.unit_seconds === undefined) constants.unit_seconds = "60";
  if (columns.increments === undefined) {
    if (columns.minimum_seconds === undefined) constants.minimum_seconds = "1";
    if (columns.increment_seconds === undefined) constants.increment_seconds = "1";
  }
  if (columns.valid_from === undefined) {
    const next = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1));
    constants.valid_from = next.toISOString().replace(".000", "");
  }
  return { columns, constants, decimal, dates };
}

// missing lists the fields that must be said and are not.
export function missing(m: Mapping): Field[] {
  const said = (f: Field) => m.columns[f] !== undefined || Boolean(m.constants[f]);
  return fields.filter((f) => f !== "valid_to" && !said(f) && !((f === "minimum_seconds" || f === "increment_seconds") && said("increments")));
}

export interface Row {
  line: number; // of the file; 0: of a sheet in Lateral's own form
  destination: string;
  prefix: string;
  rate: string; // nine places
  currency: string;
  unit_seconds: number;
  minimum_seconds: number;
  increment_seconds: number;
  valid_from: string;
  valid_to: string; // empty: open
  connect_fee: string; // empty: none
  origin_prefix: string;
  blocked: boolean;
  band: string; // when in the week it holds, as the file has it; empty: always
}

export interface RowError {
  line: number;
  field: Field | "row";
  problem: "missing" | "number" | "prefix" | "seconds" | "time" | "currency" | "order" | "too-many";
  value: string;
}

export interface Count {
  read: number; // rows of the file
  accepted: number;
  rejected: number;
  duplicate: number;
}

export interface Sheet {
  rows: Row[]; // more than accepted where a row names several codes
  errors: RowError[];
  count: Count;
}

const maxCodes = 100_000;

// codes reads one prefix, a list, or ranges: "49,151-159", "151-9".
export function codes(text: string, country: string): string[] | undefined {
  const out: string[] = [];
  for (const part of text.split(/[,;\s]+/)) {
    if (!part) continue;
    const m = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(part);
    if (!m) return undefined;
    const from = m[1]!;
    if (m[2] === undefined) {
      out.push(country + from);
      continue;
    }
    const to = m[2].length < from.length ? from.slice(0, from.length - m[2].length) + m[2] : m[2];
    if (to.length !== from.length || to < from) return undefined;
    const first = BigInt(from);
    const count = BigInt(to) - first;
    if (count >= BigInt(maxCodes)) return undefined;
    for (let i = 0n; i <= count; i++) out.push(country + String(first + i).padStart(from.length, "0"));
  }
  return out.length > 0 && out.length <= maxCodes ? out : undefined;
}

// moment reads a date or time to RFC 3339 in UTC; undefined for what is none.
export function moment(v: Raw, dates: Mapping["dates"]): string | undefined {
  const stamp = (d: Date) => (Number.isNaN(d.getTime()) ? undefined : d.toISOString().replace(".000Z", "Z"));
  if (v instanceof Date) return stamp(v);
  const text = String(v ?? "").trim();
  const iso = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?)?$/.exec(text);
  if (iso) {
    const [, y, mo, d, h = "00", mi = "00", s = "00", ms = "", z = "Z"] = iso;
    return real(+y!, +mo!, +d!) ? stamp(new Date(`${y}-${mo}-${d}T${h}:${mi}:${s}${ms}${z}`)) : undefined;
  }
  const m = /^(\d{1,2})[./-](\d{1,2})[./-](\d{4})(?: (\d{2}):(\d{2})(?::(\d{2}))?)?$/.exec(text);
  if (!m || dates === "iso") return undefined;
  const [day, month] = dates === "mdy" ? [+m[2]!, +m[1]!] : [+m[1]!, +m[2]!];
  if (!real(+m[3]!, month, day)) return undefined;
  return stamp(new Date(Date.UTC(+m[3]!, month - 1, day, +(m[4] ?? 0), +(m[5] ?? 0), +(m[6] ?? 0))));
}

function real(year: number, month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

// decimalOf reads a number as it stands; one that a spreadsheet keeps is written with
// nine places first.
function decimalOf(v: Raw, decimal: Mapping["decimal"]): bigint | undefined {
  if (typeof v === "number") return v >= 0 && v < 1e9 ? nano(v.toFixed(9)) : undefined;
  const text = String(v ?? "").trim();
  if (decimal === ",") return text.includes(".") ? undefined : nano(text.replace(",", "."));
  return nano(text);
}

// Reader reads the rows of a table by a mapping, some at a time: a long file does not
// hold up the page.
export class Reader {
  readonly sheet: Sheet = { rows: [], errors: [], count: { read: 0, accepted: 0, rejected: 0, duplicate: 0 } };
  private readonly seen = new Map<string, string>();
  private readonly moments = new Map<string, string | undefined>(); // most rows have the same

  constructor(private readonly mapping: Mapping) {}

  read(rows: Table["rows"]) {
    for (const r of rows) this.one(r.line, r.cells);
  }

  private one(line: number, cells: Raw[]) {
    const { columns, constants, decimal, dates } = this.mapping;
    const { sheet, seen } = this;
    sheet.count.read++;
    const errors: RowError[] = [];
    const raw = (f: Field): Raw => {
      const at = columns[f];
      const v = at === undefined ? undefined : cells[at];
      return v === undefined || v === null || v === "" ? (constants[f] ?? null) : v;
    };
    const text = (f: Field) => {
      const v = raw(f);
      return v === null ? "" : v instanceof Date ? v.toISOString() : String(v).trim();
    };
    const bad = (field: RowError["field"], problem: RowError["problem"], value: string) => void errors.push({ line, field, problem, value: value.slice(0, 80) });

    const destination = text("destination");
    if (!destination) bad("destination", "missing", "");
    const country = text("country_code");
    const listed = codes(text("prefix"), country);
    if (!text("prefix")) bad("prefix", "missing", "");
    else if (!listed) bad("prefix", "prefix", text("prefix"));
    else if (!listed.every((c) => /^[1-9]\d{0,14}$/.test(c))) bad("prefix", "prefix", listed.find((c) => !/^[1-9]\d{0,14}$/.test(c)) ?? "");
    const blocked = /^(yes|y|true|blocked|block|1)$/i.test(text("blocked")) || /^(blocked|block|n\/a)$/i.test(text("rate"));
    const price = blocked ? 0n : decimalOf(raw("rate"), decimal);
    if (price === undefined) bad("rate", text("rate") ? "number" : "missing", text("rate"));
    const currency = text("currency").toUpperCase();
    if (!/^[A-Z]{3}$/.test(currency)) bad("currency", currency ? "currency" : "missing", currency);
    const steps = /^(\d+)\s*\/\s*(\d+)(?:\s*\/\s*(\d+))?$/.exec(text("increments"));
    if (text("increments") && !steps) bad("increments", "seconds", text("increments"));
    const seconds = (f: "unit_seconds" | "minimum_seconds" | "increment_seconds", given: string | undefined, least: number) => {
      const t = given ?? text(f);
      if (!/^\d{1,6}$/.test(t) || +t < least || +t > 86_400) bad(f, t ? "seconds" : "missing", t);
      return +t;
    };
    const unit = seconds("unit_seconds", undefined, 1);
    const minimum = seconds("minimum_seconds", steps?.[1], 0);
    const increment = seconds("increment_seconds", steps ? (steps[3] ?? steps[2]) : undefined, 1);
    const when = (v: Raw) => {
      if (typeof v !== "string") return moment(v, dates);
      if (!this.moments.has(v)) this.moments.set(v, moment(v, dates));
      return this.moments.get(v);
    };
    const from = when(raw("valid_from"));
    if (!from) bad("valid_from", text("valid_from") ? "time" : "missing", text("valid_from"));
    const to = text("valid_to") ? when(raw("valid_to")) : "";
    if (to === undefined) bad("valid_to", "time", text("valid_to"));
    if (from && to && to <= from) bad("valid_to", "order", to);
    const fee = text("connect_fee") && !blocked ? decimalOf(raw("connect_fee"), decimal) : 0n;
    if (fee === undefined) bad("connect_fee", "number", text("connect_fee"));
    const origin = text("origin_prefix");
    if (origin && !/^[1-9]\d{0,14}$/.test(origin)) bad("origin_prefix", "prefix", origin);

    if (errors.length) {
      sheet.errors.push(...errors);
      sheet.count.rejected++;
      return;
    }
    // A row whose codes all stand there already, priced alike, adds nothing. One that
    // prices a code otherwise from the same moment on contradicts the other.
    const row = { line, destination, rate: rate(price!), currency, unit_seconds: unit, minimum_seconds: minimum, increment_seconds: increment, valid_from: from!, valid_to: to ?? "", connect_fee: fee ? rate(fee) : "", origin_prefix: origin, blocked, band: "" };
    const says = `${row.rate} ${currency} ${unit} ${minimum} ${increment} ${row.valid_to} ${row.connect_fee} ${blocked} ${destination}`;
    const fresh: string[] = [];
    for (const prefix of new Set(listed)) {
      const was = seen.get(`${prefix}/${origin}/${from}`);
      if (was === undefined) fresh.push(prefix);
      else if (was !== says) {
        bad("prefix", "order", prefix);
        sheet.errors.push(...errors);
        sheet.count.rejected++;
        return;
      }
    }
    if (!fresh.length) {
      sheet.count.duplicate++;
      return;
    }
    for (const prefix of fresh) {
      seen.set(`${prefix}/${origin}/${from}`, says);
      sheet.rows.push({ ...row, prefix });
    }
    sheet.count.accepted++;
  }
}

export function read(table: Table, mapping: Mapping): Sheet {
  const reader = new Reader(mapping);
  reader.read(table.rows);
  return reader.sheet;
}

// own writes rows in Lateral's own form, which propose-sheet takes.
export function own(rows: Row[]): string {
  const more = rows.some((r) => r.connect_fee || r.origin_prefix || r.blocked);
  const quote = (s: string) => (/[",\r\n]/.test(s) ? `"${s.replaceAll('"', '""')}"` : s);
  const lines = rows.map((r) =>
    [quote(r.destination), r.prefix, r.rate, r.currency, r.unit_seconds, r.minimum_seconds, r.increment_seconds, r.valid_from, r.valid_to, ...(more ? [r.connect_fee, r.origin_prefix, r.blocked ? "yes" : ""] : [])].join(","),
  );
  return [[...fields, ...(more ? ["connect_fee", "origin_prefix", "blocked"] : [])].join(","), ...lines].join("\n") + "\n";
}

// ownRows reads a sheet in Lateral's own form, as the node gives it out.
export function ownRows(table: Table): Row[] {
  const at = (name: string) => table.header.indexOf(name);
  const index = Object.fromEntries([...fields, "connect_fee", "origin_prefix", "blocked", "days", "from_time", "to_time", "zone"].map((f) => [f, at(f)]));
  return table.rows.map(({ line, cells }) => {
    const text = (f: string) => {
      const i = index[f]!;
      return i < 0 ? "" : String(cells[i] ?? "").trim();
    };
    return {
      line,
      destination: text("destination"),
      prefix: text("prefix"),
      rate: text("rate"),
      currency: text("currency"),
      unit_seconds: +text("unit_seconds"),
      minimum_seconds: +text("minimum_seconds"),
      increment_seconds: +text("increment_seconds"),
      valid_from: text("valid_from"),
      valid_to: text("valid_to"),
      connect_fee: text("connect_fee"),
      origin_prefix: text("origin_prefix"),
      blocked: text("blocked") === "yes",
      band: ["days", "from_time", "to_time", "zone"].map(text).filter(Boolean).join(" "),
    };
  });
}

export const sample = `destination,prefix,rate,currency,unit_seconds,minimum_seconds,increment_seconds,valid_from,valid_to
Germany fixed,49,0.012,EUR,60,1,1,2027-01-01T00:00:00Z,
Germany mobile,"4915,4916,4917",0.0415,EUR,60,30,6,2027-01-01T00:00:00Z,
Kenya,254,0.12,EUR,60,60,60,2027-01-01T00:00:00Z,
`;
