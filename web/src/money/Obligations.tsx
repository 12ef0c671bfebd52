import { Alert, Button, Drawer, Group, Loader, Select, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useForm, type GetInputPropsReturnType } from "@mantine/form";
import { useDebouncedValue } from "@mantine/hooks";
import { IconReceipt } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { useMay, useSession } from "@/api/session";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Money } from "@/ui/Money";
import { Loaded } from "@/ui/Page";
import { StateBadge } from "@/ui/StateBadge";
import { When } from "@/ui/When";

import { buckets } from "./ageing";
import { positive } from "./amount";
import { AmountInput, Facts, FormModal, GoTo, Opens, PartnerSelect, StateSelect, useAddress, useFieldProblem, usePartners, useRenewed } from "./common";

type Obligation = Schema<"Obligation">;

// Obligations are the debts between this carrier and one partner, and what becomes of them.
export function Obligations() {
  const { t } = useTranslation("money");
  const own = useSession()?.carrier;
  const [{ partner: wanted, state, payer, currency, age, id }, change] = useAddress();
  const { codes } = usePartners();
  const partner = wanted ?? codes?.[0];
  const bucket = buckets.find((b) => b === age);
  const may = useMay();
  const [selected, select] = useState(new Set<string>());
  const [advising, advise] = useState<Obligation[]>();
  const rows = usePages("/v1/bilaterals/{partner}/obligations", { path: { partner: partner ?? "" }, query: { descending: state !== "overdue", ...(state ? { state: state as "owed" } : {}), payer, currency, ...(bucket ? { age: bucket } : {}) } }, { enabled: Boolean(partner) });
  const columns: Column<Obligation>[] = [
    { id: "id", header: t("obligation.name"), width: "minmax(140px, 1fr)", cell: (r) => <Opens onClick={() => change({ id: r.id, partner })}>{r.id}</Opens>, value: (r) => r.id },
    { id: "payer", header: t("payer"), width: "90px", cell: (r) => r.payer, value: (r) => r.payer },
    { id: "payee", header: t("payee"), width: "90px", cell: (r) => r.payee, value: (r) => r.payee },
    { id: "amount", header: t("amount"), width: "140px", right: true, cell: (r) => <Money amount={r.amount.amount} currency={r.amount.currency} size="sm" />, value: (r) => r.amount.amount },
    { id: "left", header: t("obligation.left"), width: "120px", right: true, cell: (r) => <Money amount={r.left} currency={r.amount.currency} size="sm" fw={600} />, value: (r) => r.left },
    { id: "currency", header: t("currency"), value: (r) => r.amount.currency },
    { id: "due", header: t("due"), width: "212px", cell: (r) => <When at={r.due} size="sm" />, value: (r) => r.due },
    { id: "state", header: t("state"), width: "110px", cell: (r) => <StateBadge state={r.state} />, value: (r) => r.state },
    { id: "method", header: t("method"), width: "130px", cell: (r) => r.method, value: (r) => r.method },
  ];
  const chosen = rows.rows.filter((r) => selected.has(r.id) && (r.state === "owed" || r.state === "overdue") && r.payer === own);
  const together = chosen.length > 1 && new Set(chosen.map((r) => r.amount.currency)).size === 1;
  return (
    <>
      <DataTable
        label={t("statements.obligations")}
        selected={may("advise-payments") ? selected : undefined}
        onSelect={may("advise-payments") ? select : undefined}
        columns={columns}
        rows={rows}
        rowKey={(r) => r.id}
        file={`obligations-${partner}`}
        empty={<Empty title={t("obligation.none")} icon={<IconReceipt />}>{t("obligation.noneText")}</Empty>}
        toolbar={
          <Group gap="sm" align="flex-end">
            <PartnerSelect all={false} />
            <StateSelect of={["owed", "overdue", "advised", "held", "settled"]} />
            <Select size="sm" label={t("payer")} placeholder={t("both")} clearable clearButtonProps={{ "aria-label": t("clear") }} data={[own, partner].filter((x): x is string => Boolean(x))} value={payer ?? null} onChange={(v) => change({ payer: v ?? undefined })} w={150} />
            <Select size="sm" label={t("ageing.age")} placeholder={t("ageing.any")} clearable clearButtonProps={{ "aria-label": t("clear") }} data={buckets.map((value) => ({ value, label: t(`ageing.bucket.${value}`) }))} value={bucket ?? null} onChange={(v) => change({ age: v ?? undefined })} w={150} />
            {may("advise-payments") && selected.size > 0 && (
              <Button size="sm" disabled={!together} title={together ? undefined : t("obligation.togetherHint")} onClick={() => advise(chosen)}>
                {t("obligation.together", { count: chosen.length })}
              </Button>
            )}
            {currency && (
              <Button size="sm" variant="default" onClick={() => change({ currency: undefined })}>
                {t("onlyCurrency", { currency })}
              </Button>
            )}
          </Group>
        }
      />
      <Drawer opened={Boolean(id)} onClose={() => change({ id: undefined })} position="right" size="lg" title={id} closeButtonProps={{ "aria-label": t("ui:close") }}>
        {id && partner && <One partner={partner} id={id} />}
      </Drawer>
      {advising && partner && (
        <TogetherForm
          partner={partner}
          of={advising}
          onClose={() => {
            advise(undefined);
            select(new Set());
          }}
        />
      )}
    </>
  );
}

