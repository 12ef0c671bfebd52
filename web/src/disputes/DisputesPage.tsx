import { Anchor, Badge, Button, Card, Checkbox, Group, List, Modal, Progress, SimpleGrid, Stack, Text, TextInput, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconCheck } from "@tabler/icons-react";
import { useQueries } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, queries, type Schema } from "@/api/client";
import { fixed, usePartnerPages, usePartners } from "@/api/partners";
import { problemOf, type Problem } from "@/api/problem";
import { useMay, useSession } from "@/api/session";
import { sum } from "@/lib/money";
import type { Search } from "@/lib/search";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Choice, Days, daySpan, FilterBar, PartnerSelect, useFilters } from "@/ui/Filters";
import { Money } from "@/ui/Money";
import { Page } from "@/ui/Page";
import { StateBadge } from "@/ui/StateBadge";
import { Between, When } from "@/ui/When";

import { gap, inPath } from "./figures";

type Row = Schema<"Dispute"> & { partner: string };
type Filters = Search<{ partner: "text"; state: "text"; people: "flag"; invoice: "text"; cause: "text"; assigned: "text"; from: "text"; to: "text" }>;

const states = ["awaiting", "manual", "proposed", "escalated", "resolved"];

// DisputesPage lists disputed lines over the partners, and takes offers many at once.
export function DisputesPage() {
  const { t } = useTranslation("disputes");
  const may = useMay();
  const [f, set] = useFilters<Filters>();
  const [selected, select] = useState(new Set<string>());
  const [accepting, accept] = useState<Row[]>();

  const byCause = Boolean(f.cause && f.invoice && f.partner);
  const listed = usePartnerPages<Schema<"Dispute">>("/disputes", f.partner, { ...daySpan(f.from, f.to), state: f.state, people: f.people, invoice: byCause ? undefined : f.invoice, assigned: f.assigned }, { enabled: !byCause });
  const caused = useCaused(f, byCause);
  const rows = byCause ? caused : listed;
  const key = (d: Row) => `${d.partner} ${d.id}`;

  const columns = useMemo<Column<Row>[]>(
    () => [
      {
        id: "line",
        header: t("line"),
        width: "minmax(170px, 1.2fr)",
        cell: (d) => (
          <Anchor component={Link} to={`/disputes/${d.partner}/${inPath(d.id)}`} size="sm">
            {t(d.product ? "itemOf" : "lineOf", { row: d.row, order: d.order })}
          </Anchor>
        ),
        value: (d) => d.id,
      },
      { id: "partner", header: t("partner"), width: "minmax(90px, 0.6fr)", cell: (d) => d.partner, value: (d) => d.partner },
      { id: "period", header: t("period"), width: "minmax(300px, 1.8fr)", cell: (d) => <Between interval={d.interval} shape={{ seconds: true }} />, value: (d) => d.interval },
      { id: "state", header: t("state"), cell: (d) => <StateBadge state={d.state} />, value: (d) => d.state },
      { id: "seller", header: t("seller"), right: true, width: "minmax(150px, 1fr)", cell: (d) => <Money amount={d.seller.amount} currency={d.currency} />, value: (d) => d.seller.amount },
      { id: "buyer", header: t("buyer"), right: true, width: "minmax(150px, 1fr)", cell: (d) => <Money amount={d.buyer.amount} currency={d.currency} />, value: (d) => d.buyer.amount },
      { id: "gap", header: t("gap"), right: true, width: "minmax(150px, 1fr)", cell: (d) => <Money fw={600} amount={gap(d)} currency={d.currency} />, value: gap },
      { id: "currency", header: t("currency"), width: "80px", cell: (d) => d.currency, value: (d) => d.currency },
      { id: "assigned", header: t("assigned"), cell: (d) => d.assigned?.to || "–", value: (d) => d.assigned?.to },
      { id: "deadline", header: t("deadline"), width: "minmax(200px, 1.2fr)", cell: (d) => <When at={d.deadline} shape={{ seconds: false }} />, value: (d) => d.deadline },
    ],
    [t],
  );
  const chosen = rows.rows.filter((d) => selected.has(key(d)));
  const acceptable = chosen.filter((d) => d.allowed.includes("accept"));
  return (
    <Page title={t("title")} lead={t("lead")}>
      <Counts partner={f.partner} show={(state) => set(state === "people" ? { state: undefined, people: true } : { state, people: undefined })} />
      <DataTable
        label={t("title")}
        columns={columns}
        rows={rows}
        rowKey={key}
        file="disputes"
        selected={may("accept-decision") ? selected : undefined}
        onSelect={may("accept-decision") ? select : undefined}
        empty={
          <Empty title={t(f.people ? "emptyPeople" : "empty")}>
            {t(f.people ? "emptyPeopleText" : "emptyText")}{" "}
            <Anchor component={Link} to="/invoices">
              {t("toInvoices")}
            </Anchor>
          </Empty>
        }
        toolbar={
          <Stack gap="xs">
            <FilterBar page="disputes">
              <PartnerSelect value={f.partner} onChange={(partner) => set({ partner, cause: undefined })} />
              <Choice label={t("state")} value={f.state} data={states.map((s) => ({ value: s, label: t(`ui:states.${s}`, { defaultValue: s }) }))} onChange={(state) => set({ state })} />
              <AssignedFilter value={f.assigned} onChange={(assigned) => set({ assigned })} />
              <Days from={f.from} to={f.to} onChange={set} />
              <Checkbox size="xs" pb={8} label={t("people")} checked={f.people ?? false} onChange={(e) => set({ people: e.currentTarget.checked || undefined })} />
            </FilterBar>
            <Group gap="xs">
              {f.invoice && (
                <Badge variant="light" tt="none">
                  {t("ofInvoice", { id: f.invoice })}
                </Badge>
              )}
              {f.cause && (
                <Badge variant="light" tt="none">
                  {t("ofCause", { cause: t(`ui:causes.${f.cause}`, { defaultValue: f.cause }) })}
                </Badge>
              )}
              {may("accept-decision") && (
                <Button size="xs" leftSection={<IconCheck size={14} aria-hidden />} disabled={!acceptable.length} onClick={() => accept(acceptable)}>
                  {t("acceptMany", { count: acceptable.length })}
                </Button>
              )}
              {chosen.length > acceptable.length && (
                <Text size="xs" c="dimmed">
                  {t("notOffered", { count: chosen.length - acceptable.length })}
                </Text>
              )}
            </Group>
          </Stack>
        }
      />
      {accepting && (
        <AcceptMany
          of={accepting}
          close={() => {
            accept(undefined);
            select(new Set());
          }}
        />
      )}
    </Page>
  );
}

