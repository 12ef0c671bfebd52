import { Button, Card, Group, Select, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconArrowRight, IconArrowsExchange } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { useMay, useSession } from "@/api/session";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Money } from "@/ui/Money";
import { Loaded, Page } from "@/ui/Page";
import { When } from "@/ui/When";

import { dayEnd, dayStart, positive } from "./amount";
import { AmountInput, DayInput, FormModal, MemberInput, Sections, TokenSelect, useAddress, useFieldProblem, useKey, usePurpose, useRenewed } from "./common";
import { Holds } from "./Holds";
import { Rates } from "./Rates";
import { Redemptions } from "./Redemptions";
import { flatRows } from "./rows";
import { Swaps } from "./Swaps";

// BalancesPage shows this carrier's accounts on the Omnilateral, and what moves them.
export function BalancesPage() {
  const { t } = useTranslation("money");
  const may = useMay();
  const [transfer, setTransfer] = useState(false);
  return (
    <Page
      title={t("balances.title")}
      lead={t("balances.lead")}
      actions={
        may("make-transfers") && (
          <Button leftSection={<IconArrowRight size={18} aria-hidden />} onClick={() => setTransfer(true)}>
            {t("transfer.new")}
          </Button>
        )
      }
    >
      <Sections
        label={t("balances.title")}
        of={[
          { id: "accounts", text: t("balances.accounts"), show: () => <Accounts /> },
          { id: "movements", text: t("balances.movements"), show: () => <Movements />, absent: !may("list-movements") },
          { id: "transfers", text: t("balances.transfers"), show: () => <Transfers />, absent: !may("list-transfers") },
          { id: "holds", text: t("balances.holds"), show: () => <Holds />, absent: !may("list-holds") },
          { id: "swaps", text: t("balances.swaps"), show: () => <Swaps />, absent: !may("list-swaps") },
          { id: "redemptions", text: t("balances.redemptions"), show: () => <Redemptions />, absent: !may("list-redemptions") },
          { id: "rates", text: t("balances.rates"), show: () => <Rates />, absent: !may("list-feeds") },
        ]}
      />
      <TransferForm opened={transfer} onClose={() => setTransfer(false)} />
    </Page>
  );
}

type Balance = Schema<"Balance">;

// byCurrency puts balances of one currency together, in the order in which they come.
export function byCurrency(all: Balance[]): [currency: string, of: Balance[]][] {
  const out = new Map<string, Balance[]>();
  for (const b of all) out.set(b.account.currency, [...(out.get(b.account.currency) ?? []), b]);
  return [...out];
}

function Accounts() {
  const { t } = useTranslation("money");
  const purpose = usePurpose();
  const list = api.useQuery("get", "/v1/accounts", { params: { query: { limit: 1000 } } });
  return (
    <Loaded of={list}>
      {({ items }) =>
        items.length ? (
          <SimpleGrid cols={{ base: 1, sm: 2, xl: 3 }}>
            {byCurrency(items).map(([currency, of]) => {
              const free = of.find((b) => b.account.purpose === "available");
              const rest = of.filter((b) => b !== free);
              return (
                <Card withBorder key={currency} component="section" aria-label={currency}>
                  <Stack gap="xs">
                    <Title order={2} size="h4">
                      {currency}
                    </Title>
                    {free && (
                      <div>
                        <Text size="sm" c="dimmed">
                          {purpose("available")}
                        </Text>
                        <Money amount={free.amount} currency={currency} fz={26} fw={650} />
                      </div>
                    )}
                    {rest.map((b) => (
                      <Group justify="space-between" key={`${b.account.party} ${b.account.purpose}`} gap="xs">
                        <Text size="sm">{purpose(b.account.purpose)}</Text>
                        <Money amount={b.amount} currency={currency} size="sm" />
                      </Group>
                    ))}
                  </Stack>
                </Card>
              );
            })}
          </SimpleGrid>
        ) : (
          <Card withBorder>
            <Empty title={t("balances.none")}>{t("balances.noneText")}</Empty>
          </Card>
        )
      }
    </Loaded>
  );
}

type Posting = Schema<"SettlementPosting"> & { key: string; time: string; height: number; cause: string; subject: string };

// postings makes one row of each posting of journal entries.
export function postings(j: Schema<"Journal">): Posting[] {
  return j.postings.map((p, i) => ({ ...p, key: `${j.height}-${j.number}-${i}`, time: j.time, height: j.height, cause: j.cause, subject: j.subject }));
}

