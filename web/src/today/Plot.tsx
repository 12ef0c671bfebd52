import "@mantine/charts/styles.css";

import { AreaChart } from "@mantine/charts";
import { useReducedMotion } from "@mantine/hooks";
import { memo } from "react";
import { useTranslation } from "react-i18next";

import { moment } from "@/lib/time";
import { useZone } from "@/ui/When";

import type { Row } from "./trend";

// Plot draws two series over time. What it shows is said beside it in words and numbers,
// so it is hidden from who does not see it. It is drawn anew when its data changes, not
// whenever they are asked for: that is dear.
export const Plot = memo(function Plot({ rows, into, out, days }: { rows: Row[]; into: string; out: string; days: boolean }) {
  const { i18n } = useTranslation();
  const { zone } = useZone();
  const still = useReducedMotion();
  // The tooltip asks for its label also while it points at nothing.
  const label = (at: unknown) => (Number.isNaN(Date.parse(String(at))) ? "" : moment(String(at), i18n.language, zone, days ? { time: false } : { date: false, seconds: true }));
  const short = new Intl.NumberFormat(i18n.language, { notation: "compact" });
  return (
    <div aria-hidden>
      <AreaChart
        h={190}
        areaChartProps={{ accessibilityLayer: false }}
        data={rows}
        dataKey="at"
        curveType="monotone"
        withDots={rows.length < 3}
        withLegend
        legendProps={{ verticalAlign: "top", height: 32 }}
        tickLine="none"
        gridAxis="y"
        areaProps={{ isAnimationActive: !still && rows.length < 2 }}
        xAxisProps={{ tickFormatter: label, minTickGap: 48 }}
        yAxisProps={{ width: 48 }}
        tooltipProps={{ labelFormatter: label }}
        valueFormatter={(v) => short.format(v)}
        series={[
          { name: "in", label: into, color: "lake.6" },
          { name: "out", label: out, color: "orange.6", strokeDasharray: "5 4" },
        ]}
      />
    </div>
  );
});
