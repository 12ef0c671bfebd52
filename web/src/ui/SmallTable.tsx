import { Table } from "@mantine/core";
import type { ReactNode } from "react";

export interface SmallColumn<T> {
  id: string;
  header: ReactNode;
  right?: boolean;
  head?: boolean; // it names the row
  cell: (row: T) => ReactNode;
  bar?: (row: T) => number; // share of the largest, 0 to 1, drawn beneath the figure
}

interface Props<T> {
  label: string; // what the table is, for who does not see it
  columns: SmallColumn<T>[];
  rows: T[];
  rowKey: (row: T, i: number) => string;
  minWidth?: number;
  caption?: ReactNode;
  height?: number;
}

// SmallTable shows rows that are all here and fit on a page; DataTable is for the others.
// Where it is wider or longer than its place it scrolls, by keyboard too.
export function SmallTable<T>({ label, columns, rows, rowKey, minWidth = 480, caption, height }: Props<T>) {
  return (
    <Table.ScrollContainer minWidth={minWidth} mah={height} type="native" tabIndex={0} role="group" aria-label={label}>
      <Table aria-label={label} captionSide="top" stickyHeader={height !== undefined}>
        {caption && <Table.Caption>{caption}</Table.Caption>}
        <Table.Thead>
          <Table.Tr>
            {columns.map((c) => (
              <Table.Th key={c.id} ta={c.right ? "right" : undefined}>
                {c.header}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((r, i) => (
            <Table.Tr key={rowKey(r, i)}>
              {columns.map((c) => {
                const of = c.bar?.(r) ?? 0;
                const inside = (
                  <>
                    {c.cell(r)}
                    {c.bar && (
                      <span className="bar" aria-hidden>
                        <span style={{ width: `${Math.max(0, Math.min(1, of)) * 100}%` }} />
                      </span>
                    )}
                  </>
                );
                return c.head ? (
                  <Table.Th scope="row" key={c.id}>
                    {inside}
                  </Table.Th>
                ) : (
                  <Table.Td key={c.id} ta={c.right ? "right" : undefined} className={c.right ? "numbers" : undefined}>
                    {inside}
                  </Table.Td>
                );
              })}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
