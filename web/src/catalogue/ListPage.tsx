import { Button, Group, Select, Tabs, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { client, type Schema } from "@/api/client";
import { problemOf } from "@/api/problem";
import { sent } from "@/api/sent";
import { useMay } from "@/api/session";
import { download } from "@/lib/csv";
import { spaced } from "@/lib/names";
import { bandwidth } from "@/lib/units";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { GoTo } from "@/ui/GoTo";
import { Page } from "@/ui/Page";
import { StateBadge } from "@/ui/StateBadge";
import { When } from "@/ui/When";

import { kindOf, kinds, one, useItems, type Entry, type Kind } from "./queries";
import type { ListSearch } from "./routes";

const states: Partial<Record<Kind, string[]>> = {
  offerings: ["inTest", "active", "launched", "onHold", "endOfSale", "endOfSupport", "obsolete", "rejected"],
  specifications: ["published", "obsolete"],
};

// ListPage lists what the catalogue has of one kind.
export function ListPage() {
  const { t, i18n } = useTranslation("catalogue");
  const kind = kindOf((useParams({ strict: false }) as { kind?: string }).kind);
  const search = useSearch({ strict: false }) as ListSearch;
  const [name, setName] = useState(search.name ?? "");
  const navigate = useNavigate();
  const may = useMay();
  const rows = useItems(kind, search) as unknown as Parameters<typeof DataTable<Entry>>[0]["rows"];
  const set = (change: ListSearch) => void navigate({ to: `/catalogue/${kind}`, search: { ...search, ...change } as never });
  const save = useMutation({
    mutationFn: () => sent(client.GET("/v1/catalog/export", { parseAs: "blob" })),
    onSuccess: (data) => download("catalogue.yaml", data as unknown as Blob),
    onError: (err) => notifications.show({ color: "red", message: problemOf(err).detail }),
  });
  const offering = (e: Entry) => e.item as Schema<"CatalogOffering">;
  const place = (e: Entry) => e.item as Schema<"CatalogPlace">;
  const columns: Column<Entry>[] = [
    { id: "id", header: t("id"), cell: (e) => <GoTo to={`/catalogue/${kind}/${encodeURIComponent(e.item.id)}`}>{e.item.id}</GoTo>, value: (e) => e.item.id },
    { id: "name", header: t("name"), width: "minmax(180px, 2fr)", cell: (e) => e.item.name ?? "", value: (e) => e.item.name ?? "" },
    ...(states[kind] ? [{ id: "state", header: t("state"), width: "140px", cell: (e: Entry) => <StateBadge state={e.state} />, value: (e: Entry) => e.state }] : []),
    ...(kind === "offerings" ? [{ id: "specification", header: t("specification"), cell: (e: Entry) => <GoTo to={`/catalogue/specifications/${offering(e).specification}`}>{offering(e).specification}</GoTo>, value: (e: Entry) => offering(e).specification }] : []),
    ...(kind === "specifications" ? [{ id: "type", header: t("type"), width: "minmax(260px, 2fr)", cell: (e: Entry) => (e.item as Schema<"CatalogSpecification">).type, value: (e: Entry) => (e.item as Schema<"CatalogSpecification">).type }] : []),
    ...(kind === "links" ? [{ id: "bandwidth", header: t("bandwidth"), right: true, cell: (e: Entry) => bandwidth((e.item as Schema<"CatalogLink">).bandwidth, i18n.language), value: (e: Entry) => (e.item as Schema<"CatalogLink">).bandwidth }] : []),
    ...(kind === "places"
      ? [
          { id: "country", header: t("country"), width: "100px", cell: (e: Entry) => place(e).country, value: (e: Entry) => place(e).country },
          { id: "code", header: t("code"), width: "110px", cell: (e: Entry) => place(e).code ?? "", value: (e: Entry) => place(e).code ?? "" },
          { id: "position", header: t("position"), width: "170px", cell: (e: Entry) => `${place(e).latitude}, ${place(e).longitude}`, value: (e: Entry) => `${place(e).latitude}, ${place(e).longitude}` },
        ]
      : []),
    { id: "version", header: t("version"), right: true, width: "100px", cell: (e) => e.version, value: (e) => e.version },
    ...(kind === "places" ? [] : [{ id: "at", header: t("since"), width: "220px", cell: (e: Entry) => <When at={e.at} />, value: (e: Entry) => e.at }]),
  ];
  return (
    <Page
      title={t("title")}
      lead={t("lead")}
      actions={
        <>
          {may("export-catalog") && (
            <Button variant="default" loading={save.isPending} onClick={() => save.mutate()}>
              {t("export")}
            </Button>
          )}
          {(may("preview-catalog") || may("list-catalog-imports")) && (
            <Button variant="default" component={Link} to="/catalogue/import">
              {t("import")}
            </Button>
          )}
          {may(`put-${one[kind]}`) && (
            <Button component={Link} to={`/catalogue/${kind}/put`}>
              {t(`new.${kind}`)}
            </Button>
          )}
        </>
      }
    >
      <Tabs value={kind} onChange={(v) => void navigate({ to: `/catalogue/${v}` })}>
        <Tabs.List>
          {kinds
            .filter((k) => may(`list-${k}`))
            .map((k) => (
              <Tabs.Tab key={k} value={k}>
                {t(k)}
              </Tabs.Tab>
            ))}
        </Tabs.List>
        <Tabs.Panel value={kind} pt="md">
          <DataTable<Entry>
            key={kind}
            label={t(kind)}
            columns={columns}
            rows={rows}
            rowKey={(e) => e.item.id}
            file={kind}
            toolbar={
              <Group align="flex-end" gap="sm">
                <TextInput label={t("name")} value={name} onChange={(e) => setName(e.currentTarget.value)} onBlur={() => set({ name: name || undefined })} onKeyDown={(e) => e.key === "Enter" && set({ name: name || undefined })} w={220} />
                {states[kind] && <Select label={t("state")} placeholder={t("any")} data={states[kind].map((s) => ({ value: s, label: t(`ui:states.${s}`, { defaultValue: spaced(s) }) }))} value={search.state ?? null} onChange={(v) => set({ state: v ?? undefined })} clearable w={180} />}
              </Group>
            }
            empty={<Empty title={t("none")}>{t(search.name || search.state ? "noneFiltered" : "noneText")}</Empty>}
          />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
