import type { Rows } from "@/ui/DataTable";

// hereRows gives rows that are all here already to a DataTable.
export function hereRows<T>(rows: T[], of: { isFetching?: boolean; error?: unknown; refetch?: () => unknown } = {}): Rows<T> {
  return {
    rows,
    total: of.isFetching && !rows.length ? undefined : rows.length,
    more: false,
    busy: Boolean(of.isFetching),
    error: of.error,
    next: () => {},
    retry: () => void of.refetch?.(),
    all: async (progress) => {
      progress(rows.length);
      return rows;
    },
  };
}

// flatRows makes any number of rows of each row of a list: a journal entry has several
// postings, a payment run several payments.
export function flatRows<T, U>(of: Rows<T>, f: (row: T) => U[]): Rows<U> {
  return {
    ...of,
    total: undefined,
    rows: of.rows.flatMap(f),
    all: async (progress) => (await of.all(progress)).flatMap(f),
  };
}