// useCaused gives the disputes that add to one cause of an invoice's difference.
function useCaused(f: Filters, enabled: boolean) {
  const fall = api.useQuery("get", "/v1/bilaterals/{partner}/invoices/{id}/waterfall", { params: { path: { partner: f.partner ?? "", id: f.invoice ?? "" } } }, { enabled });
  const ids = fall.data?.steps.find((s) => s.cause === f.cause)?.disputes.map((d) => d.id) ?? [];
  const all = useQueries({
    queries: ids.slice(0, 500).map((id) => api.queryOptions("get", "/v1/bilaterals/{partner}/disputes/{id}", { params: { path: { partner: f.partner ?? "", id: inPath(id) } } }, { enabled })),
  });
  const rows = all.flatMap((q) => (q.data ? [{ ...q.data, partner: f.partner ?? "" }] : []));
  return fixed<Row>(rows, fall.error ?? all.find((q) => q.error)?.error, enabled && (fall.isFetching || all.some((q) => q.isFetching)), () => void fall.refetch());
}

function AssignedFilter({ value, onChange }: { value: string | undefined; onChange: (v: string | undefined) => void }) {
  const { t } = useTranslation("disputes");
  const s = useSession();
  const [text, setText] = useState(value ?? "");
  return (
    <Group gap={4} align="flex-end">
      <TextInput
        size="xs"
        w={130}
        label={t("assigned")}
        value={text}
        onChange={(e) => setText(e.currentTarget.value)}
        onBlur={() => onChange(text.trim() || undefined)}
        onKeyDown={(e) => e.key === "Enter" && onChange(text.trim() || undefined)}
      />
      <Button
        size="xs"
        variant="default"
        onClick={() => {
          setText(s?.name ?? "");
          onChange(s?.name);
        }}
      >
        {t("mine")}
      </Button>
    </Group>
  );
}

