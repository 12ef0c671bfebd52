import { Alert, Badge, Button, Card, Group, Stack, Table, Title } from "@mantine/core";
import { IconFileText } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { useMay, useSession } from "@/api/session";
import { micro } from "@/lib/money";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Money } from "@/ui/Money";
import { Loaded, Page } from "@/ui/Page";
import { Subject } from "@/ui/Subject";
import { When } from "@/ui/When";

import { dayEnd, dayStart } from "./amount";
import { postings } from "./BalancesPage";
import { DayInput, PartnerSelect, Sections, useAddress, usePartners, usePurpose } from "./common";
import { Obligations } from "./Obligations";
import { flatRows, hereRows } from "./rows";

// StatementsPage shows the account with one partner: statement, debts, and each posting.
export function StatementsPage() {
  const { t } = useTranslation("money");
  const may = useMay();
  return (
    <Page title={t("statements.title")} lead={t("statements.lead")}>
      <Sections
        label={t("statements.title")}
        of={[
          { id: "statement", text: t("statements.statement"), show: () => <Statements />, absent: !may("get-statement") },
          { id: "obligations", text: t("statements.obligations"), show: () => <Obligations />, absent: !may("list-obligations") },
          { id: "journal", text: t("statements.journal"), show: () => <Journal />, absent: !may("list-journal") },
          { id: "accounts", text: t("statements.accounts"), show: () => <Accounts />, absent: !may("list-balances") },
        ]}
      />
    </Page>
  );
}

// useOne gives the partner in the address; without one, the first of all.
export function useOne(): string | undefined {
  const [{ partner }] = useAddress();
  const { codes } = usePartners();
  return partner ?? codes?.[0];
}

function Statements() {
  const { t } = useTranslation("money");
  const [{ from, to }] = useAddress();
  const partner = useOne();
  const list = api.useQuery("get", "/v1/bilaterals/{partner}/statement", { params: { path: { partner: partner ?? "" }, query: { from: dayStart(from), to: dayEnd(to) } } }, { enabled: Boolean(partner) });
  return (
    <Stack gap="lg">
      <Group gap="sm" align="flex-end">
        <PartnerSelect all={false} />
        <DayInput of="from" label={t("fromDay")} />
        <DayInput of="to" label={t("toDay")} />
        <Button variant="default" onClick={() => window.print()}>
          {t("print")}
        </Button>
      </Group>
      <Loaded of={list}>
        {(l) =>
          l.statements.length ? (
            <Stack gap="lg">
              {l.statements.map((s) => (
                <OneStatement key={s.currency} of={s} partner={l.partner} refetch={list} />
              ))}
            </Stack>
          ) : (
            <Card withBorder>
              <Empty title={t("statements.none")} icon={<IconFileText />}>
                {t("statements.noneText")}
              </Empty>
            </Card>
          )
        }
      </Loaded>
    </Stack>
  );
}

function OneStatement({ of, partner, refetch }: { of: Schema<"Statement">; partner: string; refetch: { isFetching: boolean; error: unknown; refetch: () => unknown } }) {
  const { t } = useTranslation("money");
  const own = useSession()?.carrier;
  const side = (amount: string) => (micro(amount) === 0n ? t("statements.even") : micro(amount) > 0n ? t("statements.owesUs", { partner }) : t("statements.weOwe", { own, partner }));
  const columns: Column<Schema<"StatementLine">>[] = [
    { id: "time", header: t("time"), width: "210px", cell: (r) => <When at={r.time} size="sm" />, value: (r) => r.time },
    { id: "kind", header: t("kind"), width: "120px", cell: (r) => <Badge variant="light" color="gray" className="state">{t(`statements.kind.${r.kind}`)}</Badge>, value: (r) => r.kind },
    { id: "subject", header: t("subject"), width: "minmax(140px, 1fr)", cell: (r) => <span title={r.subject}>{r.subject}</span>, value: (r) => r.subject },
    { id: "reference", header: t("reference"), width: "minmax(110px, 0.5fr)", cell: (r) => <span title={r.reference}>{r.reference ?? "–"}</span>, value: (r) => r.reference },
    { id: "amount", header: t("amount"), width: "150px", right: true, cell: (r) => <Money amount={r.amount} currency={of.currency} size="sm" />, value: (r) => r.amount },
    { id: "balance", header: t("statements.balance"), width: "150px", right: true, cell: (r) => <Money amount={r.balance} currency={of.currency} size="sm" />, value: (r) => r.balance },
  ];
  return (
    <Card withBorder component="section" aria-label={`${partner} ${of.currency}`}>
      <Title order={2} size="h4" mb="xs">
        {partner} · {of.currency}
      </Title>
      <Table.ScrollContainer minWidth={300}>
        <Table w="auto" mb="sm" aria-label={t("statements.statement")}>
          <Table.Tbody>
            <Table.Tr>
              <Table.Th scope="row">{t("statements.opening")}</Table.Th>
              <Table.Td ta="right">
                <Money amount={of.opening} currency={of.currency} />
              </Table.Td>
              <Table.Td>{side(of.opening)}</Table.Td>
            </Table.Tr>
            <Table.Tr>
              <Table.Th scope="row">{t("statements.closing")}</Table.Th>
              <Table.Td ta="right">
                <Money amount={of.closing} currency={of.currency} fw={650} />
              </Table.Td>
              <Table.Td>{side(of.closing)}</Table.Td>
            </Table.Tr>
            <Table.Tr>
              <Table.Th scope="row">{t("statements.carried")}</Table.Th>
              <Table.Td ta="right">
                <Money amount={of.carried} currency={of.currency} />
              </Table.Td>
              <Table.Td>{t("statements.carriedText")}</Table.Td>
            </Table.Tr>
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <DataTable
        label={`${t("statements.statement")} ${partner} ${of.currency}`}
        columns={columns}
        rows={hereRows(of.lines, refetch)}
        rowKey={(r) => `${r.time} ${r.kind} ${r.subject} ${r.balance}`}
        file={`statement-${partner}-${of.currency}`}
        height={420}
        empty={<Empty title={t("statements.noLines")}>{t("statements.noneText")}</Empty>}
      />
    </Card>
  );
}

