import { Anchor, Card, Group, Select, Stack, Table, Text, Title } from "@mantine/core";
import { IconHourglass } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { useSession } from "@/api/session";
import { micro } from "@/lib/money";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Money } from "@/ui/Money";
import { Loaded, Page } from "@/ui/Page";
import { When } from "@/ui/When";

import { buckets, totals } from "./ageing";
import { PartnerSelect, useAddress } from "./common";
import { hereRows } from "./rows";

type Aged = Schema<"Aged">;

// AgeingPage shows how long debts have been open, and leads to each of them.
export function AgeingPage() {
  const { t } = useTranslation("money");
  const own = useSession()?.carrier ?? "";
  const [{ partner, currency, payer }, change] = useAddress();
  const ageing = api.useQuery("get", "/v1/ageing", {});
  return (
    <Page title={t("ageing.title")} lead={t("ageing.lead")}>
      <Loaded of={ageing}>
        {({ aged, at }) => {
          const currencies = [...new Set(aged.map((a) => a.currency))].sort();
          const shown = aged.filter((a) => (!partner || a.partner === partner) && (!currency || a.currency === currency) && (!payer || (payer === "us" ? a.payer === own : a.payer !== own)));
          return (
            <Stack gap="lg">
              <Card withBorder component="section" aria-label={t("ageing.sums")}>
                <Title order={2} size="h4" mb="xs">
                  {t("ageing.sums")}
                </Title>
                <Table.ScrollContainer minWidth={820}>
                  <Table>
                    <Table.Thead>
                      <Table.Tr>
                        <Table.Th>{t("currency")}</Table.Th>
                        <Table.Th>{t("direction")}</Table.Th>
                        {buckets.map((b) => (
                          <Table.Th key={b} ta="right">
                            {t(`ageing.bucket.${b}`)}
                          </Table.Th>
                        ))}
                        <Table.Th ta="right">{t("ageing.disputed")}</Table.Th>
                        <Table.Th ta="right">{t("ageing.total")}</Table.Th>
                      </Table.Tr>
                    </Table.Thead>
                    <Table.Tbody>
                      {totals(shown, own).map((s) => (
                        <Table.Tr key={`${s.currency} ${s.ours}`}>
                          <Table.Td>{s.currency}</Table.Td>
                          <Table.Td>{t(s.ours ? "ageing.toUs" : "ageing.byUs")}</Table.Td>
                          {buckets.map((b) => (
                            <Table.Td key={b} ta="right">
                              <Money amount={s.of[b]} currency={s.currency} size="sm" />
                            </Table.Td>
                          ))}
                          <Table.Td ta="right">
                            <Money amount={s.of.disputed} currency={s.currency} size="sm" />
                          </Table.Td>
                          <Table.Td ta="right">
                            <Money amount={s.of.total} currency={s.currency} size="sm" fw={600} />
                          </Table.Td>
                        </Table.Tr>
                      ))}
                    </Table.Tbody>
                  </Table>
                </Table.ScrollContainer>
                <Text size="xs" c="dimmed" mt="xs">
                  {t("asOf")} <When at={at} size="xs" />
                </Text>
              </Card>
              <DataTable
                label={t("ageing.title")}
                columns={columnsOf(t, own)}
                rows={hereRows(shown, ageing)}
                rowKey={(r) => `${r.partner} ${r.payer} ${r.currency}`}
                file="ageing"
                empty={<Empty title={t("ageing.none")} icon={<IconHourglass />}>{t("ageing.noneText")}</Empty>}
                toolbar={
                  <Group gap="sm" align="flex-end">
                    <PartnerSelect />
                    <Select size="sm" label={t("currency")} placeholder={t("allCurrencies")} data={currencies} value={currency ?? null} clearable clearButtonProps={{ "aria-label": t("clear") }} onChange={(v) => change({ currency: v ?? undefined })} w={150} />
                    <Select
                      size="sm"
                      label={t("direction")}
                      placeholder={t("both")}
                      data={[
                        { value: "them", label: t("ageing.toUs") },
                        { value: "us", label: t("ageing.byUs") },
                      ]}
                      value={payer ?? null}
                      clearable
                      clearButtonProps={{ "aria-label": t("clear") }}
                      onChange={(v) => change({ payer: v ?? undefined })}
                      w={170}
                    />
                  </Group>
                }
              />
            </Stack>
          );
        }}
      </Loaded>
    </Page>
  );
}

function columnsOf(t: (key: string) => string, own: string): Column<Aged>[] {
  const cell = (b: (typeof buckets)[number]) => (r: Aged) =>
    micro(r[b]) === 0n ? (
      <Money amount={r[b]} currency={r.currency} size="sm" c="dimmed" />
    ) : (
      <Anchor component={Link} size="sm" to="/statements" search={{ tab: "obligations", partner: r.partner, payer: r.payer, currency: r.currency, age: b } as never} aria-label={`${r.partner} ${t(`ageing.bucket.${b}`)}`}>
        <Money amount={r[b]} currency={r.currency} size="sm" />
      </Anchor>
    );
  return [
    { id: "partner", header: t("partner"), width: "minmax(90px, 1fr)", cell: (r) => r.partner, value: (r) => r.partner },
    { id: "payer", header: t("direction"), width: "110px", cell: (r) => t(r.payer === own ? "ageing.byUs" : "ageing.toUs"), value: (r) => r.payer },
    { id: "currency", header: t("currency"), value: (r) => r.currency },
    ...buckets.map((b): Column<Aged> => ({ id: b, header: t(`ageing.bucket.${b}`), width: "minmax(92px, 1fr)", right: true, cell: cell(b), value: (r) => r[b] })),
    {
      id: "disputed",
      header: t("ageing.disputed"),
      width: "120px",
      right: true,
      cell: (r) =>
        micro(r.disputed) === 0n ? (
          <Money amount={r.disputed} currency={r.currency} size="sm" c="dimmed" />
        ) : (
          <Anchor component={Link} size="sm" to="/disputes" search={{ partner: r.partner } as never}>
            <Money amount={r.disputed} currency={r.currency} size="sm" />
          </Anchor>
        ),
      value: (r) => r.disputed,
    },
    { id: "carried", header: t("ageing.carried"), width: "92px", right: true, cell: (r) => <Money amount={r.carried} currency={r.currency} size="sm" />, value: (r) => r.carried },
    { id: "total", header: t("ageing.total"), width: "130px", right: true, cell: (r) => <Money amount={r.total} currency={r.currency} size="sm" fw={600} />, value: (r) => r.total },
  ];
}