// Counts says what became of all disputes; each number shows those behind it.
function Counts({ partner, show }: { partner: string | undefined; show: (state: string | undefined) => void }) {
  const { t, i18n } = useTranslation("disputes");
  const { codes } = usePartners();
  const all = useQueries({
    queries: (partner ? [partner] : (codes ?? [])).map((code) => api.queryOptions("get", "/v1/bilaterals/{partner}/dispute-counts", { params: { path: { partner: code } } })),
  });
  if (!all.length || all.some((q) => !q.data)) return null;
  const total = (of: (c: Schema<"DisputeCounts">) => number) => all.reduce((n, q) => n + (q.data ? of(q.data) : 0), 0).toLocaleString(i18n.language);
  return (
    <SimpleGrid cols={{ base: 2, md: 4 }} component="section" aria-label={t("counts")}>
      {(
        [
          ["opened", (c) => c.opened, undefined],
          ["automatic", (c) => c.resolved_automatically, "resolved"],
          ["manual", (c) => c.manual, undefined],
          ["waiting", (c) => (c.states.manual ?? 0) + (c.states.proposed ?? 0) + (c.states.escalated ?? 0), "people"],
        ] as [string, (c: Schema<"DisputeCounts">) => number, string | undefined][]
      ).map(([name, of, state]) => (
        <Card withBorder padding="sm" key={name}>
          <Text size="xs" c="dimmed">
            {t(`count.${name}`)}
          </Text>
          <Group justify="space-between" align="baseline">
            <Text fw={650} fz="xl" className="numbers">
              {total(of)}
            </Text>
            <Button size="compact-xs" variant="subtle" onClick={() => show(state)} aria-label={t("showCount", { what: t(`count.${name}`) })}>
              {t("show")}
            </Button>
          </Group>
        </Card>
      ))}
    </SimpleGrid>
  );
}

// AcceptMany accepts offers one by one: each as it was on the screen, so that an offer that
// changed meanwhile is not taken unseen.
function AcceptMany({ of, close }: { of: Row[]; close: () => void }) {
  const { t } = useTranslation("disputes");
  const [done, setDone] = useState(0);
  const [state, setState] = useState<"ask" | "busy" | "over">("ask");
  const [failed, setFailed] = useState<{ id: string; problem: Problem }[]>([]);
  const currencies = [...new Set(of.map((d) => d.currency))];
  const run = async () => {
    setState("busy");
    const bad: typeof failed = [];
    for (const [i, d] of of.entries()) {
      const p = d.proposal;
      const { error } = await client.POST("/v1/bilaterals/{partner}/disputes/{id}/accept", {
        params: { path: { partner: d.partner, id: inPath(d.id) } },
        body: p ? { offer: { calls: p.calls, billed_seconds: p.billed_seconds, ...(d.product ? { amount: p.amount } : {}) } } : {},
      });
      if (error) bad.push({ id: d.id, problem: problemOf(error) });
      setDone(i + 1);
    }
    setFailed(bad);
    void queries.invalidateQueries();
    setState("over");
    if (!bad.length) {
      notifications.show({ color: "teal", message: t("acceptedMany", { count: of.length }) });
      close();
    }
  };
  return (
    <Modal opened onClose={close} title={t("acceptMany", { count: of.length })} closeOnClickOutside={state !== "busy"} closeButtonProps={{ "aria-label": t("ui:close"), disabled: state === "busy" }}>
      <Stack>
        {state === "ask" && (
          <>
            <Text size="sm">{t("acceptManyText")}</Text>
            {currencies.map((c) => (
              <Group key={c} justify="space-between">
                <Text size="sm">{t("together")}</Text>
                <Money fw={600} currency={c} amount={sum(of.filter((d) => d.currency === c).map((d) => d.proposal?.amount ?? "0"))} />
              </Group>
            ))}
          </>
        )}
        {state !== "ask" && <Progress value={(done / of.length) * 100} aria-label={t("progress", { done, all: of.length })} />}
        {failed.length > 0 && (
          <section aria-label={t("failed")}>
            <Title order={3} size="h6">
              {t("failed")}
            </Title>
            <List size="sm">
              {failed.map((x) => (
                <List.Item key={x.id}>
                  {x.id}: {x.problem.detail} {x.problem.remedy}
                </List.Item>
              ))}
            </List>
          </section>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={close} disabled={state === "busy"}>
            {t(state === "over" ? "ui:close" : "ui:cancel")}
          </Button>
          {state !== "over" && (
            <Button onClick={() => void run()} loading={state === "busy"}>
              {t("accept")}
            </Button>
          )}
        </Group>
      </Stack>
    </Modal>
  );
}
