import { Group, Select, Switch, Tabs, TextInput } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api, client, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { usePartners } from "@/api/partners";
import { usePlaces } from "@/api/places";
import { sent } from "@/api/sent";
import { useMay, useSession } from "@/api/session";
import { product, spaced } from "@/lib/names";
import { bandwidth, megabits } from "@/lib/units";
import { Action } from "@/ui/Action";
import { DataTable } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { fixedRows } from "@/ui/fixedRows";
import { GoTo } from "@/ui/GoTo";
import { Money } from "@/ui/Money";
import { Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { StateBadge } from "@/ui/StateBadge";
import { TimeInput } from "@/ui/TimeInput";
import { Between, When } from "@/ui/When";

import { Capacity } from "./Capacity";
import { Measurements } from "./Measurements";
import { Readings } from "./Readings";
import { Reserve } from "./Reserve";
import { tabs, type InventorySearch } from "./routes";

const productStates = ["pendingActive", "active", "active.pendingChange", "suspended", "pendingTerminate", "suspendedPendingTerminate", "terminated", "cancelled"] as const;
const holdStates = ["reserved", "confirmed", "inUse", "released", "expired"] as const;
const needs = { products: "list-products", measurements: "list-measurements", volume: "get-volume", reservations: "list-reservations", capacity: "get-capacity" };

// InventoryPage has what is in use with each partner, and what of the own links is taken.
export function InventoryPage() {
  const { t } = useTranslation("inventory");
  const search = useSearch({ strict: false }) as InventorySearch;
  const navigate = useNavigate();
  const may = useMay();
  const { partners, error, busy, retry } = usePartners();
  const tab = search.tab ?? "products";
  const partner = search.partner ?? partners[0];
  const set = (change: InventorySearch) => void navigate({ to: "/inventory", search: { ...search, ...change } as never });
  const bilateral = tab === "products" || tab === "measurements" || tab === "volume";
  const choose = <Select label={t("partner")} data={partners} value={partner ?? null} onChange={(v) => set({ partner: v ?? undefined })} allowDeselect={false} searchable w={150} />;
  return (
    <Page title={t("title")} lead={t("lead")}>
      <Tabs value={tab} onChange={(v) => void navigate({ to: "/inventory", search: { tab: v, partner: search.partner } as never })} keepMounted={false}>
        <Tabs.List mb="md">
          {tabs
            .filter((x) => may(needs[x]))
            .map((x) => (
              <Tabs.Tab key={x} value={x}>
                {t(x)}
              </Tabs.Tab>
            ))}
        </Tabs.List>
        {bilateral && Boolean(error) && <ProblemAlert error={error} retry={retry} />}
        {bilateral && !error && !busy && !partner && <Empty title={t("noPartner")}>{t("noPartnerText")}</Empty>}
        <Tabs.Panel value="products">{partner && <Products partner={partner} search={search} set={set} choose={choose} />}</Tabs.Panel>
        <Tabs.Panel value="measurements">
          {partner && may("import-readings") && <Readings partner={partner} />}
          {partner && (
            <Measurements
              partner={partner}
              product={search.product}
              state={search.state}
              people={search.people}
              toolbar={
                <Group align="flex-end" gap="sm">
                  {choose}
                  <Select label={t("state")} placeholder={t("any")} data={["stated", "agreed", "disputed", "proposed"].map((s) => ({ value: s, label: t(`ui:states.${s}`, { defaultValue: s }) }))} value={search.state ?? null} onChange={(v) => set({ state: v ?? undefined })} clearable w={150} />
                  <TextInput label={t("product")} defaultValue={search.product ?? ""} key={search.product} onBlur={(e) => set({ product: e.currentTarget.value || undefined })} w={170} />
                  <Switch label={t("people")} checked={Boolean(search.people)} onChange={(e) => set({ people: e.currentTarget.checked || undefined })} pb={8} />
                </Group>
              }
            />
          )}
        </Tabs.Panel>
        <Tabs.Panel value="volume">{partner && <Volume partner={partner} choose={choose} />}</Tabs.Panel>
        <Tabs.Panel value="reservations">
          <Reservations search={search} set={set} />
        </Tabs.Panel>
        <Tabs.Panel value="capacity">
          <Capacity
            from={search.from}
            to={search.to}
            toolbar={
              <Group align="flex-end" gap="sm">
                <TimeInput label={t("from")} value={search.from} onChange={(from) => set({ from })} />
                <TimeInput label={t("to")} value={search.to} onChange={(to) => set({ to })} />
              </Group>
            }
          />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

interface Part {
  search: InventorySearch;
  set: (s: InventorySearch) => void;
}

function Products({ partner, search, set, choose }: Part & { partner: string; choose: React.ReactNode }) {
  const { t } = useTranslation("inventory");
  const self = useSession()?.carrier ?? "";
  const direction = search.direction === "out" ? `${self}>${partner}` : search.direction === "in" ? `${partner}>${self}` : undefined;
  const rows = usePages("/v1/bilaterals/{partner}/products", { path: { partner }, query: { state: search.state as never, direction, held: search.held } });
  return (
    <DataTable<Schema<"Product">>
      label={t("products")}
      rows={rows}
      rowKey={(p) => p.id}
      file={`products-${partner}`}
      toolbar={
        <Group align="flex-end" gap="sm">
          {choose}
          <Select label={t("state")} placeholder={t("any")} data={productStates.map((s) => ({ value: s, label: t(`ui:states.${s}`, { defaultValue: spaced(s) }) }))} value={search.state ?? null} onChange={(v) => set({ state: v ?? undefined })} clearable w={190} />
          <Select
            label={t("direction")}
            placeholder={t("any")}
            data={[
              { value: "out", label: t("weBuy") },
              { value: "in", label: t("weSell") },
            ]}
            value={search.direction ?? null}
            onChange={(v) => set({ direction: (v ?? undefined) as "in" | "out" | undefined })}
            clearable
            w={150}
          />
          <Switch label={t("held")} checked={Boolean(search.held)} onChange={(e) => set({ held: e.currentTarget.checked || undefined })} pb={8} />
        </Group>
      }
      empty={<Empty title={t("noProducts")}>{t("noProductsText")}</Empty>}
      columns={[
        { id: "id", header: t("product"), width: "minmax(180px, 1.2fr)", cell: (p) => <GoTo to={`/inventory/${partner}/${p.id}`}>{p.id}</GoTo>, value: (p) => p.id },
        { id: "state", header: t("state"), width: "170px", cell: (p) => <StateBadge state={p.state} />, value: (p) => p.state },
        { id: "name", header: t("what"), cell: (p) => product(p.name), value: (p) => p.name },
        { id: "buyer", header: t("buyer"), width: "120px", cell: (p) => p.buyer, value: (p) => p.buyer },
        { id: "seller", header: t("seller"), width: "120px", cell: (p) => p.seller, value: (p) => p.seller },
        { id: "activated", header: t("activated"), width: "220px", cell: (p) => <When at={p.activated} />, value: (p) => p.activated ?? "" },
        { id: "ends", header: t("ends"), width: "220px", cell: (p) => <When at={p.ends ?? p.deadline} />, value: (p) => p.ends ?? p.deadline ?? "" },
        { id: "billed", header: t("billed"), width: "220px", cell: (p) => <When at={p.billed} />, value: (p) => p.billed ?? "" },
        { id: "open", header: t("openMeasurements"), right: true, width: "150px", cell: (p) => p.open, value: (p) => p.open },
      ]}
    />
  );
}

function Volume({ partner, choose }: { partner: string; choose: React.ReactNode }) {
  const { t, i18n } = useTranslation("inventory");
  const of = api.useQuery("get", "/v1/bilaterals/{partner}/volume", { params: { path: { partner } } });
  return (
    <DataTable<Schema<"VolumeWindow">>
      label={t("volume")}
      rows={fixedRows(of.data?.windows ?? [], of.isFetching, of.error ?? undefined, () => void of.refetch())}
      rowKey={(w) => `${w.agreement} ${w.name} ${w.direction} ${w.window} ${w.currency}`}
      file={`volume-${partner}`}
      toolbar={choose}
      empty={<Empty title={t("noVolume")}>{t("noVolumeText")}</Empty>}
      columns={[
        { id: "name", header: t("term"), cell: (w) => w.name, value: (w) => w.name },
        { id: "agreement", header: t("agreement"), width: "120px", cell: (w) => w.agreement, value: (w) => w.agreement },
        { id: "direction", header: t("direction"), width: "160px", cell: (w) => w.direction, value: (w) => w.direction },
        { id: "window", header: t("window"), width: "minmax(300px, 1.4fr)", cell: (w) => <Between interval={w.window} />, value: (w) => w.window },
        { id: "seconds", header: t("minutes"), right: true, cell: (w) => <span className="numbers">{(w.seconds / 60).toLocaleString(i18n.language, { maximumFractionDigits: 1 })}</span>, value: (w) => w.seconds / 60 },
        { id: "next", header: t("next"), right: true, cell: (w) => <span className="numbers">{w.next_seconds === undefined ? <Money amount={w.next_charges} currency={w.currency} /> : (w.next_seconds / 60).toLocaleString(i18n.language)}</span>, value: (w) => (w.next_seconds === undefined ? (w.next_charges ?? "") : w.next_seconds / 60) },
        { id: "tier", header: t("tier"), right: true, width: "90px", cell: (w) => w.tier ?? "–", value: (w) => w.tier ?? "" },
        { id: "charges", header: t("charges"), right: true, cell: (w) => <Money amount={w.charges} currency={w.currency} />, value: (w) => w.charges },
        { id: "billedSum", header: t("billedSum"), right: true, cell: (w) => <Money amount={w.billed} currency={w.currency} />, value: (w) => w.billed },
      ]}
    />
  );
}

function Reservations({ search, set }: Part) {
  const { t, i18n } = useTranslation("inventory");
  const may = useMay();
  const places = usePlaces();
  const rows = usePages("/v1/catalog/reservations", { query: { state: search.state as never, offering: search.product } });
  const spot = (s: Schema<"CatalogSpot"> | undefined) => (s ? [s.place && (places.get(s.place)?.name ?? s.place), s.neighbour].filter(Boolean).join(" · ") : "");
  const params = (h: Schema<"Reservation">) => ({ path: { id: h.id } });
  const needs: Record<string, string> = { confirm: "confirm-reservation", use: "use-reservation", resize: "resize-reservation", release: "release-reservation" };
  const can = (h: Schema<"Reservation">, step: string) => h.allowed.includes(step) && may(needs[step]!);
  return (
    <DataTable<Schema<"Reservation">>
      label={t("reservations")}
      rows={rows}
      rowKey={(h) => h.id}
      file="reservations"
      toolbar={
        <Group align="flex-end" gap="sm">
          <Select label={t("state")} placeholder={t("any")} data={holdStates.map((s) => ({ value: s, label: t(`ui:states.${s}`, { defaultValue: spaced(s) }) }))} value={search.state ?? null} onChange={(v) => set({ state: v ?? undefined })} clearable w={200} />
          {may("reserve-capacity") && <Reserve />}
        </Group>
      }
      empty={<Empty title={t("noReservations")}>{t("noReservationsText")}</Empty>}
      columns={[
        { id: "id", header: t("reservation"), cell: (h) => <span title={h.id}>{h.id}</span>, value: (h) => h.id },
        { id: "state", header: t("state"), width: "120px", cell: (h) => <StateBadge state={h.state} />, value: (h) => h.state },
        { id: "offering", header: t("offering"), cell: (h) => <GoTo to={`/catalogue/offerings/${h.offering}`}>{h.offering}</GoTo>, value: (h) => h.offering },
        { id: "way", header: t("way"), width: "minmax(200px, 1.4fr)", cell: (h) => [spot(h.a), spot(h.z)].filter(Boolean).join(" – "), value: (h) => [spot(h.a), spot(h.z)].filter(Boolean).join(" – ") },
        { id: "bandwidth", header: t("bandwidth"), right: true, width: "120px", cell: (h) => bandwidth(h.bandwidth, i18n.language), value: (h) => h.bandwidth },
        { id: "links", header: t("links"), cell: (h) => (h.links ?? []).join(", "), value: (h) => (h.links ?? []).join(", ") },
        { id: "for", header: t("for"), cell: (h) => h.order ?? h.for ?? h.buyer ?? "", value: (h) => h.order ?? h.for ?? h.buyer ?? "" },
        { id: "from", header: t("from"), width: "220px", cell: (h) => <When at={h.from} />, value: (h) => h.from },
        { id: "to", header: t("to"), width: "220px", cell: (h) => <When at={h.to} />, value: (h) => h.to ?? "" },
        { id: "expires", header: t("expires"), width: "220px", cell: (h) => (h.state === "reserved" ? <When at={h.expires} /> : "–"), value: (h) => h.expires },
        {
          id: "act",
          header: t("steps"),
          width: "330px",
          cell: (h) =>
            h.allowed.length > 0 && (
              <Group gap={4} wrap="nowrap">
                {can(h, "confirm") && <Action size="compact-sm" label={t("confirm")} text={t("confirmText")} done={t("confirmed")} asks={[{ name: "order", label: t("forOrder"), hint: t("forOrderHint"), required: true, most: 128, value: h.for ?? "" }]} run={(v) => sent(client.POST("/v1/catalog/reservations/{id}/confirm", { params: params(h), body: { order: String(v.order) } }))} />}
                {can(h, "use") && <Action size="compact-sm" label={t("use")} text={t("useText")} done={t("used")} run={() => sent(client.POST("/v1/catalog/reservations/{id}/use", { params: params(h) }))} />}
                {can(h, "resize") && <Action size="compact-sm" label={t("resize")} text={t("resizeText")} done={t("resized")} asks={[{ name: "bandwidth", label: t("bandwidthMbit"), kind: "number", required: true, value: h.bandwidth / 1e6 }]} run={(v) => sent(client.POST("/v1/catalog/reservations/{id}/resize", { params: params(h), body: { bandwidth: megabits(v.bandwidth as number) ?? 0 } }))} />}
                {can(h, "release") && <Action size="compact-sm" color="red" label={t("release")} text={t("releaseText")} done={t("released")} run={() => sent(client.POST("/v1/catalog/reservations/{id}/release", { params: params(h) }))} />}
              </Group>
            ),
          value: () => "",
        },
      ]}
    />
  );
}
