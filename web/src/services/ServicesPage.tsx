import { Button, Select } from "@mantine/core";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { usePlaces } from "@/api/places";
import { useMay } from "@/api/session";
import { product, spaced } from "@/lib/names";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { GoTo } from "@/ui/GoTo";
import { Money } from "@/ui/Money";
import { Page } from "@/ui/Page";
import { StateBadge } from "@/ui/StateBadge";
import { When } from "@/ui/When";

const states = ["reserving", "reserved", "ordered", "delivered", "accepted", "releasing", "released", "ended"];

// ServicesPage lists what runs, ran or is on its way across carriers.
export function ServicesPage() {
  const { t } = useTranslation("services");
  const { state } = useSearch({ strict: false }) as { state?: string };
  const navigate = useNavigate();
  const may = useMay();
  const places = usePlaces();
  const rows = usePages("/v1/services", { query: { state } });
  const spot = (id: string) => places.get(id)?.name ?? id;
  const columns: Column<Schema<"Service">>[] = [
    { id: "id", header: t("id"), width: "140px", cell: (s) => <GoTo to={`/services/${s.id}`}>{s.id.slice(0, 12)}</GoTo>, value: (s) => s.id },
    { id: "state", header: t("state"), width: "130px", cell: (s) => <StateBadge state={s.state} />, value: (s) => s.state },
    { id: "a", header: t("from"), cell: (s) => spot(s.a), value: (s) => s.a },
    { id: "z", header: t("to"), cell: (s) => spot(s.z), value: (s) => s.z },
    { id: "type", header: t("product"), cell: (s) => product(s.type), value: (s) => s.type },
    { id: "buyer", header: t("buyer"), cell: (s) => s.buyer ?? t("own"), value: (s) => s.buyer ?? "" },
    { id: "seller", header: t("seller"), cell: (s) => s.seller ?? "–", value: (s) => s.seller ?? "" },
    { id: "once", header: t("once"), right: true, width: "150px", cell: (s) => <Money {...s.offer.once} />, value: (s) => s.offer.once.amount },
    { id: "each", header: t("each"), right: true, width: "170px", cell: (s) => <Money {...s.offer.each} />, value: (s) => s.offer.each.amount },
    { id: "currency", header: t("currency"), value: (s) => s.offer.each.currency },
    { id: "period", header: t("period"), width: "90px", cell: (s) => s.offer.period, value: (s) => s.offer.period },
    { id: "since", header: t("since"), width: "220px", cell: (s) => <When at={s.since} />, value: (s) => s.since ?? "" },
  ];
  return (
    <Page
      title={t("title")}
      lead={t("lead")}
      actions={
        may("inquire") && (
          <Button component={Link} to="/inquiry">
            {t("inquire")}
          </Button>
        )
      }
    >
      <DataTable
        label={t("title")}
        columns={columns}
        rows={rows}
        rowKey={(s) => s.id}
        file="services"
        toolbar={
          <Select
            label={t("state")}
            placeholder={t("anyState")}
            data={states.map((s) => ({ value: s, label: t(`ui:states.${s}`, { defaultValue: spaced(s) }) }))}
            value={state ?? null}
            onChange={(v) => void navigate({ to: "/services", search: { state: v ?? undefined } as never })}
            clearable
            clearButtonProps={{ "aria-label": t("anyState") }}
            maw={240}
          />
        }
        empty={<Empty title={t(state ? "noneInState" : "none")}>{t("noneText")}</Empty>}
      />
    </Page>
  );
}
