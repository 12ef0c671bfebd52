import { Button } from "@mantine/core";
import { useQueries } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";
import { useMay } from "@/api/session";
import { DataTable } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { fixedRows } from "@/ui/fixedRows";
import { Choice, FilterBar, PartnerSelect } from "@/ui/Filters";
import { GoTo } from "@/ui/GoTo";
import { Page } from "@/ui/Page";
import { StateBadge } from "@/ui/StateBadge";
import { When } from "@/ui/When";

import { states, type agreementsSearch } from "./search";
import { endless } from "./terms";

// AgreementsPage lists the agreements with all partners, or with one.
export function AgreementsPage() {
  const { t } = useTranslation("agreements");
  const may = useMay();
  const navigate = useNavigate();
  const search: ReturnType<typeof agreementsSearch> = useSearch({ strict: false });
  const bilaterals = api.useQuery("get", "/v1/bilaterals", { params: { query: { limit: 1000 } } });
  const partners = [...new Set((bilaterals.data?.items ?? []).filter((b) => b.state !== "lapsed").map((b) => b.partner))];
  const asked = search.partner ? [search.partner] : partners;
  const answers = useQueries({
    queries: asked.map((partner) => api.queryOptions("get", "/v1/bilaterals/{partner}/agreements", { params: { path: { partner }, query: { state: search.state, limit: 1000 } } })),
  });
  const rows = answers.flatMap((a, i) => (a.data?.items ?? []).map((x) => ({ ...x, partner: asked[i]! })));
  const go = (s: typeof search) => void navigate({ to: "/agreements", search: s as never, replace: true });
  return (
    <Page title={t("title")} lead={t("lead")} actions={may("propose-agreement") && <Button onClick={() => void navigate({ to: "/agreements/new", search: { partner: search.partner } as never })}>{t("propose")}</Button>}>
      <DataTable
        label={t("title")}
        rows={fixedRows(rows, bilaterals.isPending || answers.some((a) => a.isPending), bilaterals.error ?? answers.find((a) => a.error)?.error, () => void bilaterals.refetch())}
        rowKey={(a) => `${a.partner}/${a.id}`}
        file="agreements"
        toolbar={
          <FilterBar page="agreements">
            <PartnerSelect value={search.partner} onChange={(partner) => go({ ...search, partner })} />
            <Choice label={t("state")} value={search.state} data={states.map((value) => ({ value, label: t(`ui:states.${value}`, { defaultValue: value }) }))} onChange={(v) => go({ ...search, state: states.find((s) => s === v) })} />
          </FilterBar>
        }
        empty={<Empty title={t("none")}>{t("noneText")}</Empty>}
        columns={[
          { id: "id", header: t("agreement"), cell: (a) => <GoTo to={`/agreements/${encodeURIComponent(a.partner)}/${encodeURIComponent(a.id)}`}>{a.id}</GoTo>, value: (a) => a.id },
          { id: "partner", header: t("partner"), width: "130px", cell: (a) => a.partner, value: (a) => a.partner },
          { id: "state", header: t("state"), width: "130px", cell: (a) => <StateBadge state={a.state} />, value: (a) => a.state },
          { id: "waits", header: t("answer"), width: "190px", cell: (a) => (a.pending ? t(a.allowed.includes("accept") ? "waitsUs" : "waitsThem") : t("nothingWaits")), value: (a) => (a.pending ? (a.allowed.includes("accept") ? "us" : "them") : "") },
          { id: "lines", header: t("lines"), cell: (a) => a.lines.join(", "), value: (a) => a.lines.join(", ") },
          { id: "versions", header: t("versions"), right: true, width: "100px", cell: (a) => a.versions.length, value: (a) => a.versions.length },
          { id: "from", header: t("from"), width: "210px", cell: (a) => (endless(a.from) ? t("noStart") : <When at={a.from} shape={{ seconds: false }} />), value: (a) => a.from },
        ]}
      />
    </Page>
  );
}