type Doing = "advise" | "confirm" | "decline" | "hold" | "release";

function One({ partner, id }: { partner: string; id: string }) {
  const { t } = useTranslation("money");
  const may = useMay();
  const own = useSession()?.carrier;
  const one = api.useQuery("get", "/v1/bilaterals/{partner}/obligations/{id}", { params: { path: { partner, id } } });
  const [doing, setDoing] = useState<Doing>();
  const close = () => setDoing(undefined);
  return (
    <Loaded of={one}>
      {(o) => (
        <Stack>
          <Group>
            <StateBadge state={o.state} />
            {o.late && <StateBadge state="late" />}
          </Group>
          {o.round && <Alert color="blue">{t("obligation.bound")} <GoTo to="/netting" underline="always" search={{ tab: "rounds", id: o.round }}>{o.round.slice(0, 12)}…</GoTo></Alert>}
          {o.hold && (
            <Alert color="yellow" title={t("obligation.heldBy", { by: o.hold.act.by })}>
              {o.hold.why}
            </Alert>
          )}
          <Facts
            of={[
              [t("payer"), o.payer],
              [t("payee"), o.payee],
              [t("amount"), <Money key="a" amount={o.amount.amount} currency={o.amount.currency} />],
              [t("obligation.brought"), <Money key="b" amount={o.brought} currency={o.amount.currency} />],
              [t("obligation.paid"), <Money key="p" amount={o.paid} currency={o.amount.currency} />],
              ...(o.netted ? [[t("obligation.netted"), <Money key="n" amount={o.netted} currency={o.amount.currency} />] as [string, React.ReactNode]] : []),
              [t("obligation.credited"), <Money key="c" amount={o.credited} currency={o.amount.currency} />],
              [t("obligation.carried"), <Money key="r" amount={o.carried} currency={o.amount.currency} />],
              [t("obligation.left"), <Money key="l" amount={o.left} currency={o.amount.currency} fw={650} />],
              ...(o.payable ? [[t("obligation.payable"), <Money key="y" amount={o.payable.amount} currency={o.payable.currency} />] as [string, React.ReactNode]] : []),
              [t("due"), <When key="d" at={o.due} />],
              [t("method"), o.method],
              [t("obligation.of"), o.invoices.map((i) => <div key={i}><GoTo to={`/invoices/${encodeURIComponent(partner)}/${encodeURIComponent(i)}`}>{i}</GoTo></div>)],
            ]}
          />
          {o.payment && (
            <Facts
              of={[
                [t("obligation.advisedBy"), o.payment.act.by],
                [t("reference"), o.payment.reference],
                [t("method"), o.payment.method],
                [t("obligation.paidAt"), <When key="w" at={o.payment.paid_at} />],
                [t("obligation.part"), <Money key="q" amount={o.payment.part} currency={o.amount.currency} />],
                [t("obligation.whole"), <Money key="z" amount={o.payment.whole} currency={o.amount.currency} />],
              ]}
            />
          )}
          <Group>
            {(o.state === "owed" || o.state === "overdue") && o.payer === own && may("advise-payment") && <Button onClick={() => setDoing("advise")}>{t("obligation.advise")}</Button>}
            {o.state === "advised" && o.payee === own && may("confirm-payment") && <Button onClick={() => setDoing("confirm")}>{t("obligation.confirm")}</Button>}
            {o.state === "advised" && o.payee === own && may("decline-payment") && (
              <Button color="red" variant="light" onClick={() => setDoing("decline")}>
                {t("obligation.decline")}
              </Button>
            )}
            {o.state === "advised" && may("hold-payment") && (
              <Button variant="default" onClick={() => setDoing("hold")}>
                {t("obligation.hold")}
              </Button>
            )}
            {o.state === "held" && o.hold?.act.by === own && may("release-payment") && (
              <Button variant="default" onClick={() => setDoing("release")}>
                {t("obligation.release")}
              </Button>
            )}
          </Group>
          {doing === "advise" && <AdviseForm partner={partner} of={o} onClose={close} />}
          {(doing === "confirm" || doing === "decline") && <AnswerForm partner={partner} of={o} kind={doing} onClose={close} />}
          {(doing === "hold" || doing === "release") && <HoldForm partner={partner} of={o} kind={doing} onClose={close} />}
        </Stack>
      )}
    </Loaded>
  );
}

