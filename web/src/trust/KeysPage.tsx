import { Button, Card, Group, Stack, Text, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, queries, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { isProblem } from "@/api/problem";
import { sent } from "@/api/sent";
import { useMay, useSession } from "@/api/session";
import { amounts, anyAmount, spelled } from "@/lib/amounts";
import { Action } from "@/ui/Action";
import { DataTable } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Facts } from "@/ui/Facts";
import { Hash } from "@/ui/Hash";
import { Loaded, Page } from "@/ui/Page";
import { SmallTable } from "@/ui/SmallTable";
import { StateBadge } from "@/ui/StateBadge";
import { Step } from "@/ui/Step";
import { When } from "@/ui/When";

// KeysPage has what this carrier is on the network by: its keys, who may act for it on the
// Omnilateral, what others say of how it pays, and the way out.
export function KeysPage() {
  const { t } = useTranslation("trust");
  const may = useMay();
  const own = useSession()?.carrier ?? "";
  return (
    <Page
      title={t("keysTitle")}
      lead={t("keysLead")}
      actions={
        may("leave-network") && (
          <Action
            label={t("leave")}
            color="red"
            text={t("leaveText", { code: own })}
            asks={[{ name: "carrier", label: t("leaveCode"), required: true, most: 32 }]}
            done={t("leftDone")}
            run={(v) => sent(client.POST("/v1/network/leave", { body: { carrier: String(v.carrier) } }))}
          />
        )
      }
    >
      <Keys own={own} />
      {may("list-network-delegates") && <Delegates own={own} />}
      {may("get-own-reputation") && <Standing />}
    </Page>
  );
}

type Row = { kind: string; key: string; name: string; from?: number; until?: number }; // heights

const latest = (keys: Schema<"Key">[]) => [...keys].sort((a, b) => b.from - a.from);

function Keys({ own }: { own: string }) {
  const { t } = useTranslation("trust");
  const may = useMay();
  const member = api.useQuery("get", "/v1/members/{code}", { params: { path: { code: own } } }, { enabled: own !== "" });
  const mine = api.useQuery("get", "/v1/keys", {}, { enabled: may("get-own-keys") });
  return (
    <Card withBorder component="section" aria-label={t("ownKeys")}>
      <Title order={2} size="h5" mb="xs">
        {t("ownKeys")}
      </Title>
      <Loaded of={member}>
        {(m) => {
          const rows: Row[] = [
            ...latest(m.member_keys).map((k): Row => ({ ...k, kind: "member", name: t("keyKind.member") })),
            ...latest(m.node_keys).map((k): Row => ({ ...k, kind: "node", name: t("keyKind.node") })),
            ...(mine.data?.delegates ?? []).map((d): Row => ({ kind: "delegate", key: d.key, name: t("keyKind.delegate", { role: d.role }) })),
            { kind: "recovery", key: m.recovery, name: t("keyKind.recovery") },
          ];
          return (
            <SmallTable
              label={t("ownKeys")}
              rows={rows}
              rowKey={(r) => `${r.kind} ${r.key}`}
              columns={[
                { id: "name", header: t("keyWhat"), head: true, cell: (r) => r.name },
                { id: "key", header: t("key"), cell: (r) => <Hash value={r.key} label={t("key")} length={24} /> },
                { id: "from", header: t("sinceBlock"), right: true, cell: (r) => r.from ?? "–" },
                { id: "until", header: t("untilBlock"), right: true, cell: (r) => r.until ?? "–" },
              ]}
            />
          );
        }}
      </Loaded>
      {may("rotate-key") && (
        <Group gap="sm" mt="sm">
          {(["member", "node", "sealing"] as const).map((key) => (
            <Action key={key} size="compact-sm" label={t(`rotate.${key}`)} text={t(`rotateText.${key}`)} done={t("rotated")} run={() => sent(client.POST("/v1/keys/{key}/rotate", { params: { path: { key } } }))} />
          ))}
        </Group>
      )}
    </Card>
  );
}

// Delegates are those of this carrier on the Omnilateral: for tokens, credentials and rounds.
function Delegates({ own }: { own: string }) {
  const { t } = useTranslation("trust");
  const may = useMay();
  const rows = usePages("/v1/network/delegates", { query: { member: own } });
  return (
    <Stack gap="xs" component="section">
      <Title order={2} size="h4">
        {t("netDelegates")}
      </Title>
      <Text size="sm">{t("netDelegatesText")}</Text>
      <DataTable
        label={t("netDelegates")}
        rows={rows}
        rowKey={(d) => d.key}
        file="delegates"
        height={360}
        toolbar={may("add-network-delegate") && <AddDelegate />}
        empty={<Empty title={t("noNetDelegates")}>{t("noNetDelegatesText")}</Empty>}
        columns={[
          { id: "name", header: t("name"), width: "minmax(160px, 2fr)", cell: (d) => d.name, value: (d) => d.name },
          { id: "roles", header: t("roles"), width: "minmax(140px, 1fr)", cell: (d) => d.roles.join(", "), value: (d) => d.roles.join(", ") },
          { id: "limits", header: t("limits"), cell: (d) => (d.limits ?? []).map((l) => (l.amount === anyAmount ? t("anyAmount", { currency: l.currency }) : spelled([l]))).join(", ") || "–", value: (d) => spelled(d.limits) },
          { id: "state", header: t("state"), width: "120px", cell: (d) => <StateBadge state={d.revoked ? "ended" : "active"} />, value: (d) => (d.revoked ? "ended" : "active") },
          { id: "key", header: t("key"), width: "170px", cell: (d) => <Hash value={d.key} label={t("key")} length={10} />, value: (d) => d.key },
          ...(may("revoke-network-delegate")
            ? [{ id: "end", header: t("next"), width: "120px", cell: (d: Schema<"Delegate">) => !d.revoked && <Action size="compact-sm" color="red" label={t("revoke")} text={t("revokeText", { name: d.name })} done={t("revoked")} run={() => sent(client.POST("/v1/network/delegates/{key}/revoke", { params: { path: { key: d.key } } }))} />, value: () => "" }]
            : []),
        ]}
      />
    </Stack>
  );
}

