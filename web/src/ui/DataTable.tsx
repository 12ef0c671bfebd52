import { Box, Button, Checkbox, Group, Loader, Menu, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type CSSProperties, type ReactNode, type RefObject } from "react";
import { useTranslation } from "react-i18next";
import type { SheetData } from "write-excel-file/browser";

import { csv, download, harmless, type Cell } from "@/lib/csv";

import { Stale } from "./Page";
import { ProblemAlert } from "./ProblemAlert";

export interface Column<T> {
  id: string;
  header: ReactNode;
  text?: string; // the header in an export, where it is not a text
  width?: string; // of a CSS grid's track; default minmax(120px, 1fr)
  right?: boolean;
  cell?: (row: T) => ReactNode; // absent: the column is in exports only
  value: (row: T) => Cell; // in an export
}

// Rows is what a list of the API gave so far: usePages makes it.
export interface Rows<T> {
  rows: T[];
  total?: number;
  more: boolean;
  busy: boolean;
  error: unknown;
  next: () => void;
  retry: () => void;
  at?: number; // when the rows were read, ms since 1970
  all: (progress: (count: number) => void) => Promise<T[]>;
}

interface Props<T> {
  label: string; // what the table is, for who does not see it
  columns: Column<T>[];
  rows: Rows<T>;
  rowKey: (row: T) => string;
  empty: ReactNode;
  file?: string; // name of an export, without ending
  selected?: Set<string>;
  onSelect?: (keys: Set<string>) => void;
  toolbar?: ReactNode;
  height?: number | string;
}

const rowHeight = 42;

