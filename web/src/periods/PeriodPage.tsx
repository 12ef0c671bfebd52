import { Anchor, Badge, Button, Card, Checkbox, Group, Select, SimpleGrid, Stack, Tabs, Text, Textarea, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconRefresh } from "@tabler/icons-react";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { api, queries, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { fixed } from "@/api/partners";
import { useMay } from "@/api/session";
import { group } from "@/lib/money";
import { Items } from "@/invoices/Items";
import type { Search } from "@/lib/search";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { EraseFile } from "@/ui/EraseFile";
import { Choice, useFilters } from "@/ui/Filters";
import { Hash } from "@/ui/Hash";
import { Money } from "@/ui/Money";
import { Loaded, Page } from "@/ui/Page";
import { SmallTable } from "@/ui/SmallTable";
import { StateBadge } from "@/ui/StateBadge";
import { Step } from "@/ui/Step";
import { useBilled } from "@/ui/useBilled";
import { Between, When } from "@/ui/When";

import { days, groups, largest, seconds, word } from "./lines";

type Period = Schema<"Period">;
type Parts = Search<{ tab: "text"; differing: "flag"; row: "text"; adjusts: "text"; day: "text"; version: "text" }>;
interface At {
  partner: string;
  order: string;
  from: string;
}

// PeriodPage shows a period with both sides beside each other, line by line, down to the
// calls of our own behind a line.
export function PeriodPage() {
  const { t } = useTranslation("periods");
  const at = useParams({ strict: false }) as unknown as At;
  const may = useMay();
  const [f, set] = useFilters<Parts>();
  const [correcting, correct] = useState(false);
  const period = api.useQuery("get", "/v1/bilaterals/{partner}/periods/{order}/{from}", { params: { path: at } });
  const tab = f.tab ?? "lines";
  const named = useBilled();
  const products = at.order.startsWith("_"); // what is billed for them stands under no order
  return (
    <Page
      title={products ? named(at.order, period.data?.direction.split(">")[1]) : t("one", { order: at.order })}
      lead={period.data && <Between interval={period.data.interval} />}
      crumbs={[
        { text: t("ui:nav.today"), to: "/" },
        { text: t("title"), to: "/periods" },
      ]}
      actions={
        may("correct-period") &&
        period.data?.allowed.includes("correct") && (
          <Button variant="default" leftSection={<IconRefresh size={16} aria-hidden />} onClick={() => correct(true)}>
            {t("correct")}
          </Button>
        )
      }
    >
      <Loaded of={period}>
        {(p) => (
          <Stack gap="lg">
            <Head p={p} partner={at.partner} products={products} />
            {products ? (
              <Bill p={p} partner={at.partner} />
            ) : (
              <Tabs value={tab} onChange={(v) => set({ tab: v === "lines" ? undefined : (v ?? undefined) })} keepMounted={false}>
                <Tabs.List>
                  <Tabs.Tab value="lines">{t("bothSides")}</Tabs.Tab>
                  <Tabs.Tab value="rated">{t("ratedTab")}</Tabs.Tab>
                  {may("list-calls") && <Tabs.Tab value="calls">{t("callsTab")}</Tabs.Tab>}
                </Tabs.List>
                <Tabs.Panel value="lines" pt="md">
                  <Lines at={at} f={f} set={set} p={p} />
                </Tabs.Panel>
                <Tabs.Panel value="rated" pt="md">
                  <Rated at={at} f={f} set={set} />
                </Tabs.Panel>
                <Tabs.Panel value="calls" pt="md">
                  <Calls at={at} f={f} set={set} p={p} />
                </Tabs.Panel>
              </Tabs>
            )}
          </Stack>
        )}
      </Loaded>
      {correcting && <Correct at={at} close={() => correct(false)} />}
    </Page>
  );
}

// Bill shows what was charged for products in a period, by invoice.
function Bill({ p, partner }: { p: Period; partner: string }) {
  const { t } = useTranslation("periods");
  if (!p.invoices.length) return <Empty title={t("noBill")}>{t("noBillText")}</Empty>;
  return p.invoices.map((id) => (
    <Items
      key={id}
      partner={partner}
      id={id}
      title={
        <Anchor component={Link} to={`/invoices/${partner}/${encodeURIComponent(id)}`} style={{ overflowWrap: "anywhere" }}>
          {id}
        </Anchor>
      }
    />
  ));
}

function Head({ p, partner, products }: { p: Period; partner: string; products: boolean }) {
  const { t, i18n } = useTranslation("periods");
  const [buyer, seller] = p.direction.split(">");
  return (
    <>
      <Group gap="md">
        <StateBadge state={p.state} size="lg" />
        <Text size="sm">{p.direction.replace(">", " → ")}</Text>
        <Text size="sm">{t("openOf", { open: p.open, opened: p.opened })}</Text>
        {p.deadline && (
          <Text size="sm">
            {t("until")} <When at={p.deadline} />
          </Text>
        )}
      </Group>
      <SimpleGrid cols={{ base: 1, sm: 3 }}>
        {(["seller", "buyer"] as const)
          .filter((side) => !products || p[side].statement) // most bills need no submission: both sides come to them
          .map((side) => (
          <Card withBorder key={side} component="section" aria-label={t(side)}>
            <Text size="xs" c="dimmed">
              {t(side)} · {side === "seller" ? seller : buyer}
            </Text>
            {products ? (
              <Text size="sm">{t("submitted")}</Text>
            ) : (
              <>
                <Text size="sm" className="numbers">
                  {t("stated", { lines: (p[side].lines ?? 0).toLocaleString(i18n.language), records: (p[side].records ?? 0).toLocaleString(i18n.language) })}
                </Text>
                <Text size="sm" c={p[side].unrated ? undefined : "dimmed"} className="numbers">
                  {t("unrated", { n: (p[side].unrated ?? 0).toLocaleString(i18n.language) })}
                </Text>
                {p[side].delivered && (
                  <Group gap="xs">
                    <Text size="sm">{t("deliveredRecords")}</Text>
                    <Hash value={p[side].delivered} label={t("deliveredRecords")} />
                    {p.state === "closed" && <EraseFile hash={p[side].delivered} name={t("deliveredBy", { name: side === "seller" ? seller : buyer })} />}
                  </Group>
                )}
              </>
            )}
          </Card>
        ))}
        <Card withBorder component="section" aria-label={t("invoices")}>
          <Text size="xs" c="dimmed">
            {t("invoices")}
          </Text>
          {p.invoices.length === 0 && <Text size="sm">{t("noInvoices")}</Text>}
          {p.invoices.map((id) => (
            <Anchor component={Link} to={`/invoices/${partner}/${encodeURIComponent(id)}`} size="sm" key={id} style={{ overflowWrap: "anywhere" }}>
              {id}
            </Anchor>
          ))}
        </Card>
      </SimpleGrid>
    </>
  );
}

interface Part {
  at: At;
  f: Parts;
  set: (patch: Partial<Parts>) => void;
}

// Lines shows what both sides state, in the words that clerks use for it.
function Lines({ at, f, set, p }: Part & { p: Period }) {
  const { t, i18n } = useTranslation("periods");
  const rows = usePages("/v1/bilaterals/{partner}/periods/{order}/{from}/lines", { path: at as never, query: { differing: f.differing } as never });
  const rated = api.useQuery("get", "/v1/bilaterals/{partner}/periods/{order}/{from}/rated", { params: { path: at } });
  const names = useMemo(() => new Map(rated.data?.lines.map((l) => [l.row, l.rate.destination])), [rated.data]);
  const columns = useMemo<Column<Schema<"Compared">>[]>(() => {
    const n = (v: number | undefined) => (v === undefined ? "–" : v.toLocaleString(i18n.language));
    const s = (v: number | undefined) => (v === undefined ? "–" : seconds(v));
    return [
      {
        id: "row",
        header: t("line"),
        width: "minmax(220px, 1.6fr)",
        cell: (c) => (
          <Anchor component="button" type="button" size="sm" onClick={() => set({ tab: "calls", row: String(c.row), adjusts: c.adjusts?.split("/")[0] })}>
            {c.row} · {names.get(c.row) ?? t("row")}
            {c.reason ? ` (${t(`reasons.${c.reason}`, { defaultValue: c.reason })})` : ""}
          </Anchor>
        ),
        value: (c) => c.row,
      },
      { id: "word", header: t("result"), width: "minmax(130px, 0.9fr)", cell: (c) => <Badge variant="light" tt="none" color={word(c) === "exact" ? "teal" : word(c) === "within" ? "blue" : "yellow"}>{t(`words.${word(c)}`)}</Badge>, value: (c) => t(`words.${word(c)}`) },
      { id: "sc", header: t("sellerCalls"), right: true, cell: (c) => n(c.seller?.calls), value: (c) => c.seller?.calls },
      { id: "bc", header: t("buyerCalls"), right: true, cell: (c) => n(c.buyer?.calls), value: (c) => c.buyer?.calls },
      { id: "sr", header: t("sellerRaw"), right: true, cell: (c) => s(c.seller?.raw_millis), value: (c) => (c.seller ? s(c.seller.raw_millis) : "") },
      { id: "br", header: t("buyerRaw"), right: true, cell: (c) => s(c.buyer?.raw_millis), value: (c) => (c.buyer ? s(c.buyer.raw_millis) : "") },
      { id: "sb", header: t("sellerBilled"), right: true, cell: (c) => n(c.seller?.billed_seconds), value: (c) => c.seller?.billed_seconds },
      { id: "bb", header: t("buyerBilled"), right: true, cell: (c) => n(c.buyer?.billed_seconds), value: (c) => c.buyer?.billed_seconds },
      {
        id: "dispute",
        header: t("dispute"),
        cell: (c) =>
          c.dispute ? (
            <Anchor component={Link} to={`/disputes/${at.partner}/${c.dispute.replaceAll("/", "~")}`} size="sm">
              {t(c.decision ? "decided" : "open1")}
            </Anchor>
          ) : (
            "–"
          ),
        value: (c) => c.dispute,
      },
    ];
    // set only writes the address.
    // eslint-disable-next-line
  }, [t, i18n.language, names, at.partner]);
  return (
    <DataTable
      label={t("bothSides")}
      columns={columns}
      rows={rows}
      rowKey={(c) => `${c.adjusts ?? ""} ${c.row}`}
      file={`lines-${at.order}-${p.interval.slice(0, 10)}`}
      empty={<Empty title={t(f.differing ? "noDiffering" : "noLines")}>{t(f.differing ? "noDifferingText" : "noLinesText")}</Empty>}
      toolbar={<Checkbox size="sm" label={t("differing")} checked={f.differing ?? false} onChange={(e) => set({ differing: e.currentTarget.checked || undefined })} />}
    />
  );
}

// Rated shows a version of the rated period: by destination, and line by line.
function Rated({ at, f, set }: Part) {
  const { t, i18n } = useTranslation("periods");
  const version = f.version ? Number(f.version) || undefined : undefined;
  const rated = api.useQuery("get", "/v1/bilaterals/{partner}/periods/{order}/{from}/rated", { params: { path: at, query: { version } } });
  const columns = useMemo<Column<Schema<"DocumentLine">>[]>(
    () => [
      { id: "destination", header: t("destination"), width: "minmax(160px, 1.3fr)", cell: (l) => l.rate.destination, value: (l) => l.rate.destination },
      { id: "prefix", header: t("prefix"), width: "100px", cell: (l) => l.rate.prefix, value: (l) => l.rate.prefix },
      { id: "row", header: t("line"), width: "80px", right: true, cell: (l) => l.row, value: (l) => l.row },
      { id: "rate", header: t("rate"), right: true, width: "minmax(180px, 1fr)", cell: (l) => `${group(l.rate.rate, i18n.language)} / ${l.rate.unit_seconds} s`, value: (l) => l.rate.rate },
      { id: "calls", header: t("calls"), right: true, width: "90px", cell: (l) => l.calls.toLocaleString(i18n.language), value: (l) => l.calls },
      { id: "raw", header: t("raw"), right: true, cell: (l) => seconds(l.raw_millis), value: (l) => seconds(l.raw_millis) },
      { id: "billed", header: t("billed"), right: true, cell: (l) => l.billed_seconds.toLocaleString(i18n.language), value: (l) => l.billed_seconds },
      { id: "amount", header: t("amount"), right: true, cell: (l) => <Money amount={l.amount} currency={l.rate.currency} />, value: (l) => l.amount },
      { id: "currency", header: t("currency"), value: (l) => l.rate.currency },
    ],
    [t, i18n.language],
  );
  return (
    <Loaded of={rated}>
      {(r) => (
        <Stack>
          {r.versions.length > 1 && (
            <Select
              w={320}
              label={t("version")}
              data={r.versions.map((v) => ({ value: String(v.version), label: v.note ? t("versionOf", { version: v.version, kind: t(`notes.${v.kind}`, { defaultValue: v.kind }), state: v.state }) : t("firstVersion") }))}
              value={String(r.version)}
              allowDeselect={false}
              onChange={(v) => set({ version: v ?? undefined })}
            />
          )}
          <section aria-label={t("byDestination")}>
            <Title order={2} size="h4" mb="xs">
              {t("byDestination")}
            </Title>
            <SmallTable
              label={t("byDestination")}
              height={320}
              rows={groups(r.lines)}
              rowKey={(g) => `${g.destination} ${g.currency}`}
              columns={[
                { id: "destination", header: t("destination"), head: true, cell: (g) => g.destination },
                { id: "calls", header: t("calls"), right: true, cell: (g) => g.calls.toLocaleString(i18n.language) },
                { id: "billed", header: t("billed"), right: true, cell: (g) => g.billed.toLocaleString(i18n.language) },
                { id: "amount", header: t("amount"), right: true, cell: (g) => <Money fw={600} amount={g.amount} currency={g.currency} />, bar: (g) => largest(r.lines, g) },
              ]}
            />
          </section>
          <DataTable label={t("ratedTab")} columns={columns} rows={fixed(r.lines)} rowKey={(l) => `${l.adjusts ?? ""} ${l.row} ${l.amount}`} file={`rated-${at.order}`} empty={<Empty title={t("noLines")}>{t("noLinesText")}</Empty>} />
        </Stack>
      )}
    </Loaded>
  );
}

// Calls shows our own calls of a line: the end of the way from an invoice to a record.
function Calls({ at, f, set, p }: Part & { p: Period }) {
  const { t, i18n } = useTranslation("periods");
  const rated = api.useQuery("get", "/v1/bilaterals/{partner}/periods/{order}/{from}/rated", { params: { path: at } });
  const row = Number(f.row ?? rated.data?.lines[0]?.row ?? 0) || 0;
  const rows = usePages("/v1/bilaterals/{partner}/periods/{order}/{from}/calls", { path: at as never, query: { row, adjusts: f.adjusts, day: f.day } as never });
  const columns = useMemo<Column<Schema<"LineCall">>[]>(
    () => [
      { id: "start", header: t("start"), width: "minmax(220px, 1.4fr)", cell: (c) => <When at={c.start} />, value: (c) => c.start },
      { id: "origin", header: t("from"), cell: (c) => c.origin ?? t("withheld"), value: (c) => c.origin },
      { id: "destination", header: t("to"), cell: (c) => c.destination, value: (c) => c.destination },
      { id: "raw", header: t("raw"), right: true, cell: (c) => seconds(c.raw_millis), value: (c) => seconds(c.raw_millis) },
      { id: "billed", header: t("billed"), right: true, cell: (c) => c.billed_seconds.toLocaleString(i18n.language), value: (c) => c.billed_seconds },
      { id: "import", header: t("record"), width: "minmax(170px, 1fr)", cell: (c) => t("recordAt", { import: c.import, line: c.line }), value: (c) => `${c.import}:${c.line}` },
    ],
    [t, i18n.language],
  );
  const within = useMemo(() => days(p.interval), [p.interval]);
  const lines = useMemo(() => [...new Map((rated.data?.lines ?? []).filter((l) => !l.adjusts).map((l) => [String(l.row), `${l.row} · ${l.rate.destination}`]))].map(([value, label]) => ({ value, label })), [rated.data]);
  return (
    <DataTable
      label={t("callsTab")}
      columns={columns}
      rows={rows}
      rowKey={(c) => `${c.import} ${c.line} ${c.start}`}
      file={`calls-${at.order}-${row}`}
      empty={<Empty title={t("noCalls")}>{t("noCallsText")}</Empty>}
      toolbar={
        <Group gap="xs" align="flex-end">
          <Select size="xs" w={240} label={t("line")} searchable data={lines.some((l) => l.value === String(row)) ? lines : [{ value: String(row), label: `${row}` }, ...lines]} value={String(row)} allowDeselect={false} onChange={(v) => set({ row: v ?? undefined, adjusts: undefined, day: undefined })} />
          {within.length > 1 && <Choice label={t("day")} value={f.day} data={within.map((value) => ({ value, label: value }))} onChange={(day) => set({ day })} />}
          {f.adjusts && (
            <Text size="sm">
              {t("adjusts")} <When at={f.adjusts} />
            </Text>
          )}
        </Group>
      }
    />
  );
}

// Correct rates the period again: what differs becomes a note.
function Correct({ at, close }: { at: At; close: () => void }) {
  const { t } = useTranslation("periods");
  const [why, setWhy] = useState("");
  const navigate = useNavigate();
  const correct = api.useMutation("post", "/v1/bilaterals/{partner}/periods/{order}/{from}/correct");
  return (
    <Step
      title={t("correct")}
      text={t("correctText")}
      onClose={close}
      busy={correct.isPending}
      error={correct.error}
      onSubmit={() =>
        correct.mutate(
          { params: { path: at }, body: { why } },
          {
            onSuccess: (c) => {
              notifications.show({ color: "teal", message: c.notes.length ? t("corrected", { count: c.notes.length }) : t("nothingDiffers") });
              void queries.invalidateQueries();
              close();
              if (c.notes[0]) void navigate({ to: `/invoices/${at.partner}/${encodeURIComponent(c.notes[0].id)}` });
            },
          },
        )
      }
    >
      <Textarea label={t("why")} required maxLength={500} value={why} onChange={(e) => setWhy(e.currentTarget.value)} data-autofocus autosize minRows={2} />
    </Step>
  );
}
