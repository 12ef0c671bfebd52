import { Badge, Button, Card, Group, Modal, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconCircleCheck, IconAlertTriangle } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, queries, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { sent } from "@/api/sent";
import { useMay } from "@/api/session";
import { titled } from "@/lib/names";
import { parameter } from "@/lib/units";
import { Action } from "@/ui/Action";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Loaded, Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { StateBadge } from "@/ui/StateBadge";
import { Ago } from "@/ui/When";

import { Fact } from "./parts";

type Member = Schema<"Member">;
type Vote = Schema<"TradeProposal">;

// NetworkPage shows who is on the network, what it has agreed on, and what is voted on.
export function NetworkPage() {
  const { t } = useTranslation("trust");
  const may = useMay();
  return (
    <Page title={t("networkTitle")} lead={t("networkLead")}>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Ledger />
        {may("get-network") && <Parameters />}
      </SimpleGrid>
      {may("list-proposals") && <Votes />}
      {may("list-members") && <Members />}
    </Page>
  );
}

function Ledger() {
  const { t } = useTranslation("trust");
  const status = api.useQuery("get", "/v1/status", {}, { refetchInterval: 5000 });
  return (
    <Card withBorder component="section" aria-label={t("ledger")}>
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h5">
          {t("ledger")}
        </Title>
        {status.data && <StateBadge state={status.data.ready ? "ready" : "failed"} />}
      </Group>
      <Loaded of={status}>
        {(s) => (
          <Stack gap="xs">
            <dl className="facts">
              <Fact name={t("height")}>
                {s.height}, <Ago at={s.time} size="sm" />
              </Fact>
              <Fact name={t("confirmed")}>{s.confirmed || "–"}</Fact>
              <Fact name={t("finality")}>{s.finality_ms.count ? t("finalityText", { p50: Math.round(s.finality_ms.p50), p99: Math.round(s.finality_ms.p99), count: s.finality_ms.count }) : "–"}</Fact>
            </dl>
            {s.checks.map((c) => (
              <Group key={c.name} gap={6} wrap="nowrap" align="flex-start">
                {c.ok ? <IconCircleCheck size={16} aria-hidden color="var(--mantine-color-teal-6)" /> : <IconAlertTriangle size={16} aria-hidden color="var(--mantine-color-red-6)" />}
                <Text size="sm">
                  {c.name}: {c.ok ? t("inOrder") : c.detail}
                </Text>
              </Group>
            ))}
          </Stack>
        )}
      </Loaded>
    </Card>
  );
}

function Parameters() {
  const { t, i18n } = useTranslation("trust");
  const network = api.useQuery("get", "/v1/network");
  return (
    <Card withBorder component="section" aria-label={t("parameters")}>
      <Title order={2} size="h5" mb="xs">
        {t("parameters")}
      </Title>
      <Loaded of={network}>
        {({ next, ...n }) => (
          <>
            <dl className="facts">
              {Object.entries(n).map(([k, v]) => {
                const [name, value] = parameter(k, v, i18n.language);
                return (
                  <Fact key={k} name={titled(name)}>
                    {value}
                  </Fact>
                );
              })}
            </dl>
            {next?.map((c) => (
              <Text key={c.parameter} size="sm">
                {t("nextValue", { parameter: c.parameter, value: c.value, height: c.from })}
              </Text>
            ))}
          </>
        )}
      </Loaded>
    </Card>
  );
}

function Votes() {
  const { t } = useTranslation("trust");
  const may = useMay();
  const rows = usePages("/v1/network/proposals", {});
  const vote = api.useMutation("post", "/v1/network/vote", {
    onSuccess: async () => {
      notifications.show({ color: "teal", message: t("voted") });
      await queries.invalidateQueries();
    },
  });
  const columns: Column<Vote>[] = [
    { id: "parameter", header: t("parameter"), cell: (p) => p.change.parameter, value: (p) => p.change.parameter },
    { id: "value", header: t("value"), width: "140px", right: true, cell: (p) => p.change.value, value: (p) => p.change.value },
    { id: "from", header: t("fromHeight"), width: "140px", right: true, cell: (p) => p.change.from, value: (p) => p.change.from },
    { id: "by", header: t("by"), cell: (p) => p.by, value: (p) => p.by },
    ...(may("vote-parameter")
      ? [{ id: "vote", header: t("vote"), cell: (p: Vote) => <Button size="compact-sm" variant="default" loading={vote.isPending} onClick={() => vote.mutate({ body: p.change })}>{t("voteFor")}</Button>, value: () => "" } satisfies Column<Vote>]
      : []),
  ];
  return (
    <Stack gap="xs" component="section">
      <Title order={2} size="h4">
        {t("votes")}
      </Title>
      <ProblemAlert error={vote.error} />
      {may("propose-parameter") && <Propose />}
      <DataTable label={t("votes")} columns={columns} rows={rows} rowKey={(p) => `${p.change.parameter}/${p.change.value}/${p.by}`} file="proposals" height={320} empty={<Empty title={t("noVotes")}>{t("noVotesText")}</Empty>} />
    </Stack>
  );
}