// DataTable shows a list of any length: only rows in sight exist, and further ones are
// asked of the node as one comes near them. Exports take the whole list, as filtered.
export function DataTable<T>({ label, columns: all, rows, rowKey, empty, file, selected, onSelect, toolbar, height = "min(65vh, 900px)" }: Props<T>) {
  const { t, i18n } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    // Before it is measured: rows that are there already are drawn with all else, in slices,
    // not at once by the measuring.
    initialRect: { width: window.innerWidth, height: window.innerHeight / 2 },
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  const { more, busy, next, error } = rows;
  const count = rows.rows.length;
  useEffect(() => {
    if (more && !busy && !error && last >= count - 20) next();
  }, [more, busy, error, last, count, next]);

  // What comes in or goes above what somebody reads moves it: the list is moved along. At its
  // top one sees what comes.
  const read = useRef<{ key: string; index: number }>(undefined);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element || !read.current || element.scrollTop < rowHeight) return;
    const { key, index } = read.current;
    const now = rows.rows.findIndex((r) => rowKey(r) === key);
    if (now >= 0) element.scrollTop += (now - index) * rowHeight;
    // Only what the list holds moves it, not that its caller says anew what a key is.
    // eslint-disable-next-line
  }, [rows.rows]);
  useEffect(() => {
    const index = Math.floor((box.current?.scrollTop ?? 0) / rowHeight);
    const row = rows.rows[index];
    read.current = row && { key: rowKey(row), index };
  });

  const columns = useMemo(() => all.filter((c) => c.cell), [all]);
  const wide = useWhole(box, [rows.rows, columns, items[0]?.index, last]);
  // In one place for all rows: that a column gets wider draws none of them anew.
  const grid = `${onSelect ? "44px " : ""}${columns.map((c) => track(c.width ?? "minmax(120px, 1fr)", wide[c.id])).join(" ")}`;
  const chosen = useRef({ selected, onSelect });
  useEffect(() => {
    chosen.current = { selected, onSelect };
  });
  const toggle = useCallback((key: string) => {
    const keys = new Set(chosen.current.selected);
    if (!keys.delete(key)) keys.add(key);
    chosen.current.onSelect?.(keys);
  }, []);
  const allKeys = () => new Set(rows.rows.map(rowKey));

  const none = !count && !busy && !more;
  // What stands above the rows keeps its place, whatever becomes of them: a dialog that was
  // opened there keeps what was typed.
  return (
    <div>
      <Group justify="space-between" mb={toolbar || !none ? "xs" : undefined} gap="xs" align="flex-end">
        <Box style={{ flex: "1 1 20rem" }}>{toolbar}</Box>
        {!none && (
          <Group gap="sm">
            <Text size="sm" c="dimmed" aria-live="polite">
              {rows.total === undefined ? t("table.loaded", { count, n: count.toLocaleString(i18n.language) }) : t("table.of", { n: count.toLocaleString(i18n.language), total: rows.total.toLocaleString(i18n.language) })}
            </Text>
            {busy && <Loader size="xs" role="img" aria-label={t("loading")} />}
            {file && <Export columns={all} rows={rows} file={file} />}
          </Group>
        )}
      </Group>
      {Boolean(error) && (count ? (
        <Box mb="xs">
          <Stale error={error} at={rows.at} retry={rows.retry} />
        </Box>
      ) : (
        <ProblemAlert error={error} retry={rows.retry} />
      ))}
      {none && !error && <Box className="rows">{empty}</Box>}
      {!none && (count > 0 || !error) && (
        <div className="rows" ref={box} onScroll={(e) => hint(e.currentTarget)} style={{ maxHeight: height, minHeight: Math.min(count + 1, 4) * rowHeight }} tabIndex={0} role="region" aria-label={label}>
          <div role="table" aria-label={label} aria-rowcount={(rows.total ?? count) + 1} aria-busy={busy} style={{ "--columns": grid } as CSSProperties}>
            <div role="rowgroup" className="head">
              <div role="row" aria-rowindex={1}>
                {onSelect && (
                  <div role="columnheader">
                    <Checkbox
                      size="xs"
                      aria-label={t("table.selectAll")}
                      checked={count > 0 && selected?.size === count}
                      indeterminate={Boolean(selected?.size) && selected?.size !== count}
                      onChange={(e) => onSelect(e.currentTarget.checked ? allKeys() : new Set())}
                    />
                  </div>
                )}
                {columns.map((c) => (
                  <div role="columnheader" key={c.id} data-column={c.id} className={c.right ? "right" : undefined}>
                    {c.header}
                  </div>
                ))}
              </div>
            </div>
            <div role="rowgroup" className="body" style={{ height: virtual.getTotalSize(), position: "relative" }}>
              {items.map((item) => {
                const row = rows.rows[item.index]!;
                const key = rowKey(row);
                return <Row key={key} name={key} row={row} columns={columns} index={item.index} start={item.start} marked={onSelect && (selected?.has(key) ?? false)} toggle={toggle} />;
              })}
            </div>
          </div>
        </div>
      )}
    </div>
  );
}

// useWhole gives how many pixels columns need so that no figure, amount or time in sight is
// cut, and no column's name: who reads half of one reads a wrong one. Columns get wider only.
// Any other text that is cut shows whole where the mouse rests. Measured when what is shown
// changes.
function useWhole(box: RefObject<HTMLDivElement | null>, shown: unknown[]): Record<string, number> {
  const [wide, setWide] = useState<Record<string, number>>({});
  useLayoutEffect(() => {
    let wider: Record<string, number> | undefined;
    for (const cell of box.current?.querySelectorAll<HTMLElement>("[data-column]") ?? []) {
      if (!cut(cell) && !cut(cell.firstElementChild)) {
        cell.removeAttribute("title");
        continue;
      }
      const id = cell.dataset.column!;
      const whole = cut(cell) && (cell.role === "columnheader" || cell.classList.contains("right") || cell.querySelector(".numbers"));
      if (whole && cell.scrollWidth >= ((wider ?? wide)[id] ?? 0)) wider = { ...(wider ?? wide), [id]: cell.scrollWidth + 1 };
      if (!whole && !cell.querySelector("[title]")) cell.title = cell.textContent ?? "";
    }
    if (wider) setWide(wider);
    hint(box.current);
    // Only what is shown, and how wide, says what is cut: a mark at a row does not.
    // eslint-disable-next-line
  }, [...shown, wide]);
  return wide;
}

