import { Anchor, Badge, Button, Card, Checkbox, CloseButton, Group, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useQueries } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, type Schema } from "@/api/client";
import { fixed, usePartnerPages, usePartners } from "@/api/partners";
import { useMay, useSession } from "@/api/session";
import { billed } from "@/lib/names";
import type { Search } from "@/lib/search";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Choice, daySpan, ListFilters, useFilters } from "@/ui/Filters";
import { Many } from "@/ui/Many";
import { Money } from "@/ui/Money";
import { Page } from "@/ui/Page";
import { StateBadge } from "@/ui/StateBadge";
import { Between, When } from "@/ui/When";

import { gap, inPath } from "./figures";

type Row = Schema<"Dispute"> & { partner: string };
type Filters = Search<{ partner: "text"; state: "text"; people: "flag"; by: "text"; invoice: "text"; cause: "text"; assigned: "text"; from: "text"; to: "text" }>;

const states = ["awaiting", "manual", "proposed", "escalated", "resolved"];

// DisputesPage lists disputed lines over the partners, and takes offers many at once.
export function DisputesPage() {
  const { t } = useTranslation("disputes");
  const may = useMay();
  const [f, set] = useFilters<Filters>();
  const [selected, select] = useState(new Set<string>());

  const byCause = Boolean(f.cause && f.invoice && f.partner);
  // What waits for people comes in the order of its deadlines, anything else the latest first.
  const listed = usePartnerPages<Schema<"Dispute">>("/disputes", f.partner, { ...daySpan(f.from, f.to), state: f.state, people: f.people, by: f.by, invoice: byCause ? undefined : f.invoice, assigned: f.assigned, descending: !f.people || undefined }, { enabled: !byCause });
  const caused = useCaused(f, byCause);
  const rows = byCause ? caused : listed;
  const key = (d: Row) => `${d.partner} ${d.id}`;

  const columns = useMemo<Column<Row>[]>(
    () => [
      {
        id: "line",
        header: t("line"),
        width: "minmax(180px, 1.2fr)",
        cell: (d) => (
          <Anchor component={Link} to={`/disputes/${d.partner}/${inPath(d.id)}`} size="sm">
            {t(d.product ? "itemOf" : "lineOf", { row: d.row, order: billed(d.order).of })}
          </Anchor>
        ),
        value: (d) => d.id,
      },
      { id: "partner", header: t("partner"), width: "minmax(80px, 0.6fr)", cell: (d) => d.partner, value: (d) => d.partner },
      { id: "period", header: t("period"), width: "minmax(280px, 1.8fr)", cell: (d) => <Between interval={d.interval} shape={{ seconds: true }} />, value: (d) => d.interval },
      { id: "state", header: t("state"), width: "minmax(100px, 0.8fr)", cell: (d) => <StateBadge state={d.state} />, value: (d) => d.state },
      { id: "seller", header: t("seller"), right: true, width: "minmax(120px, 1fr)", cell: (d) => <Money amount={d.seller.amount} currency={d.currency} />, value: (d) => d.seller.amount },
      { id: "buyer", header: t("buyer"), right: true, width: "minmax(120px, 1fr)", cell: (d) => <Money amount={d.buyer.amount} currency={d.currency} />, value: (d) => d.buyer.amount },
      { id: "gap", header: t("gap"), right: true, width: "minmax(120px, 1fr)", cell: (d) => <Money fw={600} amount={gap(d)} currency={d.currency} />, value: gap },
      { id: "currency", header: t("currency"), value: (d) => d.currency },
      { id: "assigned", header: t("assigned"), cell: (d) => d.assigned?.to || "–", value: (d) => d.assigned?.to },
      { id: "deadline", header: t("deadline"), width: "minmax(200px, 1.2fr)", cell: (d) => <When at={d.deadline} shape={{ seconds: false }} />, value: (d) => d.deadline },
    ],
    [t],
  );
  const chosen = rows.rows.filter((d) => selected.has(key(d)));
  const acceptable = chosen.filter((d) => d.allowed.includes("accept")).length;
  return (
    <Page title={t("title")} lead={t("lead")}>
      <Counts partner={f.partner} show={(patch) => set({ state: undefined, people: undefined, by: undefined, assigned: undefined, ...patch })} />
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
            <ListFilters page="disputes" states={states} f={f} set={set}>
              <Choice label={t("by")} value={f.by} data={(["people", "rules"] as const).map((value) => ({ value, label: t(`byWho.${value}`) }))} onChange={(by) => set({ by })} width={120} />
              <AssignedFilter key={f.assigned} value={f.assigned} onChange={(assigned) => set({ assigned })} />
              <Checkbox size="xs" pb={8} label={t("people")} checked={f.people ?? false} onChange={(e) => set({ people: e.currentTarget.checked || undefined })} />
            </ListFilters>
            <Group gap="xs">
              {f.invoice && <Only text={t("ofInvoice", { id: f.invoice })} drop={() => set({ invoice: undefined, cause: undefined })} />}
              {f.cause && <Only text={t("ofCause", { cause: t(`ui:causes.${f.cause}`, { defaultValue: f.cause }) })} drop={() => set({ cause: undefined })} />}
              {may("accept-decision") && (
                <Many
                  of={chosen.filter((d) => d.allowed.includes("accept"))}
                  chosen={chosen.length}
                  label={t("acceptMany", { count: acceptable })}
                  rest={t("notOffered", { count: chosen.length - acceptable })}
                  text={t("acceptManyText")}
                  confirm={t("accept")}
                  done={t("acceptedMany", { count: acceptable })}
                  failed={t("failed")}
                  name={(d) => t(d.product ? "itemOf" : "lineOf", { row: d.row, order: billed(d.order).of })}
                  amount={(d) => ({ amount: d.proposal?.amount ?? "0", currency: d.currency })}
                  run={accept}
                  then={() => select(new Set())}
                />
              )}
            </Group>
          </Stack>
        }
      />
    </Page>
  );
}

