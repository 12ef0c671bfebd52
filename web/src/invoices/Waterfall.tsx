import { Anchor, Group, SegmentedControl, Stack, Text, Title } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";
import { group } from "@/lib/money";
import { Empty } from "@/ui/Empty";
import { Money } from "@/ui/Money";
import { SmallTable } from "@/ui/SmallTable";

import { bars } from "./bars";

const height = 240;
const wide = 108;
const gap = 20;
const above = 26;

// Waterfall leads from what an invoice claims to what the buyer expects. The table says the
// same as the picture; each cause leads to its disputes.
export function Waterfall({ of, partner }: { of: Schema<"Waterfall">; partner: string }) {
  const { t, i18n } = useTranslation("invoices");
  const navigate = useNavigate();
  const [view, setView] = useState("chart");
  const { bars: all, cut } = bars(of);
  const name = (cause: string) => (cause === "claimed" || cause === "expected" ? t(cause) : t(`ui:causes.${cause}`, { defaultValue: cause }));
  const search = (cause: string) => ({ partner, invoice: of.invoice, cause });
  const width = all.length * (wide + gap) + gap;
  const y = (share: number) => above + (1 - share) * height;
  return (
    <Stack gap="sm" component="section" aria-label={t("waterfall")}>
      <Group justify="space-between" align="flex-end">
        <div>
          <Title order={2} size="h4">
            {t("waterfall")}
          </Title>
          <Text size="sm" c="dimmed">
            {t("waterfallText")}
          </Text>
        </div>
        {of.steps.length > 0 && (
          <SegmentedControl
            size="xs"
            aria-label={t("shown")}
            value={view}
            onChange={setView}
            data={[
              { value: "chart", label: t("asChart") },
              { value: "table", label: t("asTable") },
            ]}
          />
        )}
      </Group>
      {of.steps.length === 0 ? (
        <Empty title={t("noDifference")}>{t("noDifferenceText")}</Empty>
      ) : view === "chart" ? (
        <div style={{ overflowX: "auto" }} tabIndex={0} role="group" aria-label={t("waterfall")}>
          <svg width={width} height={above + height + 64} role="presentation" style={{ display: "block" }}>
            {all.slice(0, -1).map((b, i) => (
              <line key={i} x1={gap + i * (wide + gap)} x2={gap + (i + 1) * (wide + gap) + wide} y1={y(b.to)} y2={y(b.to)} stroke="var(--line)" strokeDasharray="4 3" />
            ))}
            {all.map((b, i) => {
              const x = gap + i * (wide + gap);
              const top = Math.min(y(b.from), y(b.to));
              const tall = Math.max(2, Math.abs(y(b.from) - y(b.to)));
              const down = b.amount.startsWith("-");
              const fill = b.ends ? "var(--mantine-primary-color-filled)" : down ? "var(--mantine-color-orange-6)" : "var(--mantine-color-violet-5)";
              const bar = (
                <>
                  <rect x={x} y={top} width={wide} height={tall} rx={3} fill={fill} />
                  <text x={x + wide / 2} y={top - 8} textAnchor="middle" fontSize={12} fontWeight={600} fill="var(--mantine-color-text)" className="numbers">
                    {!b.ends && !down ? "+" : ""}
                    {group(b.amount, i18n.language)} {of.currency}
                  </text>
                  <Label text={name(b.cause)} x={x + wide / 2} y={above + height + 18} />
                </>
              );
              if (b.ends) return <g key={b.cause}>{bar}</g>;
              const to = router(search(b.cause));
              return (
                <a
                  key={b.cause}
                  href={to}
                  aria-label={t("barLink", { cause: name(b.cause), amount: group(b.amount, i18n.language), currency: of.currency })}
                  onClick={(e) => {
                    if (e.metaKey || e.ctrlKey || e.shiftKey) return;
                    e.preventDefault();
                    void navigate({ to: "/disputes", search: search(b.cause) as never });
                  }}
                >
                  <rect x={x} y={above} width={wide} height={height + 60} fill="transparent" />
                  {bar}
                </a>
              );
            })}
            <line x1={0} x2={width} y1={y(0)} y2={y(0)} stroke="var(--mantine-color-dimmed)" strokeDasharray={cut ? "2 6" : undefined} />
          </svg>
        </div>
      ) : (
        <SmallTable
          label={t("waterfall")}
          minWidth={420}
          rows={all}
          rowKey={(b) => b.cause}
          columns={[
            { id: "cause", header: t("cause"), head: true, cell: (b) => name(b.cause) },
            { id: "amount", header: t("amount"), right: true, cell: (b) => <Money fw={b.ends ? 650 : undefined} amount={b.amount} currency={of.currency} />, bar: (b) => Math.abs(b.to - b.from) },
            { id: "calls", header: t("calls"), right: true, cell: (b) => (b.ends || !b.calls ? "–" : b.calls.toLocaleString(i18n.language)) },
            {
              id: "disputes",
              header: t("disputes"),
              right: true,
              cell: (b) =>
                b.ends ? (
                  "–"
                ) : (
                  <Anchor component={Link} to="/disputes" search={search(b.cause) as never} size="sm" aria-label={`${name(b.cause)}: ${b.disputes}`}>
                    {b.disputes.toLocaleString(i18n.language)}
                  </Anchor>
                ),
            },
          ]}
        />
      )}
    </Stack>
  );
}

const router = (search: Record<string, string>) => `/disputes?${new URLSearchParams(search).toString()}`;

// Label writes a cause in at most three lines beneath its bar.
function Label({ text, x, y }: { text: string; x: number; y: number }) {
  const lines = text.split(" ").reduce<string[]>((out, word) => {
    const last = out.at(-1);
    if (last !== undefined && `${last} ${word}`.length <= 17) out[out.length - 1] = `${last} ${word}`;
    else out.push(word);
    return out;
  }, []);
  return (
    <text x={x} y={y} textAnchor="middle" fontSize={12} fill="var(--mantine-color-text)">
      {lines.slice(0, 3).map((l, i) => (
        <tspan key={i} x={x} dy={i ? 14 : 0}>
          {l}
        </tspan>
      ))}
    </text>
  );
}
