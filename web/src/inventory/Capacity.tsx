import { Progress, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { bandwidth } from "@/lib/units";
import { DataTable } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { GoTo } from "@/ui/GoTo";

// Capacity lists the links with what of each is free in all of a time.
export function Capacity({ from, to, toolbar }: { from?: string; to?: string; toolbar: React.ReactNode }) {
  const { t, i18n } = useTranslation("inventory");
  const rows = usePages("/v1/catalog/links", { query: {} });
  return (
    <DataTable<Schema<"CatalogEntryLink">>
      label={t("capacity")}
      rows={rows}
      rowKey={(l) => l.item.id}
      file="links"
      toolbar={toolbar}
      empty={<Empty title={t("noLinks")}>{t("noLinksText")}</Empty>}
      columns={[
        { id: "id", header: t("link"), cell: (l) => <GoTo to={`/catalogue/links/${l.item.id}`}>{l.item.id}</GoTo>, value: (l) => l.item.id },
        { id: "name", header: t("name"), cell: (l) => l.item.name ?? "", value: (l) => l.item.name ?? "" },
        { id: "bandwidth", header: t("bandwidth"), right: true, cell: (l) => bandwidth(l.item.bandwidth, i18n.language), value: (l) => l.item.bandwidth },
        { id: "free", header: t("free"), width: "minmax(260px, 2fr)", cell: (l) => <Free link={l.item.id} from={from} to={to} />, value: () => "" },
      ]}
    />
  );
}

function Free({ link, from, to }: { link: string; from?: string; to?: string }) {
  const { t, i18n } = useTranslation("inventory");
  const { data, error } = api.useQuery("get", "/v1/catalog/links/{id}/capacity", { params: { path: { id: link }, query: { from, to } } });
  if (!data) return <Text span size="sm" c="dimmed">{error ? t("unknown") : "…"}</Text>;
  const share = data.bandwidth ? data.free / data.bandwidth : 0;
  return (
    <div style={{ display: "grid", gridTemplateColumns: "110px 1fr", gap: 12, alignItems: "center" }}>
      <span className="numbers">{bandwidth(data.free, i18n.language)}</span>
      <Progress value={100 * (1 - share)} color={share < 0.1 ? "red" : "lake"} aria-label={t("taken", { link, percent: Math.round(100 * (1 - share)) })} />
    </div>
  );
}
