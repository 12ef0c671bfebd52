import { Anchor, Button, Checkbox, Group, List, Modal, Progress, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconCheck } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { client, queries, type Schema } from "@/api/client";
import { usePartnerPages } from "@/api/partners";
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

type Row = Schema<"Invoice"> & { partner: string };
type Filters = Search<{ partner: "text"; state: "text"; direction: "text"; currency: "text"; payable: "flag"; from: "text"; to: "text" }>;

const states = ["issued", "disputed", "partial", "final", "settled", "rejected"];

// InvoicesPage lists invoices over the partners, and accepts several at once.
export function InvoicesPage() {
  const { t } = useTranslation("invoices");
  const may = useMay();
  const own = useSession()?.carrier;
  const [f, set] = useFilters<Filters>();
  const [selected, select] = useState(new Set<string>());
  const [accepting, accept] = useState<Row[]>();
  const rows = usePartnerPages<Schema<"Invoice">>("/invoices", f.partner, { ...daySpan(f.from, f.to), state: f.state, direction: f.direction, currency: f.currency, payable: f.payable });
  const key = (i: Row) => `${i.partner} ${i.id}`;
  const columns = useMemo<Column<Row>[]>(
    () => [
      {
        id: "id",
        header: t("invoice"),
        width: "minmax(390px, 2.2fr)",
        cell: (i) => (
          <Anchor component={Link} to={`/invoices/${i.partner}/${encodeURIComponent(i.id)}`} size="sm" title={i.id}>
            {i.order} · <Between interval={i.interval} inherit />
          </Anchor>
        ),
        value: (i) => i.id,
      },
      { id: "kind", header: t("kind"), width: "100px", cell: (i) => t(`notes.${i.note || "none"}`), value: (i) => i.note || "invoice" },
      { id: "direction", header: t("direction"), cell: (i) => `${i.seller} → ${i.buyer}`, value: (i) => `${i.seller}>${i.buyer}` },
      { id: "way", header: t("partner"), width: "110px", cell: (i) => t(i.buyer === own ? "mine" : "theirs"), value: (i) => (i.buyer === own ? "payable" : "receivable") },
      { id: "state", header: t("state"), width: "110px", cell: (i) => <StateBadge state={i.state} />, value: (i) => i.state },
      { id: "total", header: t("total"), right: true, width: "minmax(150px, 1fr)", cell: (i) => <Money fw={600} amount={i.total} currency={i.currency} />, value: (i) => i.total },
      { id: "open", header: t("open"), right: true, width: "minmax(150px, 1fr)", cell: (i) => (i.open_lines ? <Money amount={i.open} currency={i.currency} /> : "–"), value: (i) => i.open },
      { id: "currency", header: t("currency"), width: "90px", cell: (i) => i.currency, value: (i) => i.currency },
      { id: "due", header: t("due"), width: "minmax(130px, 0.8fr)", cell: (i) => <When at={i.due} shape={{ time: false }} />, value: (i) => i.due },
    ],
    [t, own],
  );
  const chosen = rows.rows.filter((i) => selected.has(key(i)));
  const acceptable = chosen.filter((i) => i.buyer === own && i.allowed.includes("accept"));
  return (
    <Page title={t("title")} lead={t("lead")}>
      <DataTable
        label={t("title")}
        columns={columns}
        rows={rows}
        rowKey={key}
        file="invoices"
        selected={may("accept-invoice") ? selected : undefined}
        onSelect={may("accept-invoice") ? select : undefined}
        empty={
          <Empty title={t("empty")}>
            {t("emptyText")}{" "}
            <Anchor component={Link} to="/periods">
              {t("toPeriods")}
            </Anchor>
          </Empty>
        }
        toolbar={
          <Stack gap="xs">
            <FilterBar page="invoices">
              <PartnerSelect value={f.partner} onChange={(partner) => set({ partner, direction: undefined })} />
              <Choice label={t("state")} value={f.state} data={states.map((s) => ({ value: s, label: t(`ui:states.${s}`, { defaultValue: s }) }))} onChange={(state) => set({ state })} />
              {f.partner && own && (
                <Choice
                  label={t("direction")}
                  value={f.direction}
                  data={[
                    { value: `${own}>${f.partner}`, label: t("mine") },
                    { value: `${f.partner}>${own}`, label: t("theirs") },
                  ]}
                  onChange={(direction) => set({ direction })}
                />
              )}
              <TextInput key={f.currency} size="xs" w={90} label={t("currency")} placeholder="USD" maxLength={3} defaultValue={f.currency ?? ""} onBlur={(e) => set({ currency: e.currentTarget.value.trim().toUpperCase() || undefined })} onKeyDown={(e) => e.key === "Enter" && e.currentTarget.blur()} />
              <Days from={f.from} to={f.to} onChange={set} />
              <Checkbox size="xs" pb={8} label={t("payable")} checked={f.payable ?? false} onChange={(e) => set({ payable: e.currentTarget.checked || undefined })} />
            </FilterBar>
            {may("accept-invoice") && (
              <Group gap="xs">
                <Button size="xs" leftSection={<IconCheck size={14} aria-hidden />} disabled={!acceptable.length} onClick={() => accept(acceptable)}>
                  {t("acceptMany", { count: acceptable.length })}
                </Button>
                {chosen.length > acceptable.length && (
                  <Text size="xs" c="dimmed">
                    {t("notOpen", { count: chosen.length - acceptable.length })}
                  </Text>
                )}
              </Group>
            )}
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

// AcceptMany accepts invoices one by one, each by the document that was on the screen.
function AcceptMany({ of, close }: { of: Row[]; close: () => void }) {
  const { t } = useTranslation("invoices");
  const [done, setDone] = useState(0);
  const [state, setState] = useState<"ask" | "busy" | "over">("ask");
  const [failed, setFailed] = useState<{ id: string; problem: Problem }[]>([]);
  const run = async () => {
    setState("busy");
    const bad: typeof failed = [];
    for (const [n, i] of of.entries()) {
      const { error } = await client.POST("/v1/bilaterals/{partner}/invoices/{id}/accept", { params: { path: { partner: i.partner, id: i.id } }, body: { document: i.document } });
      if (error) bad.push({ id: i.id, problem: problemOf(error) });
      setDone(n + 1);
    }
    setFailed(bad);
    setState("over");
    void queries.invalidateQueries();
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
            {[...new Set(of.map((i) => i.currency))].map((c) => (
              <Group key={c} justify="space-between">
                <Text size="sm">{t("together")}</Text>
                <Money fw={600} currency={c} amount={sum(of.filter((i) => i.currency === c).map((i) => i.total))} />
              </Group>
            ))}
          </>
        )}
        {state !== "ask" && <Progress value={(done / of.length) * 100} aria-label={t("progress", { done, all: of.length })} />}
        {failed.length > 0 && (
          <List size="sm" aria-label={t("failed")}>
            {failed.map((x) => (
              <List.Item key={x.id} style={{ overflowWrap: "anywhere" }}>
                {x.id}: {x.problem.detail} {x.problem.remedy}
              </List.Item>
            ))}
          </List>
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
