import { Button, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconCash, IconCoins, IconReceipt } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { useMay } from "@/api/session";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Money } from "@/ui/Money";
import { StateBadge } from "@/ui/StateBadge";
import { When } from "@/ui/When";

import { dayEnd } from "./amount";
import { FormModal, GoTo, Hint, PartnerSelect, useAddress, useFieldProblem, useRenewed } from "./common";

// Due are the debts that a bank may pay now, and why it may not.
export function Due() {
  const { t } = useTranslation("money");
  const may = useMay();
  const [{ partner, currency }, change] = useAddress();
  const rows = usePages("/v1/payments/due", { query: { partner, currency } });
  const [making, setMaking] = useState(false);
  const columns: Column<Schema<"DuePayment">>[] = [
    { id: "partner", header: t("payee"), width: "110px", cell: (r) => r.partner, value: (r) => r.partner },
    { id: "obligation", header: t("obligation.name"), width: "minmax(180px, 1fr)", cell: (r) => <GoTo to="/statements" search={{ tab: "obligations", partner: r.partner, id: r.obligation }}>{r.obligation}</GoTo>, value: (r) => r.obligation },
    { id: "state", header: t("state"), width: "110px", cell: (r) => <StateBadge state={r.state} />, value: (r) => r.state },
    { id: "due", header: t("due"), width: "230px", cell: (r) => <When at={r.due} size="sm" />, value: (r) => r.due },
    { id: "owed", header: t("payments.owed"), width: "160px", right: true, cell: (r) => <Money amount={r.owed.amount} currency={r.owed.currency} size="sm" />, value: (r) => r.owed.amount },
    { id: "pays", header: t("payments.pays"), width: "150px", right: true, cell: (r) => <Money amount={r.pays.amount} currency={r.pays.currency} size="sm" fw={600} />, value: (r) => r.pays.amount },
    { id: "discount", header: t("payments.discount"), width: "140px", right: true, cell: (r) => <Money amount={r.discount.amount} currency={r.discount.currency} size="sm" />, value: (r) => r.discount.amount },
    { id: "carried", header: t("payments.carries"), width: "140px", right: true, cell: (r) => <Money amount={r.carried.amount} currency={r.carried.currency} size="sm" />, value: (r) => r.carried.amount },
    { id: "currency", header: t("currency"), value: (r) => r.owed.currency },
    { id: "run", header: t("payments.run"), width: "110px", cell: (r) => (r.run ? <GoTo to="/payments" search={{ tab: "runs", id: r.run }}>{r.run}</GoTo> : "–"), value: (r) => r.run },
    { id: "why", header: t("payments.notNow"), width: "minmax(200px, 2fr)", cell: (r) => <span title={r.why}>{r.why ?? "–"}</span>, value: (r) => r.why },
    { id: "reference", header: t("reference"), width: "240px", cell: (r) => r.reference, value: (r) => r.reference },
  ];
  return (
    <Stack gap="sm">
      <DataTable
        label={t("payments.due")}
        columns={columns}
        rows={rows}
        rowKey={(r) => `${r.partner} ${r.obligation}`}
        file="due"
        empty={<Empty title={t("payments.dueNone")} icon={<IconCash />}>{t("payments.dueNoneText")}</Empty>}
        toolbar={
          <Group gap="sm" align="flex-end">
            <PartnerSelect />
            <TextInput size="sm" label={t("currency")} placeholder={t("allCurrencies")} value={currency ?? ""} maxLength={8} onChange={(e) => change({ currency: e.currentTarget.value.trim().toUpperCase() || undefined })} w={130} />
            {may("create-payment-run") && <Button onClick={() => setMaking(true)}>{t("run.new")}</Button>}
          </Group>
        }
      />
      <Hint>{t("payments.dueHint")}</Hint>
      {making && <RunForm partner={partner} currency={currency} onClose={() => setMaking(false)} />}
    </Stack>
  );
}

