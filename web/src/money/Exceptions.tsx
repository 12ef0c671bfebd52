import { Alert, Button, Checkbox, Drawer, Group, Radio, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconAlertCircle, IconUserCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { useMay, useSession } from "@/api/session";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Money } from "@/ui/Money";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { StateBadge } from "@/ui/StateBadge";
import { When } from "@/ui/When";

import { Facts, Opens, useAddress, useFieldProblem, useRenewed } from "./common";
import { ShowSelect } from "./Due";

type Exception = Schema<"PaymentException">;
type Target = Schema<"PaymentTarget">;

// Exceptions are what banks told and people must decide: one proposes, another approves.
export function Exceptions() {
  const { t } = useTranslation("money");
  const [{ all, id }, change] = useAddress();
  const rows = usePages("/v1/payments/exceptions", { query: all ? { all: true } : {} });
  const kind = (k: string) => t(`exception.kind.${k}`, { defaultValue: k.replaceAll("-", " ") });
  const columns: Column<Exception>[] = [
    { id: "id", header: t("payments.exception"), width: "120px", cell: (r) => <Opens onClick={() => change({ id: r.id })}>{r.id}</Opens>, value: (r) => r.id },
    { id: "kind", header: t("kind"), width: "170px", cell: (r) => kind(r.kind), value: (r) => r.kind },
    { id: "amount", header: t("amount"), width: "160px", right: true, cell: (r) => (r.amount ? <Money amount={r.amount.amount} currency={r.amount.currency} size="sm" /> : "–"), value: (r) => r.amount?.amount },
    { id: "state", header: t("state"), width: "120px", cell: (r) => <StateBadge state={r.state === "decided" ? "proposed" : r.state} />, value: (r) => r.state },
    { id: "detail", header: t("exception.detail"), width: "minmax(260px, 3fr)", cell: (r) => <span title={r.detail}>{r.detail}</span>, value: (r) => r.detail },
    { id: "raised", header: t("time"), width: "230px", cell: (r) => <When at={r.raised} size="sm" />, value: (r) => r.raised },
    { id: "by", header: t("exception.proposedBy"), width: "140px", cell: (r) => r.decision?.proposed.by ?? "–", value: (r) => r.decision?.proposed.by },
  ];
  const opened = rows.rows.find((r) => r.id === id);
  return (
    <>
      <DataTable
        label={t("payments.exceptions")}
        columns={columns}
        rows={rows}
        rowKey={(r) => r.id}
        file="exceptions"
        empty={<Empty title={t("exception.none")} icon={<IconAlertCircle />}>{t("exception.noneText")}</Empty>}
        toolbar={<ShowSelect all={all} change={change} open={t("exception.open")} every={t("exception.every")} />}
      />
      <Drawer opened={Boolean(opened)} onClose={() => change({ id: undefined })} position="right" size="lg" title={opened && `${opened.id}: ${kind(opened.kind)}`} closeButtonProps={{ "aria-label": t("ui:close") }}>
        {opened && <One of={opened} key={opened.id} />}
      </Drawer>
    </>
  );
}