type Row = ReturnType<typeof postings>[number];

function Journal() {
  const { t } = useTranslation("money");
  const partner = useOne();
  const pages = usePages("/v1/bilaterals/{partner}/journal", { path: { partner: partner ?? "" }, query: { descending: true } }, { enabled: Boolean(partner) });
  const purpose = usePurpose();
  const side = (a: Schema<"SettlementAccount">) => `${a.party} · ${purpose(a.purpose)}`;
  const columns: Column<Row>[] = [
    { id: "time", header: t("time"), width: "230px", cell: (r) => <When at={r.time} size="sm" />, value: (r) => r.time },
    { id: "height", header: t("block"), width: "90px", right: true, cell: (r) => r.height, value: (r) => r.height },
    { id: "cause", header: t("cause"), cell: (r) => r.cause, value: (r) => r.cause },
    { id: "subject", header: t("subject"), width: "minmax(200px, 1fr)", cell: (r) => <Subject of={r.subject} partner={partner ?? ""} />, value: (r) => r.subject },
    { id: "from", header: t("fromAccount"), width: "minmax(170px, 1fr)", cell: (r) => side(r.from), value: (r) => `${r.from.party} ${r.from.purpose}` },
    { id: "to", header: t("toAccount"), width: "minmax(170px, 1fr)", cell: (r) => side(r.to), value: (r) => `${r.to.party} ${r.to.purpose}` },
    { id: "amount", header: t("amount"), width: "170px", right: true, cell: (r) => <Money amount={r.amount} currency={r.from.currency} size="sm" />, value: (r) => r.amount },
    { id: "currency", header: t("currency"), value: (r) => r.from.currency },
  ];
  return (
    <Stack gap="sm">
      <Alert color="gray">{t("statements.journalText")}</Alert>
      <DataTable
        label={t("statements.journal")}
        columns={columns}
        rows={flatRows(pages, postings)}
        rowKey={(r) => r.key}
        file={`journal-${partner}`}
        empty={<Empty title={t("movements.none")}>{t("statements.noneText")}</Empty>}
        toolbar={
<PartnerSelect all={false} />
        }
      />
    </Stack>
  );
}

// Accounts are those of both sides on the Bilateral, and what stands on them.
function Accounts() {
  const { t } = useTranslation("money");
  const partner = useOne();
  const purpose = usePurpose();
  const rows = usePages("/v1/bilaterals/{partner}/balances", { path: { partner: partner ?? "" } }, { enabled: Boolean(partner) });
  const columns: Column<Schema<"Balance">>[] = [
    { id: "party", header: t("owner"), cell: (r) => r.account.party, value: (r) => r.account.party },
    { id: "purpose", header: t("purposeName"), cell: (r) => purpose(r.account.purpose), value: (r) => r.account.purpose },
    { id: "amount", header: t("amount"), width: "200px", right: true, cell: (r) => <Money amount={r.amount} currency={r.account.currency} size="sm" />, value: (r) => r.amount },
    { id: "currency", header: t("currency"), value: (r) => r.account.currency },
  ];
  return (
    <DataTable
      label={t("statements.accounts")}
      columns={columns}
      rows={rows}
      rowKey={(r) => `${r.account.party} ${r.account.purpose} ${r.account.currency}`}
      file={`accounts-${partner}`}
      empty={<Empty title={t("movements.none")}>{t("statements.noneText")}</Empty>}
      toolbar={<PartnerSelect all={false} />}
    />
  );
}
