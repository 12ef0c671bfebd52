import { describe, expect, it } from "vitest";

import { counts, diff, inForce, margins } from "./diff";
import { codes, guess, missing, moment, own, ownRows, read, sample, type Mapping, type Row } from "./mapping";
import { nano, rate, short } from "./rates";
import { decode, headed, readCSV, separatorOf } from "./table";

const now = new Date("2026-11-27T12:00:00Z");
const ownText = (rows: string) => `destination,prefix,rate,currency,unit_seconds,minimum_seconds,increment_seconds,valid_from,valid_to\n${rows}`;
const rowsOf = (rows: string): Row[] => ownRows(readCSV(ownText(rows)));

describe("a file", () => {
  it("is read with any separator, quotes and line ends, and keeps its line numbers", () => {
    expect(separatorOf("a;b;c\n1;2;3")).toBe(";");
    const t = readCSV('﻿name;code\r\n"Gas;""light""\nArea";49\r\n\r\nKenya;254');
    expect(t.header).toEqual(["name", "code"]);
    expect(t.rows).toEqual([
      { line: 2, cells: ['Gas;"light"\nArea', "49"] },
      { line: 5, cells: ["Kenya", "254"] },
    ]);
  });

  it("may have a title above its header, and nothing at all", () => {
    expect(headed([{ line: 1, cells: ["Rates of November", null] }, { line: 3, cells: ["Code", "Rate"] }, { line: 4, cells: ["49", 0.1] }]).rows).toEqual([{ line: 4, cells: ["49", 0.1] }]);
    expect(readCSV("")).toEqual({ header: [], rows: [] });
  });

  it("is taken for windows-1252 where it is no UTF-8", () => {
    expect(decode(new Uint8Array([0x5a, 0xfc, 0x72]))).toBe("Zür");
    expect(decode(new TextEncoder().encode("Zür"))).toBe("Zür");
  });
});

describe("a mapping", () => {
  it("is guessed from the names that carriers use", () => {
    const m = guess(readCSV("Zone Name;Dial Code;Rate (EUR/min);Effective Date;Billing Increments\nGermany;49;0,012;31.12.2026;30/6"), now);
    expect(m.columns).toEqual({ destination: 0, prefix: 1, rate: 2, valid_from: 3, increments: 4 });
    expect(m.constants).toEqual({ currency: "EUR", unit_seconds: "60" });
    expect([m.decimal, m.dates]).toEqual([",", "dmy"]);
    expect(missing(m)).toEqual([]);
  });

  it("says what it lacks", () => {
    const m = guess(readCSV("Foo,Code\nx,49"), now);
    expect(missing(m)).toEqual(["destination", "rate", "currency"]);
    expect(m.constants.valid_from).toBe("2026-12-01T00:00:00Z");
  });

  it("knows American dates by a day beyond 12", () => {
    expect(guess(readCSV("destination,prefix,rate,effective date\nA,1,1,12/31/2026"), now).dates).toBe("mdy");
  });

  it("reads codes, lists and ranges as the command line does", () => {
    expect(codes("49,151-153", "")).toEqual(["49", "151", "152", "153"]);
    expect(codes("151-3", "49")).toEqual(["49151", "49152", "49153"]);
    for (const bad of ["4x", "159-151", "1-99999999", ""]) expect(codes(bad, "")).toBeUndefined();
  });

  it("reads dates only as they are said to be written", () => {
    expect(moment("2026-12-01", "iso")).toBe("2026-12-01T00:00:00Z");
    expect(moment("2026-12-01T00:00:00+01:00", "iso")).toBe("2026-11-30T23:00:00Z");
    expect(moment("02.01.2027 10:30", "dmy")).toBe("2027-01-02T10:30:00Z");
    expect(moment("01/02/2027", "mdy")).toBe("2027-01-02T00:00:00Z");
    expect(moment(new Date("2027-01-02T00:00:00Z"), "iso")).toBe("2027-01-02T00:00:00Z");
    for (const bad of ["31.02.2027", "2026-13-01", "soon"]) expect(moment(bad, "dmy")).toBeUndefined();
  });
});