// cut reports whether a text is longer than its place. What stands in a line has none of its own.
const cut = (e: Element | null) => e !== null && e.clientWidth > 0 && e.scrollWidth > e.clientWidth;

// hint marks a list that has more columns to its right.
function hint(box: HTMLElement | null) {
  box?.toggleAttribute("data-onward", box.scrollLeft + box.clientWidth < box.scrollWidth - 1);
}

// track is a column's in the grid, once it is known to need more than it was given.
const track = (given: string, needs: number | undefined) => (needs === undefined ? given : given.includes("fr") ? `minmax(${needs}px, 1fr)` : `${needs}px`);

interface RowProps<T> {
  name: string;
  row: T;
  columns: Column<T>[];
  index: number;
  start: number; // pixels from the top
  marked: boolean | undefined; // absent: rows are not chosen here
  toggle: (name: string) => void;
}

// Row is drawn anew when it is marked or moves, its cells when what they show changes: a
// mark and a turn of the wheel are answered at once, however many rows are in sight.
const Row = memo(function Row<T>({ name, row, columns, index, start, marked, toggle }: RowProps<T>) {
  const { t } = useTranslation();
  return (
    <div role="row" aria-rowindex={index + 2} aria-selected={marked} style={{ height: rowHeight, transform: `translateY(${start}px)` }}>
      {marked !== undefined && (
        <div role="cell">
          <Checkbox size="xs" aria-label={t("table.select", { name })} checked={marked} onChange={() => toggle(name)} />
        </div>
      )}
      <Cells row={row} columns={columns} />
    </div>
  );
}) as <T>(props: RowProps<T>) => ReactNode;

const Cells = memo(function Cells<T>({ row, columns }: { row: T; columns: Column<T>[] }) {
  return columns.map((c) => (
    <div role="cell" key={c.id} data-column={c.id} className={c.right ? "right" : undefined}>
      {c.cell?.(row)}
    </div>
  ));
}) as <T>(props: { row: T; columns: Column<T>[] }) => ReactNode;

// Export writes what the list holds, as filtered, to a file.
function Export<T>({ columns, rows, file }: { columns: Column<T>[]; rows: Rows<T>; file: string }) {
  const { t } = useTranslation();
  const head = columns.map((c) => c.text ?? (typeof c.header === "string" ? c.header : c.id));
  const write = async (kind: "csv" | "xlsx") => {
    const { notifications } = await import("@mantine/notifications");
    const id = notifications.show({ loading: true, autoClose: false, withCloseButton: false, message: t("table.exporting", { n: rows.rows.length }) });
    try {
      const all = await rows.all((n) => notifications.update({ id, loading: true, autoClose: false, message: t("table.exporting", { n }) }));
      const cells = all.map((r) => columns.map((c) => c.value(r)));
      if (kind === "csv") {
        download(`${file}.csv`, new Blob([csv(head, cells)], { type: "text/csv;charset=utf-8" }));
      } else {
        const { default: writeExcel } = await import("write-excel-file/browser");
        const sheet = [head, ...cells].map((row, i) => row.map((v) => (v === null || v === undefined || v === "" ? null : { value: typeof v === "number" ? v : harmless(String(v)), ...(i ? {} : { fontWeight: "bold" as const }) })));
        await writeExcel(sheet as SheetData).toFile(`${file}.xlsx`);
      }
      notifications.update({ id, loading: false, autoClose: 4000, withCloseButton: true, color: "teal", message: t("table.exported", { n: all.length }) });
    } catch (err) {
      const { problemOf } = await import("@/api/problem");
      notifications.update({ id, loading: false, autoClose: false, withCloseButton: true, color: "red", message: problemOf(err).detail });
    }
  };
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button size="compact-sm" variant="default" leftSection={<IconDownload size={14} aria-hidden />}>
          {t("table.export")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => void write("csv")}>CSV</Menu.Item>
        <Menu.Item onClick={() => void write("xlsx")}>XLSX</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
