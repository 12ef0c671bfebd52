import { Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";
import { group } from "@/lib/money";

// Prices lists the prices of a product as they are agreed: a rate for so many units.
export function Prices({ of, label }: { of: Schema<"RatingPrice">[] | null | undefined; label: string }) {
  const { t, i18n } = useTranslation();
  if (!of?.length) return <Text size="sm" c="dimmed">–</Text>;
  return (
    <Table.ScrollContainer minWidth={420}>
      <Table aria-label={label}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("prices.name")}</Table.Th>
            <Table.Th>{t("prices.kind")}</Table.Th>
            <Table.Th ta="right">{t("prices.rate")}</Table.Th>
            <Table.Th ta="right">{t("prices.unit")}</Table.Th>
            <Table.Th>{t("prices.period")}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {of.map((p, i) => (
            <Table.Tr key={i}>
              <Table.Td>{p.name}</Table.Td>
              <Table.Td>{[p.kind, p.event].filter(Boolean).join(", ")}</Table.Td>
              <Table.Td ta="right" className="numbers">
                {group(p.rate, i18n.language)} {p.currency}
                {p.tiers?.map((tier) => (
                  <Text size="xs" c="dimmed" key={tier.from}>
                    {t("prices.tier", { from: tier.from, rate: group(tier.rate, i18n.language), currency: p.currency })}
                  </Text>
                ))}
              </Table.Td>
              <Table.Td ta="right" className="numbers">
                {Number(p.unit).toLocaleString(i18n.language)}
              </Table.Td>
              <Table.Td>{p.period ? [p.period.length, p.period.zone].filter(Boolean).join(" ") : "–"}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