function Movements() {
  const { t } = useTranslation("money");
  const purpose = usePurpose();
  const [{ currency, purpose: chosen, from, to }, change] = useAddress();
  const own = useSession()?.carrier;
  const accounts = api.useQuery("get", "/v1/accounts", { params: { query: { limit: 1000 } } });
  const pages = usePages("/v1/accounts/statement", { query: { currency, purpose: chosen, from: dayStart(from), to: dayEnd(to) } });
  const side = (a: Schema<"SettlementAccount">) => (a.party === own ? purpose(a.purpose) : `${a.party} · ${purpose(a.purpose)}`);
  const columns: Column<Posting>[] = [
    { id: "time", header: t("time"), width: "230px", cell: (r) => <When at={r.time} size="sm" />, value: (r) => r.time },
    { id: "cause", header: t("cause"), cell: (r) => r.cause, value: (r) => r.cause },
    { id: "subject", header: t("subject"), cell: (r) => <span title={r.subject}>{r.subject}</span>, value: (r) => r.subject },
    { id: "from", header: t("fromAccount"), width: "minmax(160px, 1fr)", cell: (r) => side(r.from), value: (r) => `${r.from.party} ${r.from.purpose}` },
    { id: "to", header: t("toAccount"), width: "minmax(160px, 1fr)", cell: (r) => side(r.to), value: (r) => `${r.to.party} ${r.to.purpose}` },
    { id: "amount", header: t("amount"), width: "170px", right: true, cell: (r) => <Money amount={r.amount} currency={r.from.currency} size="sm" />, value: (r) => r.amount },
    { id: "currency", header: t("currency"), value: (r) => r.from.currency },
  ];
  const items = accounts.data?.items ?? [];
  return (
    <DataTable
      label={t("balances.movements")}
      columns={columns}
      rows={flatRows(pages, postings)}
      rowKey={(r) => r.key}
      file="movements"
      empty={<Empty title={t("movements.none")}>{t("movements.noneText")}</Empty>}
      toolbar={
        <Group gap="sm" align="flex-end">
          <Select size="sm" label={t("currency")} placeholder={t("allCurrencies")} clearable clearButtonProps={{ "aria-label": t("clear") }} data={[...new Set(items.map((b) => b.account.currency))]} value={currency ?? null} onChange={(v) => change({ currency: v ?? undefined })} w={150} />
          <Select
            size="sm"
            label={t("purposeName")}
            placeholder={t("allPurposes")}
            clearable
            clearButtonProps={{ "aria-label": t("clear") }}
            data={[...new Set(items.map((b) => b.account.purpose))].map((value) => ({ value, label: purpose(value) }))}
            value={chosen ?? null}
            onChange={(v) => change({ purpose: v ?? undefined })}
            w={170}
          />
          <DayInput of="from" label={t("fromDay")} />
          <DayInput of="to" label={t("toDay")} />
        </Group>
      }
    />
  );
}

function Transfers() {
  const { t } = useTranslation("money");
  const purpose = usePurpose();
  const [{ all }, change] = useAddress();
  const received = all === "received";
  const rows = usePages("/v1/transfers", { query: received ? { received } : {} });
  const columns: Column<Schema<"Transfer">>[] = [
    { id: "time", header: t("time"), width: "230px", cell: (r) => <When at={r.time} size="sm" />, value: (r) => r.time },
    { id: "sender", header: t("sender"), cell: (r) => r.sender, value: (r) => r.sender },
    { id: "to", header: t("receiver"), cell: (r) => r.to, value: (r) => r.to },
    { id: "amount", header: t("amount"), width: "180px", right: true, cell: (r) => <Money amount={r.amount.amount} currency={r.amount.token} size="sm" />, value: (r) => r.amount.amount },
    { id: "token", header: t("token"), width: "90px", cell: (r) => r.amount.token, value: (r) => r.amount.token },
    { id: "purpose", header: t("purposeName"), cell: (r) => (r.from_purpose === r.to_purpose ? purpose(r.to_purpose) : `${purpose(r.from_purpose)} → ${purpose(r.to_purpose)}`), value: (r) => `${r.from_purpose} ${r.to_purpose}` },
    { id: "id", header: t("id"), cell: (r) => <span title={r.id}>{r.id}</span>, value: (r) => r.id },
  ];
  return (
    <DataTable
      label={t("balances.transfers")}
      columns={columns}
      rows={rows}
      rowKey={(r) => `${r.sender} ${r.id}`}
      file="transfers"
      empty={<Empty title={t("transfer.none")} icon={<IconArrowsExchange />}>{t("transfer.noneText")}</Empty>}
      toolbar={
        <Select
          size="sm"
          label={t("direction")}
          allowDeselect={false}
          data={[
            { value: "made", label: t("transfer.made") },
            { value: "received", label: t("transfer.received") },
          ]}
          value={received ? "received" : "made"}
          onChange={(v) => change({ all: v === "received" ? v : undefined })}
          w={180}
        />
      }
    />
  );
}

function TransferForm({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const purpose = usePurpose();
  const key = useKey(opened);
  const form = useForm({
    initialValues: { to: "", token: "", amount: "", from_purpose: "available" },
    validate: { to: (v) => (v ? null : t("ui:required")), token: (v) => (v ? null : t("ui:required")), amount: (v) => (positive(v) ? null : t("badAmount")) },
  });
  const make = api.useMutation(
    "post",
    "/v1/transfers",
    renewed(t("transfer.done"), () => {
      form.reset();
      onClose();
    }),
  );
  useFieldProblem(form, make.error);
  return (
    <FormModal
      opened={opened}
      onClose={onClose}
      title={t("transfer.new")}
      submit={t("transfer.send")}
      busy={make.isPending}
      error={make.error}
      onSubmit={form.onSubmit((v) =>
        make.mutate({
          params: { header: { "Idempotency-Key": key } },
          body: { transfers: [{ to: v.to, amount: { token: v.token, amount: v.amount }, from_purpose: v.from_purpose as "available" }] },
        }),
      )}
    >
      <Text size="sm">{t("transfer.text")}</Text>
      <MemberInput label={t("receiver")} required {...form.getInputProps("to")} />
      <Group grow align="flex-start">
        <TokenSelect label={t("token")} required {...form.getInputProps("token")} />
        <AmountInput label={t("amount")} required {...form.getInputProps("amount")} />
      </Group>
      <Select label={t("transfer.outOf")} allowDeselect={false} data={["available", "fee", "tax"].map((value) => ({ value, label: purpose(value) }))} {...form.getInputProps("from_purpose")} />
    </FormModal>
  );
}
