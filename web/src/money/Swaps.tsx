import { Button, Group, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconArrowsExchange } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { useMay, useSession } from "@/api/session";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Money } from "@/ui/Money";
import { StateBadge } from "@/ui/StateBadge";
import { When } from "@/ui/When";

import { later, positive } from "./amount";
import { AmountInput, FormModal, HoursInput, MemberInput, StateSelect, TokenSelect, useAddress, useFieldProblem, useKey, useRenewed } from "./common";

type Swap = Schema<"Swap">;

// Swaps change tokens for others: both sorts move, or neither.
export function Swaps() {
  const { t } = useTranslation("money");
  const may = useMay();
  const own = useSession()?.carrier;
  const [{ state }] = useAddress();
  const rows = usePages("/v1/swaps", { query: state ? { state: state as "pending" } : {} });
  const [offering, setOffering] = useState(false);
  const [chosen, setChosen] = useState<Swap>();
  const columns: Column<Swap>[] = [
    { id: "owner", header: t("swap.by"), cell: (r) => r.owner, value: (r) => r.owner },
    { id: "gives", header: t("swap.gives"), width: "170px", right: true, cell: (r) => <Money amount={r.gives.amount} currency={r.gives.token} size="sm" />, value: (r) => `${r.gives.amount} ${r.gives.token}` },
    { id: "wants", header: t("swap.wants"), width: "170px", right: true, cell: (r) => <Money amount={r.wants.amount} currency={r.wants.token} size="sm" />, value: (r) => `${r.wants.amount} ${r.wants.token}` },
    { id: "to", header: t("swap.for"), cell: (r) => r.to ?? t("swap.anybody"), value: (r) => r.to },
    { id: "taker", header: t("swap.taker"), cell: (r) => r.taker ?? "–", value: (r) => r.taker },
    { id: "state", header: t("state"), width: "120px", cell: (r) => <StateBadge state={r.state} />, value: (r) => r.state },
    { id: "expires", header: t("expires"), width: "230px", cell: (r) => <When at={r.expires} size="sm" />, value: (r) => r.expires },
    {
      id: "act",
      header: t("actions"),
      width: "140px",
      cell: (r) =>
        r.state === "pending" &&
        may(r.owner === own ? "cancel-swap" : "take-swap") && (
          <Button size="compact-sm" variant={r.owner === own ? "default" : "light"} onClick={() => setChosen(r)}>
            {t(r.owner === own ? "swap.cancel" : "swap.take")}
          </Button>
        ),
      value: () => "",
    },
  ];
  return (
    <>
      <DataTable
        label={t("balances.swaps")}
        columns={columns}
        rows={rows}
        rowKey={(r) => `${r.owner} ${r.id}`}
        file="swaps"
        empty={<Empty title={t("swap.none")} icon={<IconArrowsExchange />}>{t("swap.noneText")}</Empty>}
        toolbar={
          <Group gap="sm" align="flex-end">
            <StateSelect of={["pending", "posted", "void"]} />
            {may("offer-swap") && <Button size="sm" variant="light" onClick={() => setOffering(true)}>{t("swap.new")}</Button>}
          </Group>
        }
      />
      <OfferForm opened={offering} onClose={() => setOffering(false)} />
      {chosen && (chosen.owner === own ? <CancelForm of={chosen} onClose={() => setChosen(undefined)} /> : <TakeForm of={chosen} onClose={() => setChosen(undefined)} />)}
    </>
  );
}

function OfferForm({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const key = useKey(opened);
  const amount = (v: string) => (positive(v) ? null : t("badAmount"));
  const needed = (v: string) => (v ? null : t("ui:required"));
  const form = useForm({
    initialValues: { gives: "", givesToken: "", wants: "", wantsToken: "", to: "", hours: 24 },
    validate: { gives: amount, givesToken: needed, wants: amount, wantsToken: needed, hours: (v) => (v > 0 ? null : t("ui:required")) },
  });
  const offer = api.useMutation("post", "/v1/swaps", renewed(t("swap.offered"), () => (form.reset(), onClose())));
  useFieldProblem(form, offer.error);
  return (
    <FormModal
      opened={opened}
      onClose={onClose}
      title={t("swap.new")}
      submit={t("swap.offer")}
      busy={offer.isPending}
      error={offer.error}
      onSubmit={form.onSubmit((v) =>
        offer.mutate({
          params: { header: { "Idempotency-Key": key } },
          body: { gives: { token: v.givesToken, amount: v.gives }, wants: { token: v.wantsToken, amount: v.wants }, expires: later(v.hours), ...(v.to ? { to: v.to } : {}) },
        }),
      )}
    >
      <Text size="sm">{t("swap.text")}</Text>
      <Group grow align="flex-start">
        <AmountInput label={t("swap.weGive")} required {...form.getInputProps("gives")} />
        <TokenSelect label={t("token")} required {...form.getInputProps("givesToken")} />
      </Group>
      <Group grow align="flex-start">
        <AmountInput label={t("swap.weWant")} required {...form.getInputProps("wants")} />
        <TokenSelect label={t("swap.wantedToken")} required {...form.getInputProps("wantsToken")} />
      </Group>
      <MemberInput label={t("swap.for")} description={t("swap.forText")} {...form.getInputProps("to")} />
      <HoursInput label={t("howLong")} value={form.values.hours} onChange={(v) => form.setFieldValue("hours", v)} />
    </FormModal>
  );
}

function TakeForm({ of, onClose }: { of: Swap; onClose: () => void }) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const take = api.useMutation("post", "/v1/swaps/{owner}/{id}/take", renewed(t("swap.taken"), onClose));
  return (
    <FormModal opened onClose={onClose} title={t("swap.takeTitle", { owner: of.owner })} submit={t("swap.take")} busy={take.isPending} error={take.error} onSubmit={() => take.mutate({ params: { path: { owner: of.owner, id: of.id } }, body: { gives: of.gives, wants: of.wants } })}>
      <Text size="sm">
        {t("swap.youGive")} <Money amount={of.wants.amount} currency={of.wants.token} fw={600} />
      </Text>
      <Text size="sm">
        {t("swap.youGet")} <Money amount={of.gives.amount} currency={of.gives.token} fw={600} />
      </Text>
      <Text size="sm">{t("swap.both")}</Text>
    </FormModal>
  );
}

function CancelForm({ of, onClose }: { of: Swap; onClose: () => void }) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const cancel = api.useMutation("post", "/v1/swaps/{owner}/{id}/cancel", renewed(t("swap.cancelled"), onClose));
  return (
    <FormModal opened danger onClose={onClose} title={t("swap.cancelTitle")} submit={t("swap.cancel")} busy={cancel.isPending} error={cancel.error} onSubmit={() => cancel.mutate({ params: { path: { owner: of.owner, id: of.id } } })}>
      <Text size="sm">
        {t("swap.back")} <Money amount={of.gives.amount} currency={of.gives.token} fw={600} />
      </Text>
    </FormModal>
  );
}
