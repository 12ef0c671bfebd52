import "uplot/dist/uPlot.min.css";

import { Group, Text, useComputedColorScheme } from "@mantine/core";
import { memo, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import uPlot from "uplot";

import { numberFormat } from "@/lib/formats";
import { later } from "@/lib/later";
import { moment } from "@/lib/time";
import { useZone } from "@/ui/When";

import type { Row } from "./trend";

const height = 190;

// The second of the two lines is dashed: who does not tell the colours tells the lines.
const lines = [
  { of: "in", color: "--mantine-color-lake-6", dash: [] },
  { of: "out", color: "--mantine-color-orange-6", dash: [5, 4] },
] as const;

interface Props {
  rows: Row[];
  into: string; // what the first line is called
  out: string;
  days: boolean; // its points are days
}

interface Look {
  locale: string;
  zone: string;
  scheme: "light" | "dark";
  days: boolean;
  point: (row: number | undefined) => void;
}

function drawn(box: HTMLElement, data: uPlot.AlignedData, { locale, zone, scheme, days, point }: Look): uPlot {
  const style = getComputedStyle(box);
  const color = (name: string) => style.getPropertyValue(name);
  const faint = color(scheme === "dark" ? "--mantine-color-dark-4" : "--mantine-color-gray-2");
  const axis = { stroke: color("--mantine-color-dimmed"), font: `12px ${color("--mantine-font-family")}`, ticks: { show: false } };
  const half = days ? 43_200 : 30; // seconds
  const short = numberFormat(locale, { notation: "compact" });
  const options: uPlot.Options = {
    width: box.clientWidth,
    height,
    tzDate: (s) => uPlot.tzDate(new Date(s * 1000), zone),
    legend: { show: false },
    cursor: { y: false, drag: { x: false }, points: { size: 7 } },
    scales: {
      // Around a single point there is as much as a point stands for.
      x: { range: ({ data: [at] }, from, to) => (at.length === 1 ? [at[0]! - half, at[0]! + half] : [from, to]) },
      y: { range: (_, low, high) => [Math.min(0, low * 1.1), Math.max(0, high * 1.1) || 1] },
    },
    axes: [
      { ...axis, grid: { show: false }, space: 110, size: 30, values: (_, at, __, ___, step) => at.map((s) => moment(s * 1000, locale, zone, days ? { time: false } : { date: false, seconds: step < 60 })) },
      { ...axis, grid: { stroke: faint, width: 1, dash: [4, 4] }, size: 46, values: (_, v) => v.map((n) => short.format(n)) },
    ],
    series: [{}, ...lines.map((l) => ({ stroke: color(l.color), fill: `${color(l.color)}22`, width: 2, dash: [...l.dash], paths: uPlot.paths.spline?.(), points: { show: (self: uPlot) => self.data[0].length < 3 } }))],
    hooks: { setCursor: [(self) => point(self.cursor.idx ?? undefined)] },
  };
  return new uPlot(options, data, box);
}

// Plot draws two series over time on a canvas: as text and numbers the same stands beside
// it, so it is hidden from who does not see it. Data that arrive move the lines of the
// drawing that is there; another language, zone or scheme makes a new one.
export const Plot = memo(function Plot({ rows, into, out, days }: Props) {
  const { i18n } = useTranslation();
  const { zone } = useZone();
  const scheme = useComputedColorScheme("light");
  const ref = useRef<HTMLDivElement>(null);
  const drawing = useRef<uPlot>(undefined);
  const latest = useRef<uPlot.AlignedData>([[], [], []]);
  const [pointed, point] = useState<number>(); // which row the pointer is at
  const locale = i18n.language;
  const names = { in: into, out };

  useEffect(() => {
    const box = ref.current;
    if (!box) return;
    let watch: ResizeObserver | undefined;
    const drop = later(() => {
      const u = drawn(box, latest.current, { locale, zone, scheme, days, point });
      drawing.current = u;
      watch = new ResizeObserver(() => u.setSize({ width: box.clientWidth, height }));
      watch.observe(box);
    });
    return () => {
      drop();
      watch?.disconnect();
      drawing.current?.destroy();
      drawing.current = undefined;
    };
  }, [locale, zone, scheme, days]);

  useEffect(() => {
    latest.current = [rows.map((r) => Date.parse(r.at) / 1000), ...lines.map((l) => rows.map((r) => Number(r[l.of])))] as uPlot.AlignedData;
    drawing.current?.setData(latest.current);
  }, [rows]);

  const row = pointed === undefined ? undefined : rows[pointed];
  return (
    <div aria-hidden>
      <Group gap="md" justify="flex-end" wrap="nowrap">
        {row && (
          <Text size="xs" c="dimmed" className="numbers" mr="auto" truncate>
            {moment(row.at, locale, zone, days ? { time: false } : {})}
          </Text>
        )}
        {lines.map((l) => (
          <Group key={l.of} gap={6} wrap="nowrap">
            <svg width={18} height={8}>
              <line x1={0} y1={4} x2={18} y2={4} stroke={`var(${l.color})`} strokeWidth={2} strokeDasharray={l.dash.join(" ")} />
            </svg>
            <Text size="xs" className="numbers" truncate>
              {names[l.of]} {row && Number(row[l.of]).toLocaleString(locale)}
            </Text>
          </Group>
        ))}
      </Group>
      <div ref={ref} style={{ height, overflow: "hidden" }} />
    </div>
  );
});