// Propose has the members vote on another value of a parameter, from a block on.
function Propose() {
  const { t } = useTranslation("trust");
  const network = api.useQuery("get", "/v1/network");
  const status = api.useQuery("get", "/v1/status");
  const names = Object.entries(network.data ?? {}).flatMap(([k, v]) => (typeof v === "number" && k !== "version" ? [k] : []));
  return (
    <Group>
      <Action
        size="sm"
        label={t("proposeParameter")}
        text={t("proposeParameterText")}
        asks={[
          { name: "parameter", label: t("parameter"), kind: "choice", required: true, choices: names.map((value) => ({ value, label: value })) },
          { name: "value", label: t("value"), kind: "number", required: true },
          { name: "from", label: t("fromHeight"), kind: "number", required: true, hint: t("fromHeightHint", { height: status.data?.height ?? 0 }) },
        ]}
        done={t("proposedParameter")}
        run={(v) => sent(client.POST("/v1/network/propose", { body: { parameter: String(v.parameter), value: Number(v.value), from: Number(v.from) } }))}
      />
    </Group>
  );
}

// Steps that a member's state may call for; whether they are allowed the ledger says.
const acts = [
  { id: "vouch-member", path: "/v1/members/{code}/vouch", states: ["applied"] },
  { id: "suspend-member", path: "/v1/members/{code}/suspend", states: ["active"] },
  { id: "restore-member", path: "/v1/members/{code}/restore", states: ["suspended"] },
] as const;

function Members() {
  const { t } = useTranslation("trust");
  const may = useMay();
  const rows = usePages("/v1/members", {});
  const [asked, ask] = useState<{ member: Member; act: (typeof acts)[number] }>();
  const done = async () => {
    notifications.show({ color: "teal", message: t("voted") });
    ask(undefined);
    await queries.invalidateQueries();
  };
  const vouch = api.useMutation("post", "/v1/members/{code}/vouch", { onSuccess: done });
  const suspend = api.useMutation("post", "/v1/members/{code}/suspend", { onSuccess: done });
  const restore = api.useMutation("post", "/v1/members/{code}/restore", { onSuccess: done });
  const by = { "vouch-member": vouch, "suspend-member": suspend, "restore-member": restore };
  const columns: Column<Member>[] = [
    { id: "code", header: t("member"), width: "100px", cell: (m) => m.code, value: (m) => m.code },
    { id: "name", header: t("legalName"), width: "minmax(150px, 1.5fr)", cell: (m) => <Text size="sm" truncate>{m.legal_name}</Text>, value: (m) => m.legal_name },
    { id: "country", header: t("country"), width: "80px", cell: (m) => m.country, value: (m) => m.country },
    { id: "state", header: t("state"), width: "100px", cell: (m) => <StateBadge state={m.state} />, value: (m) => m.state },
    { id: "since", header: t("since"), width: "110px", right: true, cell: (m) => m.since, value: (m) => m.since },
    { id: "sponsor", header: t("sponsor"), width: "90px", cell: (m) => m.sponsor ?? "–", value: (m) => m.sponsor },
    { id: "vouchers", header: t("vouchers"), width: "minmax(110px, 1fr)", cell: (m) => <Text size="sm" truncate>{m.vouchers?.join(", ")}</Text>, value: (m) => m.vouchers?.join(" ") },
    { id: "keys", header: t("keys"), width: "70px", right: true, cell: (m) => m.member_keys.length + m.node_keys.length, value: (m) => m.member_keys.length + m.node_keys.length },
    ...(acts.some((a) => may(a.id))
      ? [
          {
            id: "act",
            header: t("vote"),
            width: "150px",
            cell: (m: Member) => {
              const act = acts.find((a) => may(a.id) && (a.states as readonly string[]).includes(m.state));
              return act && <Button size="compact-sm" variant="default" onClick={() => ask({ member: m, act })}>{t(`acts.${act.id}`)}</Button>;
            },
            value: () => "",
          } satisfies Column<Member>,
        ]
      : []),
  ];
  return (
    <Stack gap="xs" component="section">
      <Title order={2} size="h4">
        {t("members")}
      </Title>
      <DataTable label={t("members")} columns={columns} rows={rows} rowKey={(m) => m.code} file="members" height={480} empty={<Empty title={t("noMembers")} />} />
      <Modal opened={Boolean(asked)} onClose={() => ask(undefined)} title={asked && t(`acts.${asked.act.id}`)} closeButtonProps={{ "aria-label": t("ui:close") }}>
        {asked && (
          <Stack>
            <Text size="sm">{t("actText", { code: asked.member.code, name: asked.member.legal_name })}</Text>
            <Badge variant="light" color="yellow">
              {t("actPublic")}
            </Badge>
            <ProblemAlert error={by[asked.act.id].error} />
            <Group justify="flex-end">
              <Button variant="default" onClick={() => ask(undefined)}>
                {t("ui:cancel")}
              </Button>
              <Button loading={by[asked.act.id].isPending} onClick={() => by[asked.act.id].mutate({ params: { path: { code: asked.member.code } } })}>
                {t(`acts.${asked.act.id}`)}
              </Button>
            </Group>
          </Stack>
        )}
      </Modal>
    </Stack>
  );
}
