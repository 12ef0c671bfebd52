import { Alert, Badge, Button, Drawer, Group, Stack, Text, Timeline, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconDownload, IconUserCheck, IconUsers } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, queries, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { useMay, useSession } from "@/api/session";
import { download } from "@/lib/csv";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Money } from "@/ui/Money";
import { Loaded } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { StateBadge } from "@/ui/StateBadge";
import { When } from "@/ui/When";

import { Facts, FormModal, GoTo, Opens, StateSelect, useAddress, useRenewed } from "./common";
import { RunForm } from "./Due";
import { hereRows } from "./rows";

type Run = Schema<"PaymentRun">;

// Runs are payment files: one person makes one, another approves it.
export function Runs() {
  const { t } = useTranslation("money");
  const may = useMay();
  const me = useSession()?.name;
  const [{ state, id }, change] = useAddress();
  const rows = usePages("/v1/payments/runs", { query: state ? { state: state as "proposed" } : {} });
  const [making, setMaking] = useState(false);
  const columns: Column<Run>[] = [
    { id: "id", header: t("payments.run"), width: "130px", cell: (r) => <Opens onClick={() => change({ id: r.id })}>{r.id}</Opens>, value: (r) => r.id },
    { id: "state", header: t("state"), width: "130px", cell: (r) => <StateBadge state={r.state} />, value: (r) => r.state },
    {
      id: "totals",
      header: t("amount"),
      width: "minmax(180px, 1fr)",
      right: true,
      cell: (r) => r.totals.map((x) => <Money key={x.currency} amount={x.amount} currency={x.currency} size="sm" ml="sm" />),
      value: (r) => r.totals.map((x) => `${x.amount} ${x.currency}`).join(", "),
    },
    { id: "payments", header: t("run.payments"), width: "110px", right: true, cell: (r) => r.payments.length, value: (r) => r.payments.length },
    { id: "execute", header: t("run.execute"), width: "130px", cell: (r) => r.execute, value: (r) => r.execute },
    { id: "created", header: t("run.by"), cell: (r) => r.created.by, value: (r) => r.created.by },
    { id: "time", header: t("time"), width: "230px", cell: (r) => <When at={r.created.time} size="sm" />, value: (r) => r.created.time },
    {
      id: "waits",
      header: t("run.waitsFor"),
      width: "minmax(180px, 1fr)",
      cell: (r) => (r.state === "proposed" ? <Badge variant="light" className="state" color={r.created.by === me ? "gray" : "yellow"}>{t(r.created.by === me ? "run.another" : "run.second")}</Badge> : r.state === "approved" ? t("run.export") : "–"),
      value: (r) => (r.state === "proposed" ? t("run.second") : ""),
    },
  ];
  return (
    <>
      <DataTable
        label={t("payments.runs")}
        columns={columns}
        rows={rows}
        rowKey={(r) => r.id}
        file="payment-runs"
        empty={<Empty title={t("run.none")} icon={<IconUsers />}>{t("run.noneText")}</Empty>}
        toolbar={
          <Group gap="sm" align="flex-end">
            <StateSelect of={["proposed", "approved", "ordered", "by-hand", "cancelled"]} />
            {may("create-payment-run") && <Button size="sm" onClick={() => setMaking(true)}>{t("run.new")}</Button>}
          </Group>
        }
      />
      {making && <RunForm onClose={() => setMaking(false)} />}
      <Drawer opened={Boolean(id)} onClose={() => change({ id: undefined })} position="right" size="xl" title={t("run.title", { id })} closeButtonProps={{ "aria-label": t("ui:close") }}>
        {id && <OneRun id={id} />}
      </Drawer>
    </>
  );
}

// own reports whether whoever is signed in has made the run: then somebody else approves it.
export const madeBy = (run: Pick<Run, "created">, me: string | undefined) => run.created.by === me;

