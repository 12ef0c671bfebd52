import { expect, it } from "vitest";

import { formatOf, mediaOf } from "./upload";

it("names the type of a file by its ending", () => {
  expect(mediaOf("a.csv")).toBe("text/csv");
  expect(mediaOf("A.CSV.GZ")).toBe("application/gzip");
  expect(mediaOf("x.jsonl")).toBe("application/x-ndjson");
  expect(mediaOf("x.parquet")).toBe("application/vnd.apache.parquet");
  expect(mediaOf("cdr")).toBe("text/csv");
});

it("writes a format with its zone", () => {
  expect(formatOf("", "Europe/Berlin")).toBeUndefined();
  expect(formatOf("asterisk", " ")).toBe("asterisk");
  expect(formatOf("asterisk", "Europe/Berlin")).toBe("asterisk in Europe/Berlin");
});
