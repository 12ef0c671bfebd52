import { Badge, Box, Collapse, Drawer, Group, Progress, Stack, Table, Text, UnstyledButton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconChevronDown, IconGauge } from "@tabler/icons-react";
import { useQueries } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { useMay, useSession } from "@/api/session";
import { micro, share } from "@/lib/money";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Money } from "@/ui/Money";
import { Loaded, Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { StateBadge } from "@/ui/StateBadge";
import { When } from "@/ui/When";

import { GoTo, Hint, Opens, PartnerSelect, useAddress, usePartners } from "./common";
import { against, days, onTime, order, owed, widths } from "./credit";
import { hereRows } from "./rows";

type Credit = Schema<"Credit">;

const colors: Record<(typeof order)[number], string> = { billed: "lake.6", measured: "lake.4", accrued: "cyan.3", ordered: "grape.4", expected: "grape.2" };
const toneOf = { within: "teal", warned: "yellow", beyond: "red" } as const;

type Row = { partner: string; at: string; c: Credit };

const keyOf = (x: Row) => [x.partner, x.c.agreement, x.c.payer, x.c.currency].join("/");

// ExposurePage shows how far each side trusts the other, and how much of that is used: where
// least is left first. Each row opens what it is made of.
export function ExposurePage() {
  const { t } = useTranslation("money");
  const own = useSession()?.carrier;
  const [{ partner, id }, change] = useAddress();
  const partners = usePartners();
  const chosen = (partners.codes ?? []).filter((p) => !partner || p === partner);
  const lists = useQueries({ queries: chosen.map((p) => ({ ...api.queryOptions("get", "/v1/bilaterals/{partner}/credit", { params: { path: { partner: p } } }), staleTime: 15_000 })) });
  const failed = lists.find((l) => l.error);
  const pending = lists.some((l) => l.isPending);
  const found = chosen.flatMap((p, i) => (lists[i]?.data?.credit ?? []).map((c): Row => ({ partner: p, at: lists[i]!.data!.at, c })));
  found.sort((a, b) => rank(a.c) - rank(b.c) || share(b.c.exposure, b.c.allocation) - share(a.c.exposure, a.c.allocation));
  const opened = found.find((x) => keyOf(x) === id);
  const columns: Column<Row>[] = [
    { id: "who", header: t("exposure.who"), width: "minmax(190px, 1fr)", cell: (x) => <Opens onClick={() => change({ id: keyOf(x) })}>{whoOf(x, own, t)}</Opens>, value: (x) => `${x.c.payer} buys from ${x.c.payee}` },
    { id: "agreement", header: t("agreement"), width: "110px", cell: (x) => x.c.agreement, value: (x) => x.c.agreement },
    { id: "state", header: t("state"), width: "100px", cell: (x) => <State of={x.c} />, value: (x) => x.c.state },
    { id: "exposure", header: t("exposure.exposure"), width: "160px", right: true, cell: (x) => <Money amount={x.c.exposure} currency={x.c.currency} size="sm" fw={600} />, value: (x) => x.c.exposure },
    { id: "allocation", header: t("exposure.allocation"), width: "130px", right: true, cell: (x) => <Money amount={x.c.allocation} currency={x.c.currency} size="sm" />, value: (x) => x.c.allocation },
    {
      id: "used",
      header: t("exposure.used"),
      width: "minmax(110px, 0.6fr)",
      cell: (x) => <Progress value={Math.min(100, Math.max(0, share(x.c.exposure, x.c.allocation) * 100))} color={x.c.state === "within" ? "lake" : toneOf[x.c.state]} aria-label={`${t("exposure.used")}, ${whoOf(x, own, t)}, ${x.c.currency}`} />,
      value: (x) => share(x.c.exposure, x.c.allocation),
    },
    { id: "available", header: t("exposure.available"), width: "160px", right: true, cell: (x) => <Money amount={x.c.available} currency={x.c.currency} size="sm" c={micro(x.c.available) < 0n ? "var(--mantine-color-error)" : undefined} />, value: (x) => x.c.available },
    { id: "currency", header: t("currency"), value: (x) => x.c.currency },
  ];
  return (
    <Page title={t("exposure.title")} lead={t("exposure.lead")}>
      <Loaded of={partners}>
        {() => (
          <>
            {failed && <ProblemAlert error={failed.error} retry={() => void failed.refetch()} />}
            <DataTable
              label={t("exposure.title")}
              columns={columns}
              rows={hereRows(found, { isFetching: pending })}
              rowKey={keyOf}
              file="exposure"
              toolbar={<PartnerSelect />}
              empty={
                <Empty title={t("exposure.none")} icon={<IconGauge />}>
                  {t("exposure.noneText")} <GoTo to="/agreements" underline="always">{t("ui:nav.agreements")}</GoTo>
                </Empty>
              }
            />
          </>
        )}
      </Loaded>
      <Hint>{t("exposure.hint")}</Hint>
      <Drawer opened={Boolean(opened)} onClose={() => change({ id: undefined })} position="right" size="xl" title={opened && `${whoOf(opened, own, t)}, ${opened.c.currency}`} closeButtonProps={{ "aria-label": t("ui:close") }}>
        {opened && <CreditCard partner={opened.partner} at={opened.at} of={opened.c} />}
      </Drawer>
    </Page>
  );
}

const rank = (c: Credit) => (c.state === "beyond" ? 0 : c.state === "warned" ? 1 : 2);

const whoOf = (x: Row, own: string | undefined, t: (key: string, of: Record<string, string>) => string) => (x.c.payer === own ? t("exposure.weOwe", { partner: x.c.payee }) : t("exposure.theyOwe", { partner: x.c.payer }));

function State({ of }: { of: Credit }) {
  const { t } = useTranslation("money");
  return (
    <Badge variant="light" className="state" color={toneOf[of.state]}>
      {t(`exposure.state.${of.state}`)}
    </Badge>
  );
}

function CreditCard({ partner, at, of }: { partner: string; at: string; of: Credit }) {
  const { t, i18n } = useTranslation("money");
  const may = useMay();
  const [open, { toggle }] = useDisclosure();
  const w = widths(of.parts, of.allocation);
  return (
      <Stack gap="sm">
        <Group gap="xs">
          <State of={of} />
          <Text size="sm" c="dimmed">
            {of.agreement} · {of.terms}
          </Text>
        </Group>
        <Group gap="xl" align="flex-start">
          <Figure name={t("exposure.exposure")} of={of.exposure} currency={of.currency} />
          <Figure name={t("exposure.allocation")} of={of.allocation} currency={of.currency} />
          <Figure name={t("exposure.available")} of={of.available} currency={of.currency} bad={micro(of.available) < 0n} />
        </Group>
        <Box pos="relative" role="img" aria-label={t("exposure.bar")}>
          <Group gap={0} wrap="nowrap" h={16} style={{ borderRadius: 6, overflow: "hidden", background: "var(--faint)", border: "1px solid var(--line)" }}>
            {order.map((p) => w.part[p] > 0 && <Box key={p} h="100%" w={`${w.part[p]}%`} bg={colors[p]} style={{ borderRight: "1px solid var(--mantine-color-body)" }} />)}
          </Group>
          {w.covered > 0 && <Box mt={2} h={5} w={`${w.covered}%`} bg="teal.6" style={{ borderRadius: 3 }} />}
          <Box pos="absolute" top={-3} h={22} w={3} bg="var(--mantine-color-text)" style={{ left: `calc(${w.limit}% - 3px)` }} />
        </Box>
        <Table verticalSpacing={3} aria-label={t("exposure.parts")}>
          <Table.Tbody>
            {order.map((p) => (
              <Table.Tr key={p}>
                <Table.Th fw={400} scope="row">
                  <Group gap={8} wrap="nowrap">
                    <Box w={12} h={12} bg={colors[p]} style={{ borderRadius: 3, flexShrink: 0 }} aria-hidden />
                    {t(`exposure.part.${p}`)}
                  </Group>
                </Table.Th>
                <Table.Td ta="right">
                  <Money amount={of.parts[p]} currency={of.currency} size="sm" />
                </Table.Td>
              </Table.Tr>
            ))}
            <Table.Tr>
              <Table.Th scope="row">{t("exposure.owed")}</Table.Th>
              <Table.Td ta="right">
                <Money amount={owed(of.parts)} currency={of.currency} size="sm" fw={600} />
              </Table.Td>
            </Table.Tr>
            {against.map((p) => (
              <Table.Tr key={p}>
                <Table.Th fw={400} scope="row">
                  <Group gap={8} wrap="nowrap">
                    <Box w={12} h={5} bg="teal.6" style={{ borderRadius: 3, flexShrink: 0 }} aria-hidden />
                    {t(`exposure.part.${p}`)}
                  </Group>
                </Table.Th>
                <Table.Td ta="right">
                  <Money amount={less0(of.parts[p])} currency={of.currency} size="sm" />
                </Table.Td>
              </Table.Tr>
            ))}
            <Table.Tr>
              <Table.Th scope="row">{t("exposure.exposure")}</Table.Th>
              <Table.Td ta="right">
                <Money amount={of.exposure} currency={of.currency} size="sm" fw={600} />
              </Table.Td>
            </Table.Tr>
          </Table.Tbody>
        </Table>
        <Text size="sm">
          {of.ceiling ? t("exposure.atRisk") : t("exposure.atRiskFree")} <Money amount={of.at_risk} currency={of.currency} size="sm" />
          {of.ceiling && (
            <>
              {" "}
              {t("exposure.ofCeiling")} <Money amount={of.ceiling} currency={of.currency} size="sm" />
            </>
          )}
        </Text>
        <Text size="sm">
          {t(`exposure.beyond.${of.beyond}`)}
          {of.warn && (
            <>
              {" "}
              {t("exposure.warnFrom")} <Money amount={of.warn} currency={of.currency} size="sm" />
            </>
          )}
          {of.deposit && (
            <>
              {" "}
              {t("exposure.depositNeeded")} <Money amount={of.deposit} currency={of.currency} size="sm" />
            </>
          )}
        </Text>
        <UnstyledButton onClick={toggle} aria-expanded={open} mih={28}>
          <Group gap={6}>
            <IconChevronDown size={16} aria-hidden style={{ transform: open ? "rotate(180deg)" : undefined }} />
            <Text size="sm" fw={600}>
              {t("exposure.score", { score: of.score, days: of.history_days })}
            </Text>
          </Group>
        </UnstyledButton>
        <Collapse expanded={open}>
          <Stack gap="xs">
            <Text size="sm">{t("exposure.scoreText", { count: of.invoices, onTime: onTime(of.history) })}</Text>
            {of.history.length > 0 && (
              <Table.ScrollContainer minWidth={460}>
                <Table verticalSpacing={3} aria-label={t("exposure.history")}>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>{t("invoice")}</Table.Th>
                      <Table.Th>{t("exposure.issued")}</Table.Th>
                      <Table.Th>{t("due")}</Table.Th>
                      <Table.Th>{t("exposure.received")}</Table.Th>
                      <Table.Th>{t("state")}</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {of.history.map((h) => (
                      <Table.Tr key={h.invoice}>
                        <Table.Td>{h.invoice}</Table.Td>
                        <Table.Td>
                          <When at={h.issued} shape={{ time: false }} size="sm" />
                        </Table.Td>
                        <Table.Td>
                          <When at={h.due} shape={{ time: false }} size="sm" />
                        </Table.Td>
                        <Table.Td>
                          {h.received ? (
                            <>
                              <When at={h.received} shape={{ time: false }} size="sm" /> <Text span size="xs" c="dimmed">{t("exposure.days", { count: days(h) ?? 0, n: (days(h) ?? 0).toLocaleString(i18n.language) })}</Text>
                            </>
                          ) : (
                            "–"
                          )}
                        </Table.Td>
                        <Table.Td>
                          <StateBadge state={h.late ? (h.received ? "late" : "overdue") : "paid"} />
                        </Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
            )}
          </Stack>
        </Collapse>
        <Group gap="md">
          {may("list-obligations") && (
            <GoTo to="/statements" search={{ tab: "obligations", partner, payer: of.payer }}>
              {t("exposure.toObligations")}
            </GoTo>
          )}
          {may("list-invoices") && (
            <GoTo to="/invoices" search={{ partner }}>
              {t("exposure.toInvoices")}
            </GoTo>
          )}
          {may("list-deposits") && (
            <GoTo to="/deposits" search={{ partner }}>
              {t("deposits.title")}
            </GoTo>
          )}
        </Group>
        <Text size="xs" c="dimmed">
          {t("asOf")} <When at={at} size="xs" />
        </Text>
      </Stack>
  );
}

const less0 = (v: string) => (micro(v) > 0n ? `-${v}` : v);

function Figure({ name, of, currency, bad }: { name: string; of: string; currency: string; bad?: boolean }) {
  return (
    <div>
      <Text size="sm" c="dimmed">
        {name}
      </Text>
      <Money amount={of} currency={currency} fz={20} fw={650} c={bad ? "var(--mantine-color-error)" : undefined} />
    </div>
  );
}