function OneRun({ id }: { id: string }) {
  const { t } = useTranslation("money");
  const may = useMay();
  const me = useSession()?.name;
  const renewed = useRenewed();
  const one = api.useQuery("get", "/v1/payments/runs/{id}", { params: { path: { id } } });
  const [dropping, setDropping] = useState(false);
  const approve = api.useMutation("post", "/v1/payments/runs/{id}/approve", renewed(t("run.approved", { id })));
  const cancel = api.useMutation("post", "/v1/payments/runs/{id}/cancel", renewed(t("run.cancelled", { id }), () => setDropping(false)));
  const write = useMutation({
    mutationFn: async (run: Run) => {
      const { data, error } = await client.POST("/v1/payments/runs/{id}/export", { params: { path: { id } }, parseAs: "blob" });
      if (error || !data) throw error;
      download(`${run.message || run.id}.xml`, data as Blob);
    },
    onSuccess: () => {
      notifications.show({ color: "teal", message: t("run.exported", { id }) });
      void queries.invalidateQueries();
    },
  });
  return (
    <Loaded of={one}>
      {(r) => {
        const own = madeBy(r, me);
        return (
          <Stack>
            <Group justify="space-between">
              <StateBadge state={r.state} size="lg" />
              <Group gap="md">
                {r.totals.map((x) => (
                  <Money key={x.currency} amount={x.amount} currency={x.currency} fz={20} fw={650} />
                ))}
              </Group>
            </Group>
            {r.state === "proposed" && may("approve-payment-run") && (
              <Alert color={own ? "yellow" : "blue"} icon={<IconUserCheck aria-hidden />} title={t(own ? "run.ownTitle" : "run.checkTitle")}>
                {own ? t("run.ownText") : t("run.checkText", { by: r.created.by })}
              </Alert>
            )}
            <ProblemAlert error={approve.error ?? write.error} />
            <Group>
              {r.state === "proposed" && !own && may("approve-payment-run") && (
                <Button leftSection={<IconUserCheck size={18} aria-hidden />} loading={approve.isPending} onClick={() => approve.mutate({ params: { path: { id } } })}>
                  {t("run.approve")}
                </Button>
              )}
              {(r.state === "approved" || r.state === "ordered") && may("export-payment-run") && (
                <Button leftSection={<IconDownload size={18} aria-hidden />} loading={write.isPending} onClick={() => write.mutate(r)}>
                  {t(r.state === "ordered" ? "run.exportAgain" : "run.export")}
                </Button>
              )}
              {(r.state === "proposed" || r.state === "approved") && may("cancel-payment-run") && (
                <Button color="red" variant="light" onClick={() => setDropping(true)}>
                  {t("run.cancel")}
                </Button>
              )}
            </Group>
            <Facts
              of={[
                [t("run.account"), r.from],
                [t("run.execute"), r.execute],
                [t("run.message"), r.message],
                ...(r.sha256 ? [["SHA-256", <code key="h">{r.sha256}</code>] as [string, React.ReactNode]] : []),
              ]}
            />
            <Title order={2} size="h5">
              {t("run.who")}
            </Title>
            <Timeline bulletSize={16} lineWidth={2} active={10}>
              {([["run.did.created", r.created], ["run.did.approved", r.approved], ["run.did.exported", r.exported], ["run.did.cancelled", r.cancelled]] as const).map(
                ([key, p]) =>
                  p && (
                    <Timeline.Item key={key} title={`${t(key)}: ${p.by}`}>
                      <When at={p.time} size="sm" c="dimmed" />
                    </Timeline.Item>
                  ),
              )}
            </Timeline>
            <Title order={2} size="h5">
              {t("run.payments")}
            </Title>
            <DataTable label={t("run.payments")} columns={paymentColumns(t)} rows={hereRows(r.payments)} rowKey={(p) => p.end_to_end_id} file={`run-${r.id}`} height={360} empty={<Empty title={t("run.noPayments")} />} />
            <Title order={2} size="h5">
              {t("statements.obligations")}
            </Title>
            <DataTable
              label={t("statements.obligations")}
              rows={hereRows(r.payments.flatMap((p) => p.lines.map((l) => ({ ...l, partner: p.partner, payment: p.end_to_end_id }))))}
              rowKey={(l) => `${l.payment} ${l.obligation}`}
              file={`run-${r.id}-obligations`}
              height={300}
              empty={<Empty title={t("run.noPayments")} />}
              columns={[
                { id: "partner", header: t("payee"), width: "110px", cell: (l) => l.partner, value: (l) => l.partner },
                { id: "obligation", header: t("obligation.name"), width: "minmax(170px, 1fr)", cell: (l) => <GoTo to="/statements" search={{ tab: "obligations", partner: l.partner, id: l.obligation }}>{l.obligation}</GoTo>, value: (l) => l.obligation },
                { id: "owed", header: t("payments.owed"), width: "150px", right: true, cell: (l) => <Money amount={l.owed.amount} currency={l.owed.currency} size="sm" />, value: (l) => l.owed.amount },
                { id: "pays", header: t("payments.pays"), width: "150px", right: true, cell: (l) => <Money amount={l.pays.amount} currency={l.pays.currency} size="sm" />, value: (l) => l.pays.amount },
                { id: "reference", header: t("reference"), width: "240px", cell: (l) => l.reference, value: (l) => l.reference },
                { id: "problem", header: t("payments.problem"), width: "240px", cell: (l) => <span title={l.problem}>{l.problem ?? "–"}</span>, value: (l) => l.problem },
              ]}
            />
            <FormModal opened={dropping} danger onClose={() => setDropping(false)} title={t("run.cancelTitle", { id })} submit={t("run.cancel")} busy={cancel.isPending} error={cancel.error} onSubmit={() => cancel.mutate({ params: { path: { id } } })}>
              <Text size="sm">{t("run.cancelText")}</Text>
            </FormModal>
          </Stack>
        );
      }}
    </Loaded>
  );
}

const paymentColumns = (t: (k: string) => string): Column<Schema<"BankPayment">>[] => [
  { id: "partner", header: t("payee"), width: "110px", cell: (p) => p.partner, value: (p) => p.partner },
  { id: "amount", header: t("amount"), width: "150px", right: true, cell: (p) => <Money amount={p.amount.amount} currency={p.amount.currency} size="sm" fw={600} />, value: (p) => p.amount.amount },
  { id: "currency", header: t("currency"), value: (p) => p.amount.currency },
  { id: "state", header: t("state"), width: "110px", cell: (p) => <StateBadge state={p.state} />, value: (p) => p.state },
  { id: "to", header: t("accounts.account"), width: "240px", cell: (p) => p.to ?? "–", value: (p) => p.to },
  { id: "name", header: t("accounts.holder"), width: "180px", cell: (p) => p.name ?? "–", value: (p) => p.name },
  { id: "status", header: t("run.status"), width: "110px", cell: (p) => p.status ?? "–", value: (p) => p.status },
  { id: "reason", header: t("run.reason"), width: "160px", cell: (p) => <span title={p.reason}>{p.reason ?? "–"}</span>, value: (p) => p.reason },
  { id: "id", header: t("run.endToEnd"), width: "240px", cell: (p) => p.end_to_end_id, value: (p) => p.end_to_end_id },
];
