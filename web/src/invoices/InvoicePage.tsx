import { Alert, Anchor, Button, Card, Checkbox, Group, Menu, NumberInput, Select, SimpleGrid, Stack, Text, Textarea, TextInput, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconCheck, IconDownload, IconX } from "@tabler/icons-react";
import { Link, useParams } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { api, queries, type Schema } from "@/api/client";
import { fixed } from "@/api/partners";
import { useMay, useSession } from "@/api/session";
import { group } from "@/lib/money";
import type { Search } from "@/lib/search";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { useFilters } from "@/ui/Filters";
import { Money } from "@/ui/Money";
import { Loaded, Page } from "@/ui/Page";
import { SmallTable } from "@/ui/SmallTable";
import { StateBadge } from "@/ui/StateBadge";
import { Step } from "@/ui/Step";
import { useTake } from "@/ui/useTake";
import { Between, When } from "@/ui/When";

import { Items } from "./Items";
import { Waterfall } from "./Waterfall";

type Invoice = Schema<"Invoice">;
type Line = Schema<"DocumentLine">;

// InvoicePage shows an invoice with its document, what leads to the buyer's expectation,
// and its lines, each of which leads to its dispute and its calls.
export function InvoicePage() {
  const { t } = useTranslation("invoices");
  const { partner = "", id = "" } = useParams({ strict: false }) as { partner?: string; id?: string };
  const may = useMay();
  const own = useSession()?.carrier;
  const [chosen, choose] = useState(new Set<string>());
  const [open, setOpen] = useState<"accept" | "reject" | "dispute" | "items">();
  const one = api.useQuery("get", "/v1/bilaterals/{partner}/invoices/{id}", { params: { path: { partner, id } } });
  const fall = api.useQuery("get", "/v1/bilaterals/{partner}/invoices/{id}/waterfall", { params: { path: { partner, id } } }, { enabled: may("get-waterfall") });
  const i = one.data;
  const can = (e: string, operation: string) => i?.buyer === own && i?.allowed.includes(e) && may(operation);
  return (
    <Page
      title={i ? t(`notes.${i.note || "none"}`) : t("invoice")}
      name={id}
      lead={<span style={{ overflowWrap: "anywhere" }}>{id}</span>}
      crumbs={[
        { text: t("ui:nav.today"), to: "/" },
        { text: t("title"), to: "/invoices" },
      ]}
      actions={
        i && (
          <>
            {can("accept", "accept-invoice") && (
              <Button leftSection={<IconCheck size={16} aria-hidden />} onClick={() => setOpen("accept")}>
                {t("accept")}
              </Button>
            )}
            {can("dispute", "dispute-invoice") && Boolean(i.says?.lines.length) && (
              <Button variant="default" onClick={() => setOpen("dispute")}>
                {t("dispute")}
              </Button>
            )}
            {can("dispute", "dispute-items") && Boolean(i.says?.items?.length) && (
              <Button variant="default" onClick={() => setOpen("items")}>
                {t("disputeItems")}
              </Button>
            )}
            {can("reject", "reject-invoice") && (
              <Button variant="default" leftSection={<IconX size={16} aria-hidden />} onClick={() => setOpen("reject")}>
                {t("reject")}
              </Button>
            )}
            <Files partner={partner} id={id} />
          </>
        )
      }
    >
      <Loaded of={one}>
        {(i) => (
          <Stack gap="lg">
            <Head i={i} partner={partner} />
            {may("get-waterfall") && (
              <Card withBorder>
                <Loaded of={fall}>{(w) => <Waterfall of={w} partner={partner} />}</Loaded>
              </Card>
            )}
            {i.says && (i.says.lines.length > 0 || !i.says.items?.length) && <Lines i={i} says={i.says} partner={partner} chosen={chosen} choose={can("dispute", "dispute-invoice") ? choose : undefined} />}
            {Boolean(i.says?.items?.length) && <Items partner={partner} id={i.id} title={t("items")} />}
            {Boolean(i.says?.volume?.length) && <Volume i={i} />}
          </Stack>
        )}
      </Loaded>
      {i && open && <Answer i={i} partner={partner} what={open} lines={(i.says?.lines ?? []).filter((l) => chosen.has(lineKey(l)))} close={() => setOpen(undefined)} />}
    </Page>
  );
}