export function RunForm({ partner, currency, onClose }: { partner?: string; currency?: string; onClose: () => void }) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const navigate = useNavigate();
  const accounts = api.useQuery("get", "/v1/payments/own-accounts", { params: { query: { limit: 1000 } } });
  const form = useForm({
    initialValues: { account: "", currency: currency ?? "", until: "", execute: "" },
    validate: { account: (v) => (v ? null : t("ui:required")) },
  });
  const create = api.useMutation("post", "/v1/payments/runs", {
    onSuccess: (run) => {
      renewed(t("run.made", { id: run.id }), onClose).onSuccess(run);
      void navigate({ to: "/payments", search: { tab: "runs", id: run.id } as never });
    },
  });
  useFieldProblem(form, create.error);
  const items = accounts.data?.items ?? [];
  return (
    <FormModal
      opened
      onClose={onClose}
      title={t("run.new")}
      submit={t("run.make")}
      busy={create.isPending}
      error={create.error ?? accounts.error}
      onSubmit={form.onSubmit((v) =>
        create.mutate({
          body: {
            account: v.account,
            ...(v.currency ? { currency: v.currency } : {}),
            ...(v.until ? { until: dayEnd(v.until) } : {}),
            ...(v.execute ? { execute: v.execute } : {}),
            ...(partner ? { partners: [partner] } : {}),
          },
        }),
      )}
    >
      <Text size="sm">{partner ? t("run.textOne", { partner }) : t("run.text")}</Text>
      <Select
        label={t("run.account")}
        required
        allowDeselect={false}
        placeholder={accounts.data && !items.length ? t("run.noAccount") : undefined}
        data={items.map((a) => ({ value: a.account, label: `${a.account}${a.currency ? ` · ${a.currency}` : ""}` }))}
        {...form.getInputProps("account")}
      />
      <TextInput label={t("currency")} description={t("run.currencyText")} maxLength={8} {...form.getInputProps("currency")} />
      <Group grow align="flex-start">
        <TextInput type="date" label={t("run.until")} description={t("run.untilText")} {...form.getInputProps("until")} />
        <TextInput type="date" label={t("run.execute")} description={t("run.executeText")} {...form.getInputProps("execute")} />
      </Group>
    </FormModal>
  );
}

// Received is money that came in for what others owe.
export function Received() {
  const { t } = useTranslation("money");
  const [{ all }, change] = useAddress();
  const rows = usePages("/v1/payments/received", { query: all ? { all: true } : {} });
  const columns: Column<Schema<"ReceivedMoney">>[] = [
    { id: "time", header: t("time"), width: "230px", cell: (r) => <When at={r.time} size="sm" />, value: (r) => r.time },
    { id: "partner", header: t("payer"), width: "110px", cell: (r) => r.partner, value: (r) => r.partner },
    { id: "obligation", header: t("obligation.name"), width: "minmax(180px, 1fr)", cell: (r) => <GoTo to="/statements" search={{ tab: "obligations", partner: r.partner, id: r.obligation }}>{r.obligation}</GoTo>, value: (r) => r.obligation },
    { id: "amount", header: t("amount"), width: "160px", right: true, cell: (r) => <Money amount={r.amount.amount} currency={r.amount.currency} size="sm" />, value: (r) => r.amount.amount },
    { id: "currency", header: t("currency"), value: (r) => r.amount.currency },
    { id: "state", header: t("state"), width: "120px", cell: (r) => <StateBadge state={r.state} />, value: (r) => r.state },
    { id: "bank", header: t("payments.bankReference"), cell: (r) => r.evidence.bank_reference ?? "–", value: (r) => r.evidence.bank_reference },
    { id: "problem", header: t("payments.problem"), width: "minmax(200px, 2fr)", cell: (r) => <span title={r.problem}>{r.problem ?? "–"}</span>, value: (r) => r.problem },
  ];
  return (
    <DataTable
      label={t("payments.received")}
      columns={columns}
      rows={rows}
      rowKey={(r) => `${r.partner} ${r.obligation} ${r.time} ${r.evidence.message} ${r.evidence.entry} ${r.evidence.payment}`}
      file="received"
      empty={<Empty title={t("payments.receivedNone")} icon={<IconReceipt />}>{t("payments.receivedNoneText")}</Empty>}
      toolbar={<ShowSelect all={all} change={change} open={t("payments.waiting")} every={t("payments.andConfirmed")} />}
    />
  );
}

export function ShowSelect({ all, change, open, every }: { all?: string; change: (s: { all?: string }) => void; open: string; every: string }) {
  const { t } = useTranslation("money");
  return (
    <Select
      size="sm"
      label={t("show")}
      allowDeselect={false}
      data={[
        { value: "open", label: open },
        { value: "all", label: every },
      ]}
      value={all ? "all" : "open"}
      onChange={(v) => change({ all: v === "all" ? "1" : undefined })}
      w={240}
    />
  );
}

// Carried are rests of less than a minor unit, which the next debt takes up.
export function Carried() {
  const { t } = useTranslation("money");
  const rows = usePages("/v1/payments/carried", {});
  const columns: Column<Schema<"CarriedRest">>[] = [
    { id: "partner", header: t("payee"), cell: (r) => r.partner, value: (r) => r.partner },
    { id: "amount", header: t("payments.rest"), right: true, cell: (r) => <Money amount={r.amount.amount} currency={r.amount.currency} size="sm" />, value: (r) => r.amount.amount },
    { id: "currency", header: t("currency"), value: (r) => r.amount.currency },
  ];
  return (
    <Stack gap="sm">
      <DataTable label={t("payments.carried")} columns={columns} rows={rows} rowKey={(r) => `${r.partner} ${r.amount.currency}`} file="carried" empty={<Empty title={t("payments.carriedNone")} icon={<IconCoins />}>{t("payments.carriedText")}</Empty>} />
      <Hint>{t("payments.carriedText")}</Hint>
    </Stack>
  );
}
