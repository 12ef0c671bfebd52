import { Card, Group, SimpleGrid, Table, Text, Title } from "@mantine/core";
import { useId } from "react";
import { useTranslation } from "react-i18next";

import { group, less, sum } from "@/lib/money";
import { Money } from "@/ui/Money";

import { largest, members, open, picture, type Debt } from "./graph";

// Beyond so many members a picture says nothing any more: the table does.
const most = 24;

// BeforeAfter shows who owes whom before and after a netting: two pictures, the sums, and
// the same as a table for whoever does not see them.
export function BeforeAfter({ before, after, currency, own }: { before: Debt[]; after: Debt[]; currency: string; own?: string }) {
  const { t } = useTranslation("money");
  const who = members(before, after);
  const top = largest(before, after);
  const gross = sum(before.map((d) => d.amount));
  const net = sum(after.map((d) => d.amount));
  const sides = [
    { name: t("netting.before"), debts: before, total: gross },
    { name: t("netting.after"), debts: after, total: net },
  ];
  return (
    <>
      <SimpleGrid cols={{ base: 1, sm: 3 }}>
        {(
          [
            [t("netting.gross"), gross, open(before)],
            [t("netting.net"), net, open(after)],
            [t("netting.off"), less(gross, net), undefined],
          ] as const
        ).map(([name, amount, count]) => (
          <div key={name}>
            <Text size="sm" c="dimmed">
              {name}
            </Text>
            <Money amount={amount} currency={currency} fz={20} fw={650} />
            {count !== undefined && (
              <Text size="sm" c="dimmed">
                {t("netting.debts", { count })}
              </Text>
            )}
          </div>
        ))}
      </SimpleGrid>
      {who.length <= most && (
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          {sides.map((s) => (
            <Card key={s.name} withBorder p="xs">
              <Title order={3} size="h6" ta="center">
                {s.name}
              </Title>
              <Graph who={who} debts={s.debts} top={top} currency={currency} own={own} label={t("netting.picture", { name: s.name, count: open(s.debts) })} />
            </Card>
          ))}
        </SimpleGrid>
      )}
      <DebtTable before={before} after={after} currency={currency} />
    </>
  );
}

function Graph({ who, debts, top, currency, own, label }: { who: string[]; debts: Debt[]; top: string; currency: string; own?: string; label: string }) {
  const { i18n } = useTranslation("money");
  const head = useId().replaceAll(":", "");
  const p = picture(who, debts, top);
  const few = p.arrows.length <= 8;
  // Two stand side by side: what is above and beneath them would be empty.
  const box = who.length === 2 ? `0 ${p.size / 4} ${p.size} ${p.size / 2}` : `0 0 ${p.size} ${p.size}`;
  return (
    <svg viewBox={box} role="img" aria-label={label} style={{ width: "100%", maxHeight: 380, display: "block" }}>
      <defs>
        <marker id={head} viewBox="0 0 8 8" refX="1" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto">
          <path d="M0 0L8 4L0 8Z" fill="var(--mantine-primary-color-filled)" />
        </marker>
      </defs>
      {p.arrows.map((a, i) => (
        <path key={i} d={a.path} fill="none" stroke="var(--mantine-primary-color-filled)" strokeOpacity={0.8} strokeWidth={a.width} markerEnd={`url(#${head})`}>
          <title>{`${a.debtor} → ${a.creditor}: ${group(a.amount, i18n.language)} ${currency}`}</title>
        </path>
      ))}
      {p.nodes.map((n) => (
        <g key={n.id}>
          <circle cx={n.x} cy={n.y} r={24} fill={n.id === own ? "var(--mantine-primary-color-light)" : "var(--mantine-color-body)"} stroke={n.id === own ? "var(--mantine-primary-color-filled)" : "var(--mantine-color-dimmed)"} strokeWidth={n.id === own ? 2.5 : 1.2} />
          <text x={n.x} y={n.y} dy="0.35em" textAnchor="middle" fontSize={n.id.length > 6 ? 8.5 : 11} fontWeight={600} fill="var(--mantine-color-text)">
            {n.id.length > 9 ? `${n.id.slice(0, 8)}…` : n.id}
          </text>
        </g>
      ))}
      {few &&
        p.arrows.map((a, i) => (
          <text key={i} x={a.label.x} y={a.label.y} dy="0.35em" textAnchor="middle" fontSize={11} fontWeight={600} fill="var(--mantine-color-text)" stroke="var(--mantine-color-body)" strokeWidth={4} paintOrder="stroke">
            {group(a.amount, i18n.language)}
          </text>
        ))}
    </svg>
  );
}

// together puts what one owes another before and after into one row.
export function together(before: Debt[], after: Debt[]): { debtor: string; creditor: string; was: string; is: string }[] {
  const rows = new Map<string, { debtor: string; creditor: string; was: string; is: string }>();
  const row = (d: Debt) => {
    const key = `${d.debtor} ${d.creditor}`;
    if (!rows.has(key)) rows.set(key, { debtor: d.debtor, creditor: d.creditor, was: "0.000000", is: "0.000000" });
    return rows.get(key)!;
  };
  for (const d of before) {
    const r = row(d);
    r.was = sum([r.was, d.amount]);
  }
  for (const d of after) {
    const r = row(d);
    r.is = sum([r.is, d.amount]);
  }
  return [...rows.values()].sort((a, b) => (a.debtor + a.creditor < b.debtor + b.creditor ? -1 : 1));
}

function DebtTable({ before, after, currency }: { before: Debt[]; after: Debt[]; currency: string }) {
  const { t } = useTranslation("money");
  const rows = together(before, after);
  const shown = rows.slice(0, 200);
  return (
    <>
      <Table.ScrollContainer minWidth={420}>
        <Table verticalSpacing={4} aria-label={t("netting.table")}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("netting.debtor")}</Table.Th>
              <Table.Th>{t("netting.creditor")}</Table.Th>
              <Table.Th ta="right">{t("netting.before")}</Table.Th>
              <Table.Th ta="right">{t("netting.after")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.map((r) => (
              <Table.Tr key={`${r.debtor} ${r.creditor}`}>
                <Table.Td>{r.debtor}</Table.Td>
                <Table.Td>{r.creditor}</Table.Td>
                <Table.Td ta="right">
                  <Money amount={r.was} currency={currency} size="sm" />
                </Table.Td>
                <Table.Td ta="right">
                  <Money amount={r.is} currency={currency} size="sm" fw={600} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {rows.length > shown.length && (
        <Group>
          <Text size="sm" c="dimmed">
            {t("netting.first", { n: shown.length, total: rows.length })}
          </Text>
        </Group>
      )}
    </>
  );
}