const lineKey = (l: Pick<Line, "adjusts" | "row">) => `${l.row} ${l.adjusts ?? ""}`.trim();

function Head({ i, partner }: { i: Invoice; partner: string }) {
  const { t } = useTranslation("invoices");
  const from = i.interval.split("/")[0]!;
  return (
    <>
      <Group gap="md">
        <StateBadge state={i.state} size="lg" />
        <Text size="sm">
          {i.seller} → {i.buyer}
        </Text>
        <Anchor component={Link} size="sm" to={`/periods/${partner}/${encodeURIComponent(i.order)}/${encodeURIComponent(from)}`}>
          <Between interval={i.interval} inherit />
        </Anchor>
        <Text size="sm">
          {t("issued")} <When at={i.issued} shape={{ seconds: false }} /> · {t("due")} <When at={i.due} shape={{ time: false }} /> · {i.method}
        </Text>
      </Group>
      {i.why && <Alert color="gray" title={i.why} />}
      <SimpleGrid cols={{ base: 2, md: 4 }} component="section" aria-label={t("amounts")}>
        <Amount name={t("total")} amount={i.total} currency={i.currency} />
        <Amount name={i.open_lines ? `${t("open")} · ${t("openLines", { count: i.open_lines })}` : t("open")} amount={i.open} currency={i.currency} />
        {i.says && <Amount name={t("issued")} amount={i.says.total} currency={i.currency} />}
        {i.tolerated && <Amount name={t("tolerated")} amount={i.tolerated} currency={i.currency} />}
      </SimpleGrid>
      {i.follows && (
        <Text size="sm">
          {t("follows")}{" "}
          <Anchor component={Link} to={`/invoices/${partner}/${encodeURIComponent(i.follows)}`} style={{ overflowWrap: "anywhere" }}>
            {i.follows}
          </Anchor>
        </Text>
      )}
    </>
  );
}

function Amount({ name, amount, currency }: { name: string; amount: string; currency: string }) {
  return (
    <Card withBorder padding="sm">
      <Text size="xs" c="dimmed">
        {name}
      </Text>
      <Money fw={650} fz="lg" amount={amount} currency={currency} />
    </Card>
  );
}

// Files hands the invoice's files to the browser.
function Files({ partner, id }: { partner: string; id: string }) {
  const { t } = useTranslation("invoices");
  const may = useMay();
  const { busy, take } = useTake();
  const at = (path: string) => `/v1/bilaterals/${encodeURIComponent(partner)}/invoices/${encodeURIComponent(id)}/${path}`;
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" leftSection={<IconDownload size={16} aria-hidden />} loading={Boolean(busy)}>
          {t("files")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {(
          [
            ["html", "get-invoice-html", "document.html", ".html"],
            ["json", "get-invoice-json", "document.json", ".json"],
            ["canonical", "get-invoice-canonical", "document.cbor", ".cbor"],
            ["proof", "get-invoice-proof", "proof", ".proof"],
          ] as const
        ).map(
          ([name, operation, path, ending]) =>
            may(operation) && (
              <Menu.Item key={name} onClick={() => void take(at(path), `${id}${ending}`)}>
                {t(name)}
              </Menu.Item>
            ),
        )}
      </Menu.Dropdown>
    </Menu>
  );
}

