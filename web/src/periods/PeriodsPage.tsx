import { Anchor } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import { client, type Schema } from "@/api/client";
import { usePartnerPages, usePartners } from "@/api/partners";
import { sent } from "@/api/sent";
import { useMay, useSession } from "@/api/session";
import type { Search } from "@/lib/search";
import { Action } from "@/ui/Action";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Choice, daySpan, ListFilters, useFilters } from "@/ui/Filters";
import { Page } from "@/ui/Page";
import { StateBadge } from "@/ui/StateBadge";
import { useBilled } from "@/ui/useBilled";
import { Between, When } from "@/ui/When";

type Row = Schema<"Period"> & { partner: string };
type Filters = Search<{ partner: "text"; state: "text"; direction: "text"; order: "text"; from: "text"; to: "text" }>;

const states = ["requested", "lapsed", "stated", "reconciling", "agreed", "closed"];

// PeriodsPage lists billing periods over the partners.
export function PeriodsPage() {
  const { t, i18n } = useTranslation("periods");
  const own = useSession()?.carrier;
  const may = useMay();
  const { partners } = usePartners();
  const [f, set] = useFilters<Filters>();
  const rows = usePartnerPages<Schema<"Period">>("/periods", f.partner, { ...daySpan(f.from, f.to), state: f.state, direction: f.direction, order: f.order, descending: true });
  const named = useBilled();
  const columns = useMemo<Column<Row>[]>(
    () => [
      {
        id: "period",
        header: t("period"),
        width: "minmax(300px, 1.6fr)",
        cell: (p) => (
          <Anchor component={Link} to={`/periods/${p.partner}/${encodeURIComponent(p.order)}/${encodeURIComponent(p.interval.split("/")[0]!)}`} size="sm">
            <Between interval={p.interval} inherit />
          </Anchor>
        ),
        value: (p) => p.interval,
      },
      { id: "partner", header: t("partner"), value: (p) => p.partner },
      { id: "direction", header: t("direction"), width: "minmax(150px, 1fr)", cell: (p) => p.direction.replace(">", " → "), value: (p) => p.direction },
      { id: "order", header: t("order"), width: "minmax(140px, 1fr)", cell: (p) => named(p.order, p.direction.split(">")[1]), value: (p) => p.order },
      { id: "state", header: t("state"), cell: (p) => <StateBadge state={p.state} />, value: (p) => p.state },
      { id: "lines", header: t("lines"), right: true, width: "90px", cell: (p) => (p.seller.lines ?? 0).toLocaleString(i18n.language), value: (p) => p.seller.lines ?? 0 },
      { id: "open", header: t("open"), right: true, width: "110px", cell: (p) => `${p.open} / ${p.opened}`, value: (p) => p.open },
      { id: "deadline", header: t("deadline"), width: "minmax(130px, 1fr)", cell: (p) => <When at={p.deadline} />, value: (p) => p.deadline },
    ],
    [t, i18n.language, named],
  );
  return (
    <Page title={t("title")} lead={t("lead")} actions={may("request-rating") && <RequestRating partners={partners} partner={f.partner} order={f.order} />}>
      <DataTable
        label={t("title")}
        columns={columns}
        rows={rows}
        rowKey={(p) => `${p.partner} ${p.order} ${p.interval}`}
        file="periods"
        empty={
          <Empty title={t("empty")}>
            {t("emptyText")}{" "}
            <Anchor component={Link} to="/usage">
              {t("toUsage")}
            </Anchor>
          </Empty>
        }
        toolbar={
          <ListFilters page="periods" states={states} f={f} set={set}>
            {f.partner && own && (
              <Choice
                label={t("direction")}
                value={f.direction}
                data={[`${own}>${f.partner}`, `${f.partner}>${own}`].map((value) => ({ value, label: value.replace(">", " → ") }))}
                onChange={(direction) => set({ direction })}
              />
            )}
          </ListFilters>
        }
      />
    </Page>
  );
}

// RequestRating asks that a period be rated, where neither node does that by itself.
function RequestRating({ partners, partner, order }: { partners: string[]; partner?: string; order?: string }) {
  const { t } = useTranslation("periods");
  return (
    <Action
      label={t("request")}
      text={t("requestText")}
      asks={[
        { name: "partner", label: t("partner"), kind: "choice", required: true, choices: partners.map((value) => ({ value, label: value })), value: partner ?? partners[0] },
        { name: "order", label: t("order"), required: true, most: 64, value: order, hint: t("requestOrder") },
        { name: "from", label: t("start"), kind: "time", seconds: true, required: true },
        { name: "to", label: t("end"), kind: "time", seconds: true, required: true },
      ]}
      done={t("requested")}
      run={(v) => sent(client.POST("/v1/bilaterals/{partner}/periods", { params: { path: { partner: String(v.partner) } }, body: { order: String(v.order), interval: `${String(v.from)}/${String(v.to)}` } }))}
    />
  );
}