describe("the counts", () => {
  const own_: Mapping = guess(readCSV(sample), now);

  it("add up: in = accepted + rejected + duplicate, with line and field of each error", () => {
    const text = ownText(
      [
        "A,49,0.1,EUR,60,1,1,2027-01-01T00:00:00Z,", // accepted
        "A,49,0.1,EUR,60,1,1,2027-01-01T00:00:00Z,", // the same again
        "A,49,0.2,EUR,60,1,1,2027-01-01T00:00:00Z,", // contradicts it
        "B,0049,0.1,EUR,60,1,1,2027-01-01T00:00:00Z,", // no prefix
        'C,254,"1,234",EUR,60,1,1,2027-01-01T00:00:00Z,', // never 1234
        ",33,x,EU,0,1,1,never,", // everything is wrong
      ].join("\n"),
    );
    const s = read(readCSV(text), own_);
    expect(s.count).toEqual({ read: 6, accepted: 1, rejected: 4, duplicate: 1 });
    expect(s.count.read).toBe(s.count.accepted + s.count.rejected + s.count.duplicate);
    expect(s.errors.map((e) => [e.line, e.field, e.problem])).toEqual([
      [4, "prefix", "order"],
      [5, "prefix", "prefix"],
      [6, "rate", "number"],
      [7, "destination", "missing"],
      [7, "rate", "number"],
      [7, "currency", "currency"],
      [7, "unit_seconds", "seconds"],
      [7, "valid_from", "time"],
    ]);
  });

  it("keep 6 a 6: numbers of a spreadsheet are not scaled", () => {
    const t = headed([
      { line: 1, cells: ["destination", "prefix", "rate", "currency", "valid_from"] },
      { line: 2, cells: ["A", 49, 6, "EUR", new Date("2027-01-01T00:00:00Z")] },
      { line: 3, cells: ["B", 33, 0.0125, "EUR", new Date("2027-01-01T00:00:00Z")] },
    ]);
    expect(read(t, guess(t, now)).rows.map((r) => [r.prefix, r.rate])).toEqual([
      ["49", "6.000000000"],
      ["33", "0.012500000"],
    ]);
  });

  it("lose no row of a hundred thousand", () => {
    const rows = Array.from({ length: 100_000 }, (_, i) => `D${i % 500},${1_000_000 + i},0.01,EUR,60,1,1,2027-01-01T00:00:00Z,`).join("\n");
    const s = read(readCSV(ownText(rows)), own_);
    expect(s.count).toEqual({ read: 100_000, accepted: 100_000, rejected: 0, duplicate: 0 });
    expect(s.rows).toHaveLength(100_000);
    expect(diff(s.rows, s.rows, "2027-01-01T00:00:00Z").every((c) => c.kind === "unchanged")).toBe(true);
  }, 30_000);

  it("write what the node reads, with a name that has a comma", () => {
    const s = read(readCSV(ownText('"Congo, DR",243,0.30,EUR,60,1,1,2027-01-01T00:00:00Z,')), own_);
    expect(own(s.rows)).toBe(ownText('"Congo, DR",243,0.300000000,EUR,60,1,1,2027-01-01T00:00:00Z,\n'));
    expect(read(readCSV(sample), own_).rows).toHaveLength(5);
  });
});

describe("the difference", () => {
  const before = rowsOf(
    ["A,49,0.010,EUR,60,1,1,2026-01-01T00:00:00Z,", "B,33,0.020,EUR,60,1,1,2026-01-01T00:00:00Z,", "C,44,0.030,EUR,60,1,1,2026-01-01T00:00:00Z,", "D,41,0.040,EUR,60,1,1,2026-01-01T00:00:00Z,", "E,43,0.1,EUR,60,1,1,2026-01-01T00:00:00Z,2026-06-01T00:00:00Z", "F,39,0.05,EUR,60,1,1,2026-01-01T00:00:00Z,"].join("\n"),
  );
  const after = rowsOf(
    ["A,49,0.012,EUR,60,1,1,2027-01-01T00:00:00Z,", "B,33,0.0003,EUR,1,1,1,2027-01-01T00:00:00Z,", "C,44,0.0005,EUR,1,1,1,2027-01-01T00:00:00Z,", "G,254,0.12,EUR,60,1,1,2027-02-01T00:00:00Z,", "F,39,0.05,EUR,60,30,6,2027-01-01T00:00:00Z,"].join("\n"),
  );

  it("compares what a second costs, exactly, and knows what ends", () => {
    const d = diff(before, after, "2027-01-01T00:00:00Z");
    expect(d.map((c) => [c.prefix, c.kind])).toEqual([
      ["49", "up"],
      ["33", "down"], // 0.0003 a second is 0.018 a minute
      ["44", "unchanged"], // 0.0005 a second is 0.030 a minute
      ["41", "removed"],
      ["39", "mixed"], // other steps
      ["254", "new"], // begins later
    ]);
    expect(counts(d)).toEqual({ new: 1, up: 1, down: 1, mixed: 1, removed: 1, unchanged: 1 });
  });

  it("finds what is in force at a moment", () => {
    expect([...inForce(before, "2026-07-01T00:00:00Z").keys()]).not.toContain("43//");
    expect(inForce(rowsOf("A,49,1,EUR,60,1,1,2026-01-01T00:00:00Z,\nA,49,2,EUR,60,1,1,2026-03-01T00:00:00Z,"), "2026-04-01T00:00:00Z").get("49//")?.rate).toBe("2");
  });

  it("gives the margin by the longest code that covers what we pay for", () => {
    const pay = rowsOf("Germany mobile,4915,0.03,EUR,60,1,1,2026-01-01T00:00:00Z,\nKenya,254,0.1,USD,60,1,1,2026-01-01T00:00:00Z,\nNowhere,999,1,EUR,60,1,1,2026-01-01T00:00:00Z,");
    const charge = rowsOf("Germany,49,0.0005,EUR,1,1,1,2026-01-01T00:00:00Z,\nGermany mobile,491,0.028,EUR,60,1,1,2026-01-01T00:00:00Z,\nKenya,254,0.12,EUR,60,1,1,2026-01-01T00:00:00Z,");
    expect(margins(pay, charge, "2026-06-01T00:00:00Z").map((m) => [m.prefix, m.charges.prefix, m.margin])).toEqual([
      ["4915", "491", "-0.002000000"],
      ["254", "254", undefined],
    ]);
  });
});

it("keeps rates to the last billionth", () => {
  expect(nano("0.000000001")).toBe(1n);
  expect(rate(-1n)).toBe("-0.000000001");
  expect(short("0.012500000")).toBe("0.0125");
  expect(short("6.000000000")).toBe("6.00");
  for (const bad of ["", "1,5", "-1", "1e3", "0.1234567890"]) expect(nano(bad)).toBeUndefined();
});
