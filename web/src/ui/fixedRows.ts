import type { Rows } from "./DataTable";

// fixedRows gives rows that are all here already to a DataTable.
export function fixedRows<T>(rows: T[], busy = false, error: unknown = undefined, retry: () => void = () => {}): Rows<T> {
  return { rows, total: rows.length, more: false, busy, error, next: () => {}, retry, all: async (progress) => (progress(rows.length), rows) };
}
