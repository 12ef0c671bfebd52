import { Button, Group, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconBuildingBank } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { useMay } from "@/api/session";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { FileDrop } from "@/ui/FileDrop";
import { Money } from "@/ui/Money";
import { StateBadge } from "@/ui/StateBadge";
import { When } from "@/ui/When";

import { positive } from "./amount";
import { AmountInput, FormModal, StateSelect, TokenSelect, useAddress, useFieldProblem, useKey, useRenewed } from "./common";

// Redemptions are tokens that their issuer is to pay out at par.
export function Redemptions() {
  const { t } = useTranslation("money");
  const may = useMay();
  const [{ state }] = useAddress();
  const rows = usePages("/v1/redemptions", { query: state ? { state: state as "pending" } : {} });
  const [asking, setAsking] = useState(false);
  const columns: Column<Schema<"Redemption">>[] = [
    { id: "owner", header: t("owner"), cell: (r) => r.owner, value: (r) => r.owner },
    { id: "amount", header: t("amount"), width: "180px", right: true, cell: (r) => <Money amount={r.amount.amount} currency={r.amount.token} size="sm" />, value: (r) => r.amount.amount },
    { id: "token", header: t("token"), width: "90px", cell: (r) => r.amount.token, value: (r) => r.amount.token },
    { id: "state", header: t("state"), width: "120px", cell: (r) => <StateBadge state={r.state} />, value: (r) => r.state },
    { id: "expires", header: t("redemption.backAt"), width: "230px", cell: (r) => <When at={r.expires} size="sm" />, value: (r) => r.expires },
    { id: "act", header: t("redemption.act"), cell: (r) => r.act ?? "–", value: (r) => r.act },
    { id: "account", header: t("redemption.account"), width: "200px", cell: (r) => <code title={r.account}>{r.account.slice(0, 16)}…</code>, value: (r) => r.account },
    { id: "id", header: t("id"), cell: (r) => <span title={r.id}>{r.id}</span>, value: (r) => r.id },
  ];
  return (
    <>
      <DataTable
        label={t("balances.redemptions")}
        columns={columns}
        rows={rows}
        rowKey={(r) => `${r.owner} ${r.id}`}
        file="redemptions"
        empty={<Empty title={t("redemption.none")} icon={<IconBuildingBank />}>{t("redemption.noneText")}</Empty>}
        toolbar={
          <Group gap="sm" align="flex-end">
            <StateSelect of={["pending", "posted", "void"]} />
            {may("redeem-tokens") && <Button size="sm" variant="light" onClick={() => setAsking(true)}>{t("redemption.new")}</Button>}
          </Group>
        }
      />
      <RedeemForm opened={asking} onClose={() => setAsking(false)} />
    </>
  );
}

function RedeemForm({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const key = useKey(opened);
  const [file, setFile] = useState("");
  const form = useForm({
    initialValues: { token: "", amount: "", account: "" },
    validate: { token: (v) => (v ? null : t("ui:required")), amount: (v) => (positive(v) ? null : t("badAmount")), account: (v) => (/^[0-9a-f]{64}$/i.test(v) ? null : t("badHash")) },
  });
  const redeem = api.useMutation("post", "/v1/redemptions", renewed(t("redemption.done"), () => (form.reset(), setFile(""), onClose())));
  useFieldProblem(form, redeem.error);
  const hash = async (f: File) => {
    const sum = await crypto.subtle.digest("SHA-256", await f.arrayBuffer());
    setFile(f.name);
    form.setFieldValue("account", [...new Uint8Array(sum)].map((b) => b.toString(16).padStart(2, "0")).join(""));
  };
  return (
    <FormModal
      opened={opened}
      onClose={onClose}
      title={t("redemption.new")}
      submit={t("redemption.ask")}
      busy={redeem.isPending}
      error={redeem.error}
      onSubmit={form.onSubmit((v) => redeem.mutate({ params: { header: { "Idempotency-Key": key } }, body: { amount: { token: v.token, amount: v.amount }, account: v.account.toLowerCase() } }))}
    >
      <Text size="sm">{t("redemption.text")}</Text>
      <Group grow align="flex-start">
        <TokenSelect label={t("token")} required {...form.getInputProps("token")} />
        <AmountInput label={t("amount")} required {...form.getInputProps("amount")} />
      </Group>
      {/* Only where the page came over a secure way does the browser compute hashes. */}
      {Boolean(globalThis.crypto?.subtle) && <FileDrop label={t("redemption.file")} hint={file || t("redemption.fileText")} onFiles={([f]) => f && void hash(f)} />}
      <TextInput label={t("redemption.account")} description={t("redemption.accountText")} required maxLength={64} autoComplete="off" {...form.getInputProps("account")} />
    </FormModal>
  );
}
