import { Anchor } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";
import { usePartnerPages } from "@/api/partners";
import { useSession } from "@/api/session";
import type { Search } from "@/lib/search";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Choice, daySpan, ListFilters, useFilters } from "@/ui/Filters";
import { Page } from "@/ui/Page";
import { StateBadge } from "@/ui/StateBadge";
import { Between, When } from "@/ui/When";

type Row = Schema<"Period"> & { partner: string };
type Filters = Search<{ partner: "text"; state: "text"; direction: "text"; order: "text"; from: "text"; to: "text" }>;

const states = ["requested", "lapsed", "stated", "reconciling", "agreed", "closed"];

// PeriodsPage lists billing periods over the partners.
export function PeriodsPage() {
  const { t, i18n } = useTranslation("periods");
  const own = useSession()?.carrier;
  const [f, set] = useFilters<Filters>();
  const rows = usePartnerPages<Schema<"Period">>("/periods", f.partner, { ...daySpan(f.from, f.to), state: f.state, direction: f.direction, order: f.order, descending: true });
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
      { id: "order", header: t("order"), cell: (p) => p.order, value: (p) => p.order },
      { id: "state", header: t("state"), cell: (p) => <StateBadge state={p.state} />, value: (p) => p.state },
      { id: "lines", header: t("lines"), right: true, width: "90px", cell: (p) => (p.seller.lines ?? 0).toLocaleString(i18n.language), value: (p) => p.seller.lines ?? 0 },
      { id: "open", header: t("open"), right: true, width: "110px", cell: (p) => `${p.open} / ${p.opened}`, value: (p) => p.open },
      { id: "deadline", header: t("deadline"), width: "minmax(130px, 1fr)", cell: (p) => <When at={p.deadline} />, value: (p) => p.deadline },
    ],
    [t, i18n.language],
  );
  return (
    <Page title={t("title")} lead={t("lead")}>
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