// accept takes an offer as it was on the screen: one that changed meanwhile is not taken
// unseen.
function accept(d: Row) {
  const p = d.proposal;
  return client.POST("/v1/bilaterals/{partner}/disputes/{id}/accept", {
    params: { path: { partner: d.partner, id: inPath(d.id) } },
    body: p ? { offer: { calls: p.calls, billed_seconds: p.billed_seconds, ...(d.product ? { amount: p.amount } : {}) } } : {},
  });
}

// Only says what else the list is limited to, and lets go of it.
function Only({ text, drop }: { text: string; drop: () => void }) {
  const { t } = useTranslation();
  return (
    <Badge variant="light" tt="none" maw="100%" rightSection={<CloseButton size={18} aria-label={`${t("filters.clearOne")}: ${text}`} onClick={drop} />} title={text}>
      {text}
    </Badge>
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
function Counts({ partner, show }: { partner: string | undefined; show: (of: Partial<Filters>) => void }) {
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
          ["opened", (c) => c.opened, {}],
          ["automatic", (c) => c.resolved_automatically, { by: "rules" }],
          ["manual", (c) => c.manual, { by: "people" }],
          ["waiting", (c) => (c.states.manual ?? 0) + (c.states.proposed ?? 0) + (c.states.escalated ?? 0), { people: true }],
        ] as [string, (c: Schema<"DisputeCounts">) => number, Partial<Filters>][]
      ).map(([name, of, filter]) => (
        <Card withBorder padding="sm" key={name}>
          <Text size="xs" c="dimmed">
            {t(`count.${name}`)}
          </Text>
          <Group justify="space-between" align="baseline">
            <Text fw={650} fz="xl" className="numbers">
              {total(of)}
            </Text>
            <Button size="compact-xs" variant="subtle" onClick={() => show(filter)} aria-label={t("showCount", { what: t(`count.${name}`) })}>
              {t("show")}
            </Button>
          </Group>
        </Card>
      ))}
    </SimpleGrid>
  );
}