// Lines shows the document's lines, of one destination or all.
function Lines({ says, partner, chosen, choose, i }: { i: Invoice; says: Schema<"Document">; partner: string; chosen: Set<string>; choose?: (keys: Set<string>) => void }) {
  const { t, i18n } = useTranslation("invoices");
  const [f, set] = useFilters<Search<{ destination: "text"; open: "flag" }>>();
  const destinations = useMemo(() => [...new Set(says.lines.map((l) => l.rate.destination))].sort(), [says]);
  const rows = useMemo(() => says.lines.filter((l) => (!f.destination || l.rate.destination === f.destination) && (!f.open || Boolean(l.dispute))), [says, f.destination, f.open]);
  const from = says.interval.split("/")[0]!;
  const columns = useMemo<Column<Line>[]>(
    () => [
      { id: "destination", header: t("destination"), width: "minmax(150px, 1.2fr)", cell: (l) => l.rate.destination, value: (l) => l.rate.destination },
      { id: "row", header: t("line"), width: "80px", right: true, cell: (l) => l.row, value: (l) => l.row },
      { id: "prefix", header: t("prefix"), width: "100px", cell: (l) => l.rate.prefix, value: (l) => l.rate.prefix },
      { id: "rate", header: t("rate"), right: true, width: "minmax(180px, 1fr)", cell: (l) => `${group(l.rate.rate, i18n.language)} / ${l.rate.unit_seconds} s`, value: (l) => l.rate.rate },
      {
        id: "calls",
        header: t("calls"),
        right: true,
        width: "100px",
        cell: (l) => (
          <Anchor component={Link} size="sm" to={`/periods/${partner}/${encodeURIComponent(says.order)}/${encodeURIComponent(from)}`} search={{ tab: "calls", row: String(l.row), adjusts: l.adjusts?.split("/")[0] } as never}>
            {l.calls.toLocaleString(i18n.language)}
          </Anchor>
        ),
        value: (l) => l.calls,
      },
      { id: "raw", header: t("raw"), right: true, cell: (l) => (l.raw_millis / 1000).toFixed(3), value: (l) => (l.raw_millis / 1000).toFixed(3) },
      { id: "billed", header: t("billed"), right: true, width: "140px", cell: (l) => l.billed_seconds.toLocaleString(i18n.language), value: (l) => l.billed_seconds },
      { id: "amount", header: t("amount"), right: true, cell: (l) => <Money fw={600} amount={l.amount} currency={says.currency} />, value: (l) => l.amount },
      { id: "currency", header: t("currency"), value: () => says.currency },
      { id: "state", header: t("state"), width: "110px", cell: (l) => <StateBadge state={l.state} />, value: (l) => l.state },
      {
        id: "dispute",
        header: t("toDispute"),
        width: "110px",
        cell: (l) =>
          l.dispute ? (
            <Anchor component={Link} size="sm" to={`/disputes/${partner}/${l.dispute.replaceAll("/", "~")}`}>
              {t("toDispute")}
            </Anchor>
          ) : (
            "–"
          ),
        value: (l) => l.dispute,
      },
    ],
    [t, i18n.language, partner, says, from],
  );
  return (
    <div>
      <Title order={2} size="h4" mb="xs">
        {t("lines")}
      </Title>
      <DataTable
        label={t("lines")}
        columns={columns}
        rows={fixed(rows)}
        rowKey={lineKey}
        file={i.id}
        selected={choose ? chosen : undefined}
        onSelect={choose}
        empty={<Empty title={t("noLines")}>{t("noLinesText")}</Empty>}
        toolbar={
          <Group gap="xs" align="flex-end">
            <Select size="xs" w={240} label={t("byDestination")} placeholder={t("allDestinations")} searchable clearable clearButtonProps={{ "aria-label": t("allDestinations") }} data={destinations} value={f.destination ?? null} onChange={(v) => set({ destination: v ?? undefined })} />
            <Checkbox size="xs" pb={8} label={t("onlyDisputed")} checked={f.open ?? false} onChange={(e) => set({ open: e.currentTarget.checked || undefined })} />
          </Group>
        }
      />
    </div>
  );
}

function Volume({ i }: { i: Invoice }) {
  const { t } = useTranslation("invoices");
  return (
    <Card withBorder component="section" aria-label={t("volume")}>
      <Title order={2} size="h4">
        {t("volume")}
      </Title>
      {i.says?.volume?.map((v, n) => (
        <Group key={n} justify="space-between">
          <Text size="sm">
            {v.name} · {v.kind}
          </Text>
          <Money amount={v.amount} currency={i.currency} />
        </Group>
      ))}
    </Card>
  );
}