interface FormProps {
  partner: string;
  of: Obligation;
  onClose: () => void;
}

// HowPaid asks for what a payment is found by.
function HowPaid({ input }: { input: (name: "reference" | "method") => GetInputPropsReturnType }) {
  const { t } = useTranslation("money");
  return (
    <>
      <TextInput label={t("reference")} description={t("obligation.adviseReference")} required maxLength={140} {...input("reference")} />
      <TextInput label={t("method")} required maxLength={64} {...input("method")} />
    </>
  );
}

function AdviseForm({ partner, of, onClose }: FormProps) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const form = useForm({
    initialValues: { amount: of.payable?.amount ?? of.left, method: of.method, reference: "" },
    validate: { amount: (v) => (positive(v) ? null : t("badAmount")), reference: (v) => (v.trim() ? null : t("ui:required")), method: (v) => (v ? null : t("ui:required")) },
  });
  const advise = api.useMutation("post", "/v1/bilaterals/{partner}/obligations/{id}/advise", renewed(t("obligation.adviseDone"), onClose));
  useFieldProblem(form, advise.error);
  return (
    <FormModal
      opened
      onClose={onClose}
      title={t("obligation.adviseTitle", { partner })}
      submit={t("obligation.advise")}
      busy={advise.isPending}
      error={advise.error}
      onSubmit={form.onSubmit((v) =>
        advise.mutate({
          params: { path: { partner, id: of.id } },
          body: { amount: { amount: v.amount, currency: of.amount.currency }, method: v.method, reference: v.reference.trim(), paid_at: new Date().toISOString() },
        }),
      )}
    >
      <Text size="sm">{t("obligation.adviseText")}</Text>
      <AmountInput label={`${t("amount")} (${of.amount.currency})`} description={t("obligation.adviseAmount")} required {...form.getInputProps("amount")} />
      <HowPaid input={(name) => form.getInputProps(name)} />
    </FormModal>
  );
}