function One({ of }: { of: Exception }) {
  const { t } = useTranslation("money");
  const may = useMay();
  const me = useSession()?.name;
  const renewed = useRenewed();
  const approve = api.useMutation("post", "/v1/payments/exceptions/{id}/approve", renewed(t("exception.approved")));
  const e = of.evidence;
  const own = of.decision?.proposed.by === me;
  const can = (a: string) => t(`exception.can.${a}`, { defaultValue: a });
  return (
    <Stack>
      <Group>
        <StateBadge state={of.state === "decided" ? "proposed" : of.state} />
        {of.amount && <Money amount={of.amount.amount} currency={of.amount.currency} fz={20} fw={650} />}
        {of.excess && (
          <Text size="sm">
            {t("exception.excess")} <Money amount={of.excess.amount} currency={of.excess.currency} />
          </Text>
        )}
      </Group>
      <Text>{of.detail}</Text>
      <Text size="sm" c="dimmed">
        {t(`exception.help.${of.kind}`, { defaultValue: "" })}
      </Text>
      <Facts
        of={(
          [
            [t("files.message"), e.message],
            [t("exception.account"), e.account],
            [t("exception.payer"), e.payer],
            [t("direction"), e.direction && t(`files.${e.direction}`, { defaultValue: e.direction })],
            [t("exception.booked"), e.booked],
            [t("payments.bankReference"), e.bank_reference],
            [t("run.endToEnd"), e.end_to_end_id ?? of.end_to_end_id],
            [t("exception.references"), (e.references as string[] | null | undefined)?.join(", ")],
            [t("run.reason"), of.reason],
            [t("payments.run"), of.run],
            [t("exception.named"), targets(of.named).map((x) => `${x.partner}: ${x.obligation}`).join(", ")],
          ] as [string, string | undefined][]
        ).filter(([, v]) => v)}
      />
      {of.decision && (
        <Alert color={of.approved ? "teal" : own ? "yellow" : "blue"} icon={<IconUserCheck aria-hidden />} title={`${can(of.decision.action)} · ${of.decision.proposed.by}`}>
          <Text size="sm">{of.decision.why}</Text>
          {targets(of.decision.obligations).map((x) => (
            <Text size="sm" key={`${x.partner} ${x.obligation}`}>
              {x.partner}: {x.obligation}
            </Text>
          ))}
          {!of.approved && <Text size="sm">{own ? t("exception.own") : t("exception.check")}</Text>}
          {of.approved && <Text size="sm">{t("accounts.approvedBy", { by: of.approved.by })}</Text>}
        </Alert>
      )}
      <ProblemAlert error={approve.error} />
      {of.state === "decided" && !own && may("approve-resolution") && (
        <Group>
          <Button loading={approve.isPending} leftSection={<IconUserCheck size={18} aria-hidden />} onClick={() => approve.mutate({ params: { path: { id: of.id } } })}>
            {t("exception.approve")}
          </Button>
        </Group>
      )}
      {of.state !== "closed" && of.can.length > 0 && may("resolve-payment") && <Resolve of={of} />}
    </Stack>
  );
}

const targets = (v: unknown) => (v ?? []) as Target[];

function Resolve({ of }: { of: Exception }) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const offered = [...targets(of.named), ...targets(of.alike)].filter((x, i, all) => all.findIndex((y) => y.partner === x.partner && y.obligation === x.obligation) === i);
  const form = useForm({
    initialValues: { action: of.can[0] ?? "", why: "", chosen: [] as string[], partner: "", obligation: "" },
    validate: {
      why: (v) => (v.trim() ? null : t("ui:required")),
      obligation: (v, all) => (all.action !== "assign" || all.chosen.length || (v && all.partner) ? null : t("exception.choose")),
    },
  });
  const resolve = api.useMutation("post", "/v1/payments/exceptions/{id}/resolve", renewed(t("exception.resolved")));
  useFieldProblem(form, resolve.error);
  return (
    <form
      noValidate
      onSubmit={form.onSubmit((v) => {
        const obligations: Target[] = v.chosen.map((c) => JSON.parse(c) as Target);
        if (v.partner && v.obligation) obligations.push({ partner: v.partner.trim(), obligation: v.obligation.trim() });
        resolve.mutate({ params: { path: { id: of.id } }, body: { action: v.action as "assign", why: v.why.trim(), ...(v.action === "assign" ? { obligations: obligations as never } : {}) } });
      })}
    >
      <Stack>
        <Radio.Group label={t("exception.what")} {...form.getInputProps("action")}>
          <Stack gap="xs" mt="xs">
            {of.can.map((a) => (
              <Radio key={a} value={a} label={t(`exception.can.${a}`, { defaultValue: a })} description={t(`exception.canText.${a}`, { defaultValue: "" })} />
            ))}
          </Stack>
        </Radio.Group>
        {form.values.action === "assign" && (
          <>
            {offered.length > 0 && (
              <Checkbox.Group label={t("exception.alike")} description={t("exception.alikeText")} {...form.getInputProps("chosen")}>
                <Stack gap={6} mt="xs">
                  {offered.map((x) => (
                    <Checkbox key={`${x.partner} ${x.obligation}`} value={JSON.stringify({ partner: x.partner, obligation: x.obligation })} label={`${x.partner}: ${x.obligation}`} />
                  ))}
                </Stack>
              </Checkbox.Group>
            )}
            <Group grow align="flex-start">
              <TextInput label={t("partner")} maxLength={64} {...form.getInputProps("partner")} />
              <TextInput label={t("obligation.name")} maxLength={200} {...form.getInputProps("obligation")} />
            </Group>
          </>
        )}
        <Textarea label={t("why")} required autosize maxLength={1000} {...form.getInputProps("why")} />
        <ProblemAlert error={resolve.error} />
        <Group>
          <Button type="submit" loading={resolve.isPending} variant={of.decision ? "default" : "filled"}>
            {t(of.decision ? "exception.proposeOther" : "exception.propose")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