// Answer is the dialog of the buyer's answer: it names the document that was read.
function Answer({ i, partner, what, lines, close }: { i: Invoice; partner: string; what: "accept" | "reject" | "dispute" | "items"; lines: Line[]; close: () => void }) {
  const { t } = useTranslation("invoices");
  const [read] = useState(i.document);
  const [why, setWhy] = useState("");
  const [own, setOwn] = useState<Record<string, { calls: number; billed_seconds: number }>>(() => Object.fromEntries(lines.map((l) => [lineKey(l), { calls: l.calls, billed_seconds: l.billed_seconds }])));
  const [amounts, setAmounts] = useState<Record<number, string>>({});
  const path = { partner, id: i.id };
  const accept = api.useMutation("post", "/v1/bilaterals/{partner}/invoices/{id}/accept");
  const reject = api.useMutation("post", "/v1/bilaterals/{partner}/invoices/{id}/reject");
  const dispute = api.useMutation("post", "/v1/bilaterals/{partner}/invoices/{id}/dispute");
  const disputeItems = api.useMutation("post", "/v1/bilaterals/{partner}/invoices/{id}/items/dispute");
  const all = [accept, reject, dispute, disputeItems];
  const busy = all.some((m) => m.isPending);
  const error: unknown = all.find((m) => m.error)?.error;
  const done = (message: string) => ({
    onSuccess: () => {
      notifications.show({ color: "teal", message: t(message) });
      void queries.invalidateQueries();
      close();
    },
    onError: () => void queries.invalidateQueries({ queryKey: ["get", "/v1/bilaterals/{partner}/invoices/{id}"] }),
  });
  const objected = Object.entries(amounts).filter(([, v]) => v.trim() !== "");
  const nothing = (what === "dispute" && !lines.length) || (what === "items" && !objected.length);
  const ownOf = (l: Line) => own[lineKey(l)] ?? { calls: l.calls, billed_seconds: l.billed_seconds };
  const send = () => {
    if (what === "accept") accept.mutate({ params: { path }, body: { document: read } }, done("accepted"));
    else if (what === "reject") reject.mutate({ params: { path }, body: { document: read, why } }, done("rejected"));
    else if (what === "items") disputeItems.mutate({ params: { path }, body: { document: read, why, items: objected.map(([n, amount]) => ({ number: Number(n), amount: amount.trim() })) } }, done("disputed"));
    else
      dispute.mutate(
        { params: { path }, body: { document: read, why, lines: lines.map((l) => ({ row: l.row, ...(l.adjusts ? { adjusts: l.adjusts } : {}), ...ownOf(l) })) } },
        done("disputed"),
      );
  };
  return (
    <Step
      title={t(what === "items" ? "disputeItems" : what)}
      text={what === "dispute" && !lines.length ? t("disputeNone") : t(what === "items" ? "disputeText" : `${what}Text`)}
      size={what === "accept" || what === "reject" ? "md" : "xl"}
      onClose={close}
      onSubmit={send}
      busy={busy}
      error={error}
      disabled={nothing}
      color={what === "reject" ? "red" : undefined}
    >
      {what === "accept" && <Money fw={650} fz="lg" amount={i.total} currency={i.currency} />}
      {what === "dispute" && lines.length > 0 && (
        <SmallTable
          label={t("lines")}
          height={360}
          rows={lines.slice(0, 500)}
          rowKey={lineKey}
          columns={[
            { id: "line", header: t("line"), head: true, cell: (l) => `${l.row} · ${l.rate.destination}` },
            { id: "calls", header: t("calls"), cell: (l) => <NumberInput size="xs" min={0} allowDecimal={false} aria-label={`${t("calls")}, ${l.row}`} value={ownOf(l).calls} onChange={(v) => setOwn({ ...own, [lineKey(l)]: { ...ownOf(l), calls: Number(v) || 0 } })} /> },
            { id: "billed", header: t("billed"), cell: (l) => <NumberInput size="xs" min={0} allowDecimal={false} aria-label={`${t("billed")}, ${l.row}`} value={ownOf(l).billed_seconds} onChange={(v) => setOwn({ ...own, [lineKey(l)]: { ...ownOf(l), billed_seconds: Number(v) || 0 } })} /> },
            { id: "claimed", header: t("claimed"), right: true, cell: (l) => <Money amount={l.amount} currency={i.currency} /> },
          ]}
        />
      )}
      {what === "items" &&
        i.says?.items?.slice(0, 200).map((x) => (
          <TextInput key={x.number} size="xs" inputMode="decimal" label={`${x.number} · ${x.product} (${x.charge.amount.amount} ${x.charge.amount.currency})`} placeholder={x.charge.amount.amount} value={amounts[x.number] ?? ""} onChange={(e) => setAmounts({ ...amounts, [x.number]: e.currentTarget.value })} />
        ))}
      {what !== "accept" && !(what === "dispute" && !lines.length) && <Textarea label={t("why")} description={t("whyText")} required maxLength={500} autosize minRows={2} value={why} onChange={(e) => setWhy(e.currentTarget.value)} />}
    </Step>
  );
}