// TogetherForm says that one payment has paid several debts, whole. What they come to as
// one the node says: a bank pays whole coins of the sum, and discounts come off.
function TogetherForm({ partner, of, onClose }: { partner: string; of: Obligation[]; onClose: () => void }) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const obligations = of.map((o) => o.id);
  const form = useForm({ initialValues: { method: of[0]!.method, reference: "" }, validate: { reference: (v) => (v.trim() ? null : t("ui:required")), method: (v) => (v ? null : t("ui:required")) } });
  const [method] = useDebouncedValue(form.values.method, 300);
  const payable = api.useQuery("get", "/v1/bilaterals/{partner}/payable", { params: { path: { partner }, query: { obligation: obligations, method: method || undefined } } });
  const asking = !payable.error && payable.data?.method !== (form.values.method || of[0]!.method);
  const advise = api.useMutation("post", "/v1/bilaterals/{partner}/payments", renewed(t("obligation.adviseDone"), onClose));
  useFieldProblem(form, advise.error);
  return (
    <FormModal
      opened
      onClose={onClose}
      title={t("obligation.adviseTitle", { partner })}
      submit={t("obligation.advise")}
      busy={advise.isPending || asking}
      error={advise.error ?? payable.error}
      onSubmit={form.onSubmit((v) => {
        if (payable.data && !asking) advise.mutate({ params: { path: { partner } }, body: { obligations, amount: payable.data.amount, method: v.method, reference: v.reference.trim(), paid_at: new Date().toISOString() } });
      })}
    >
      <Text size="sm">{t("obligation.togetherText", { debts: obligations.join(", ") })}</Text>
      <div>
        {payable.data ? <Money amount={payable.data.amount.amount} currency={payable.data.amount.currency} fw={650} /> : !payable.error && <Loader size="xs" aria-label={t("ui:loading")} />}
        <Text size="xs" c="dimmed">
          {t("obligation.togetherAmount")}
        </Text>
      </div>
      <HowPaid input={(name) => form.getInputProps(name)} />
    </FormModal>
  );
}

function AnswerForm({ partner, of, kind, onClose }: FormProps & { kind: "confirm" | "decline" }) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const confirm = api.useMutation("post", "/v1/bilaterals/{partner}/obligations/{id}/confirm", renewed(t("obligation.confirmDone"), onClose));
  const decline = api.useMutation("post", "/v1/bilaterals/{partner}/obligations/{id}/decline", renewed(t("obligation.declineDone"), onClose));
  const doing = kind === "confirm" ? confirm : decline;
  const form = useForm({ initialValues: { why: "" }, validate: { why: (v) => (kind === "confirm" || v.trim() ? null : t("ui:required")) } });
  useFieldProblem(form, doing.error);
  const whole = of.payment?.whole ?? of.left;
  return (
    <FormModal
      opened
      danger={kind === "decline"}
      onClose={onClose}
      title={t(`obligation.${kind}Title`)}
      submit={t(`obligation.${kind}`)}
      busy={doing.isPending}
      error={doing.error}
      onSubmit={form.onSubmit((v) => doing.mutate({ params: { path: { partner, id: of.id } }, body: { amount: { amount: whole, currency: of.amount.currency }, ...(v.why.trim() ? { why: v.why.trim() } : {}) } }))}
    >
      <Text size="sm">
        {t(`obligation.${kind}Text`)} <Money amount={whole} currency={of.amount.currency} fw={650} />
      </Text>
      {of.payment && (
        <Text size="sm">
          {t("reference")}: {of.payment.reference}
        </Text>
      )}
      {kind === "decline" && <Textarea label={t("why")} required autosize maxLength={1000} {...form.getInputProps("why")} />}
    </FormModal>
  );
}

function HoldForm({ partner, of, kind, onClose }: FormProps & { kind: "hold" | "release" }) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const hold = api.useMutation("post", "/v1/bilaterals/{partner}/obligations/{id}/hold", renewed(t("obligation.holdDone"), onClose));
  const release = api.useMutation("post", "/v1/bilaterals/{partner}/obligations/{id}/release", renewed(t("obligation.releaseDone"), onClose));
  const doing = kind === "hold" ? hold : release;
  const form = useForm({ initialValues: { why: "" }, validate: { why: (v) => (v.trim() ? null : t("ui:required")) } });
  useFieldProblem(form, doing.error);
  return (
    <FormModal opened onClose={onClose} title={t(`obligation.${kind}Title`)} submit={t(`obligation.${kind}`)} busy={doing.isPending} error={doing.error} onSubmit={form.onSubmit((v) => doing.mutate({ params: { path: { partner, id: of.id } }, body: { why: v.why.trim() } }))}>
      <Text size="sm">{t(`obligation.${kind}Text`)}</Text>
      <Textarea label={t("why")} required autosize maxLength={1000} {...form.getInputProps("why")} />
    </FormModal>
  );
}
