import { Group, Select, Tabs } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { client, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { usePartnerPages, usePartners } from "@/api/partners";
import { sent } from "@/api/sent";
import { useMay } from "@/api/session";
import { spaced } from "@/lib/names";
import { Action, type Ask } from "@/ui/Action";
import { DataTable, type Rows } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { GoTo } from "@/ui/GoTo";
import { Page } from "@/ui/Page";
import { StateBadge } from "@/ui/StateBadge";
import { When } from "@/ui/When";

import { productOf } from "./course";
import type { TicketsSearch } from "./routes";

type Incident = Schema<"Incident">;
type Ticket = Schema<"Ticket">;

const ticketStates = ["acknowledged", "inProgress", "pending", "resolved", "reopened", "closed", "assessingCancellation", "cancelled"];
const incidentStates = ["created", "inProgress", "closed"];

// TicketsPage lists what partners have told of, and what they were told of.
export function TicketsPage() {
  const { t } = useTranslation("tickets");
  const search = useSearch({ strict: false }) as TicketsSearch;
  const navigate = useNavigate();
  const may = useMay();
  const { partners } = usePartners();
  const tab = search.tab ?? (may("list-tickets") ? "tickets" : "own");
  const set = (change: TicketsSearch) => void navigate({ to: "/tickets", search: { ...search, ...change } as never });
  const filters = (
    <Group align="flex-end" gap="sm">
      <Select label={t("partner")} placeholder={t("any")} data={partners} value={search.partner ?? null} onChange={(v) => set({ partner: v ?? undefined })} clearable searchable w={160} />
      <Select label={t("status")} placeholder={t("any")} data={(tab === "incidents" ? incidentStates : ticketStates).map((s) => ({ value: s, label: t(`ui:states.${s}`, { defaultValue: spaced(s) }) }))} value={search.status ?? null} onChange={(v) => set({ status: v ?? undefined })} clearable w={190} />
    </Group>
  );
  return (
    <Page
      title={t("title")}
      lead={t("lead")}
      actions={
        <>
          {may("put-incident") && <PutIncident partners={partners} />}
          {may("open-ticket") && <OpenTicket key={search.open} partners={partners} partner={search.partner} product={search.open} />}
        </>
      }
    >
      <Tabs value={tab} onChange={(v) => void navigate({ to: "/tickets", search: { tab: v === "tickets" ? undefined : v, partner: search.partner } as never })} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="tickets">{t("tickets")}</Tabs.Tab>
          {may("list-own-tickets") && <Tabs.Tab value="own">{t("ownTickets")}</Tabs.Tab>}
          {may("list-incidents") && <Tabs.Tab value="incidents">{t("incidents")}</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="tickets">
          <Tickets search={search} toolbar={filters} />
        </Tabs.Panel>
        <Tabs.Panel value="own">
          <OwnTickets search={search} toolbar={filters} />
        </Tabs.Panel>
        <Tabs.Panel value="incidents">
          <Incidents search={search} toolbar={filters} partners={partners} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

function Tickets({ search, toolbar }: { search: TicketsSearch; toolbar: React.ReactNode }) {
  const { t } = useTranslation("tickets");
  const rows = usePages("/v1/tickets", { query: { partner: search.partner, status: search.status as never } });
  return <TicketTable label={t("tickets")} rows={rows} toolbar={toolbar} to={(x) => `/tickets/${encodeURIComponent(x.id)}`} empty={<Empty title={t("noTickets")}>{t("noTicketsText")}</Empty>} />;
}

// OwnTickets lists what this carrier has opened with one partner or with all.
function OwnTickets({ search, toolbar }: { search: TicketsSearch; toolbar: React.ReactNode }) {
  const { t } = useTranslation("tickets");
  const rows = usePartnerPages<Ticket>("/tickets", search.partner, { status: search.status });
  return <TicketTable label={t("ownTickets")} rows={rows} toolbar={toolbar} to={(x) => `/tickets/own/${x.partner}/${encodeURIComponent(x.id)}`} empty={<Empty title={t("noOwn")}>{t("noOwnText")}</Empty>} />;
}

function TicketTable({ label, rows, toolbar, to, empty }: { label: string; rows: Rows<Ticket>; toolbar: React.ReactNode; to: (x: Ticket) => string; empty: React.ReactNode }) {
  const { t } = useTranslation("tickets");
  return (
    <DataTable<Ticket>
      label={label}
      rows={rows}
      rowKey={(x) => `${x.partner} ${x.id}`}
      file="tickets"
      toolbar={toolbar}
      empty={empty}
      columns={[
        { id: "id", header: t("ticket"), width: "minmax(180px, 1fr)", cell: (x) => <GoTo to={to(x)}>{x.id}</GoTo>, value: (x) => x.id },
        { id: "status", header: t("status"), width: "150px", cell: (x) => <StateBadge state={x.status} />, value: (x) => x.status },
        { id: "partner", header: t("partner"), width: "120px", cell: (x) => x.partner, value: (x) => x.partner },
        { id: "about", header: t("about"), width: "minmax(180px, 1fr)", cell: (x) => (productOf(x) ? <GoTo to={`/inventory/${x.partner}/${productOf(x)}`}>{productOf(x)}</GoTo> : x.about), value: (x) => x.about },
        { id: "description", header: t("description"), width: "minmax(220px, 2fr)", cell: (x) => x.description, value: (x) => x.description },
        { id: "impact", header: t("impact"), width: "120px", cell: (x) => t(`impacts.${x.impact}`, { defaultValue: x.impact }), value: (x) => x.impact },
        { id: "priority", header: t("priority"), width: "110px", cell: (x) => t(`priorities.${x.own_priority ?? x.priority}`, { defaultValue: x.priority }), value: (x) => x.own_priority ?? x.priority },
        { id: "created", header: t("created"), width: "220px", cell: (x) => <When at={x.created} />, value: (x) => x.created },
        { id: "expected", header: t("expected"), width: "220px", cell: (x) => <When at={x.expected} />, value: (x) => x.expected ?? "" },
      ]}
    />
  );
}

const impacts = ["degraded", "intermittent", "down"];
const priorities = ["low", "medium", "high", "critical"];
const severities = ["minor", "moderate", "significant", "extensive"];

// OpenTicket tells a partner that something that it sells does not work.
function OpenTicket({ partners, partner, product }: { partners: string[]; partner?: string; product?: string }) {
  const { t } = useTranslation("tickets");
  const navigate = useNavigate();
  const choices = (kind: string, names: string[]) => names.map((value) => ({ value, label: t(`${kind}.${value}`) }));
  return (
    <Action
      label={t("openTicket")}
      opened={Boolean(product)}
      variant="filled"
      confirm={t("tell")}
      done={t("told")}
      asks={[
        { name: "partner", label: t("partner"), kind: "choice", required: true, choices: [...new Set([...partners, ...(partner ? [partner] : [])])].map((p) => ({ value: p, label: p })), value: partner },
        { name: "product", label: t("productOf"), hint: t("productOfHint"), required: true, most: 64, value: product },
        { name: "description", label: t("description"), kind: "long", required: true, most: 4000 },
        { name: "impact", label: t("impact"), kind: "choice", required: true, choices: choices("impacts", impacts) },
        { name: "priority", label: t("priority"), kind: "choice", required: true, choices: choices("priorities", priorities), value: "medium" },
        { name: "severity", label: t("severity"), kind: "choice", required: true, choices: choices("severities", severities), value: "moderate" },
        { name: "began", label: t("began"), kind: "time" },
        { name: "external", label: t("ourNumber"), most: 64 },
      ]}
      run={(v) => {
        const { partner: to, ...body } = v;
        return sent(client.POST("/v1/bilaterals/{partner}/tickets", { params: { path: { partner: String(to) } }, body: body as unknown as Schema<"OpenTicket"> }));
      }}
      then={(x) => void navigate({ to: `/tickets/own/${(x as Ticket).partner}/${encodeURIComponent((x as Ticket).id)}` })}
    />
  );
}

function Incidents({ search, toolbar, partners }: { search: TicketsSearch; toolbar: React.ReactNode; partners: string[] }) {
  const { t } = useTranslation("tickets");
  const may = useMay();
  const rows = usePages("/v1/incidents", { query: { partner: search.partner, status: search.status as never } });
  return (
    <DataTable<Incident>
      label={t("incidents")}
      rows={rows}
      rowKey={(x) => x.id}
      file="incidents"
      toolbar={toolbar}
      empty={<Empty title={t("noIncidents")}>{t("noIncidentsText")}</Empty>}
      columns={[
        { id: "id", header: t("incident"), cell: (x) => x.id, value: (x) => x.id },
        { id: "status", header: t("status"), width: "130px", cell: (x) => <StateBadge state={x.status} />, value: (x) => x.status },
        { id: "partner", header: t("partner"), width: "120px", cell: (x) => x.partner, value: (x) => x.partner },
        { id: "type", header: t("type"), width: "130px", cell: (x) => t(`types.${x.type}`), value: (x) => x.type },
        { id: "description", header: t("description"), width: "minmax(220px, 2fr)", cell: (x) => x.description, value: (x) => x.description },
        { id: "impact", header: t("impact"), width: "130px", cell: (x) => t(`impacts.${x.impact}`), value: (x) => x.impact },
        { id: "products", header: t("products"), cell: (x) => (x.products ?? []).join(", "), value: (x) => (x.products ?? []).join(", ") },
        { id: "began", header: t("began"), width: "220px", cell: (x) => <When at={x.began} />, value: (x) => x.began },
        { id: "expected", header: t("over"), width: "220px", cell: (x) => <When at={x.closed ?? x.expected} />, value: (x) => x.closed ?? x.expected ?? "" },
        { id: "act", header: t("steps"), width: "110px", cell: (x) => may("put-incident") && (x.allowed?.length ?? 0) > 0 && <PutIncident partners={partners} of={x} />, value: () => "" },
      ]}
    />
  );
}

// PutIncident tells a partner of a situation, or how it stands now.
function PutIncident({ partners, of }: { partners: string[]; of?: Incident }) {
  const { t } = useTranslation("tickets");
  const choices = (kind: string, names: string[]) => names.map((value) => ({ value, label: t(`${kind}.${value}`) }));
  const asks: Ask[] = [
    ...(of ? [] : [{ name: "id", label: t("incident"), hint: t("idHint"), required: true, most: 64 }, { name: "partner", label: t("partner"), kind: "choice" as const, required: true, choices: partners.map((p) => ({ value: p, label: p })) }]),
    { name: "description", label: t("description"), kind: "long", required: true, most: 4000, value: of?.description },
    { name: "type", label: t("type"), kind: "choice", required: true, choices: choices("types", ["maintenance", "repair", "installation"]), value: of?.type },
    { name: "impact", label: t("impact"), kind: "choice", required: true, choices: choices("impacts", impacts), value: of?.impact },
    { name: "priority", label: t("priority"), kind: "choice", required: true, choices: choices("priorities", priorities), value: of?.priority },
    { name: "severity", label: t("severity"), kind: "choice", required: true, choices: choices("severities", severities), value: of?.severity },
    { name: "products", label: t("products"), hint: t("productsHint"), required: true, value: of?.products?.join(", ") },
    { name: "began", label: t("began"), kind: "time", required: true, value: of?.began },
    { name: "expected", label: t("over"), kind: "time", value: of?.expected },
    ...(of ? [{ name: "status", label: t("status"), kind: "choice" as const, required: true, choices: [of.status, ...(of.allowed ?? [])].map((s) => ({ value: s, label: t(`ui:states.${s}`, { defaultValue: spaced(s) }) })), value: of.status }] : []),
  ];
  return (
    <Action
      label={t(of ? "edit" : "open")}
      variant={of ? "default" : "filled"}
      size={of ? "compact-sm" : undefined}
      asks={asks}
      confirm={t("tell")}
      done={t("told")}
      run={(v) => {
        const products = String(v.products ?? "")
          .split(/[\s,]+/)
          .filter(Boolean);
        const { allowed: _, ...before } = of ?? {};
        const body = { status: "created", ...before, ...v, products } as unknown as Incident;
        if (body.status === "closed") body.closed ??= new Date().toISOString();
        return sent(client.POST("/v1/incidents", { body }));
      }}
    />
  );
}