function AddDelegate() {
  const { t } = useTranslation("trust");
  const [open, setOpen] = useState(false);
  const words = (v: string) => v.split(/[\s,]+/).filter(Boolean);
  const form = useForm({
    initialValues: { key: "", name: "", roles: "", limits: "" },
    validate: { key: (v) => (/^[0-9a-f]{64}$/i.test(v) ? null : t("keyBad")), name: (v) => (v.trim() ? null : t("ui:required")), roles: (v) => (words(v).length ? null : t("ui:required")), limits: (v) => (amounts(v) ? null : t("limitsBad")) },
  });
  const add = api.useMutation("post", "/v1/network/delegates", {
    onSuccess: () => {
      notifications.show({ color: "teal", message: t("delegateAdded") });
      void queries.invalidateQueries();
      setOpen(false);
      form.reset();
    },
    onError: (err) => {
      if (isProblem(err) && err.field && err.field in form.values) form.setFieldError(err.field, err.detail);
    },
  });
  return (
    <>
      <Group>
        <Button size="sm" variant="light" onClick={() => setOpen(true)}>
          {t("addDelegate")}
        </Button>
      </Group>
      {open && (
        <Step title={t("addDelegate")} text={t("addDelegateText")} onClose={() => setOpen(false)} busy={add.isPending} error={add.error} ownChecks onSubmit={form.onSubmit((v) => add.mutate({ body: { key: v.key.toLowerCase(), name: v.name.trim(), roles: words(v.roles), ...(v.limits ? { limits: amounts(v.limits) } : {}) } }))}>
          <TextInput label={t("name")} required maxLength={100} data-autofocus {...form.getInputProps("name")} />
          <TextInput label={t("key")} description={t("keyHint")} required maxLength={64} autoComplete="off" {...form.getInputProps("key")} />
          <TextInput label={t("roles")} description={t("rolesHint")} required {...form.getInputProps("roles")} />
          <TextInput label={t("limits")} placeholder="EUR 5000, USD 2500" {...form.getInputProps("limits")} />
        </Step>
      )}
    </>
  );
}

// Standing is what others say of how this carrier pays, and under which pseudonym.
function Standing() {
  const { t } = useTranslation("trust");
  const may = useMay();
  const of = api.useQuery("get", "/v1/reputation", {});
  return (
    <Card withBorder component="section" aria-label={t("repute")}>
      <Loaded of={of}>
        {(r) => (
          <Stack gap="sm">
            <Group justify="space-between">
              <Title order={2} size="h5">
                {t("repute")}
              </Title>
              {may("commit-pseudonym") && (
                <Action
                  size="compact-sm"
                  label={t(r.pseudonym ? "anotherPseudonym" : "takePseudonym")}
                  text={t(r.pseudonym ? "anotherPseudonymText" : "takePseudonymText")}
                  done={t("pseudonymDone")}
                  run={() => sent(client.POST("/v1/reputation/pseudonym", { body: r.pseudonym ? { another: true } : {} }))}
                />
              )}
            </Group>
            <Text size="sm">{t("reputeText")}</Text>
            <Facts
              of={[
                [t("pseudonym"), r.pseudonym ? <Hash key="p" value={r.pseudonym} label={t("pseudonym")} length={24} /> : t("noPseudonym")],
                [t("pseudonyms"), r.pseudonyms],
                [t("shownTo"), r.shown.join(", ") || "–"],
              ]}
            />
            {r.said.length > 0 && (
              <SmallTable
                label={t("said")}
                rows={r.said}
                rowKey={(x) => `${x.by} ${x.time}`}
                columns={[
                  { id: "by", header: t("by"), head: true, cell: (x) => x.by },
                  { id: "onTime", header: t("paidOnTime"), right: true, cell: (x) => `${x.statement.on_time} / ${x.statement.invoices}` },
                  { id: "days", header: t("meanDays"), right: true, cell: (x) => x.statement.days },
                  { id: "time", header: t("time"), cell: (x) => <When at={x.time} /> },
                ]}
              />
            )}
          </Stack>
        )}
      </Loaded>
    </Card>
  );
}
