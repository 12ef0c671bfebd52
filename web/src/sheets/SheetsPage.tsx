import { Button } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { useMay, useSession } from "@/api/session";
import { DataTable } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Choice, FilterBar, PartnerSelect } from "@/ui/Filters";
import { GoTo } from "@/ui/GoTo";
import { Loaded, Page } from "@/ui/Page";
import { StateBadge } from "@/ui/StateBadge";
import { When } from "@/ui/When";

import { usePartners, useSheets } from "./queries";
import { states, type sheetsSearch, type State } from "./search";

type Search = ReturnType<typeof sheetsSearch>;

// SheetsPage lists rate sheets with a partner: what we charge, and what we pay.
export function SheetsPage() {
  const { t } = useTranslation("sheets");
  const may = useMay();
  const navigate = useNavigate();
  const search: Search = useSearch({ strict: false });
  const partners = usePartners();
  const some = search.partner ?? partners.data?.[0];
  const go = (s: Search) => void navigate({ to: "/sheets", search: s as never, replace: true });
  return (
    <Page
      title={t("title")}
      lead={t("lead")}
      actions={
        <>
          {may("get-sheet-file") && some && (
            <Button variant="default" onClick={() => void navigate({ to: "/sheets/margin", search: { partner: search.partner } as never })}>
              {t("margin")}
            </Button>
          )}
          {may("propose-sheet") && some && <Button onClick={() => void navigate({ to: "/sheets/upload", search: { partner: search.partner } as never })}>{t("upload")}</Button>}
        </>
      }
    >
      <Loaded of={partners}>
        {() =>
          some ? (
            <List search={search} go={go} />
          ) : (
            <Empty title={t("noPartner")}>
              {t("noPartnerText")} <GoTo to="/partners">{t("toPartners")}</GoTo>
            </Empty>
          )
        }
      </Loaded>
    </Page>
  );
}

function List({ search, go }: { search: Search; go: (s: Search) => void }) {
  const { t, i18n } = useTranslation("sheets");
  const me = useSession()?.carrier ?? "";
  const rows = useSheets(me, search.partner, search.state, search.way);
  return (
    <DataTable
      label={t("title")}
      rows={rows}
      rowKey={(s) => `${s.partner}/${s.id}`}
      file={search.partner ? `rate-sheets-${search.partner}` : "rate-sheets"}
      toolbar={
        <FilterBar page="sheets">
          <PartnerSelect value={search.partner} onChange={(partner) => go({ ...search, partner })} />
          <Choice
            label={t("way")}
            value={search.way}
            data={[
              { value: "out", label: t("weCharge") },
              { value: "in", label: t("wePay") },
            ]}
            onChange={(v) => go({ ...search, way: v as Search["way"] })}
          />
          <Choice label={t("state")} value={search.state} data={states.map((value) => ({ value, label: t(`ui:states.${value}`, { defaultValue: value }) }))} onChange={(v) => go({ ...search, state: v as State | undefined })} />
        </FilterBar>
      }
      empty={<Empty title={t("none")}>{t("noneText")}</Empty>}
      columns={[
        { id: "id", header: t("sheet"), width: "minmax(150px, 1fr)", cell: (s) => <GoTo to={`/sheets/${encodeURIComponent(s.partner)}/${encodeURIComponent(s.id)}`}>{s.id}</GoTo>, value: (s) => s.id },
        { id: "partner", header: t("partner"), width: "110px", cell: (s) => s.partner, value: (s) => s.partner },
        { id: "way", header: t("way"), width: "110px", cell: (s) => t(s.direction.endsWith(`>${me}`) ? "weCharge" : "wePay"), value: (s) => s.direction },
        { id: "state", header: t("state"), width: "110px", cell: (s) => <StateBadge state={s.effective ? "in-force" : s.state} />, value: (s) => s.state },
        { id: "rows", header: t("rows"), right: true, width: "80px", cell: (s) => s.rows.toLocaleString(i18n.language), value: (s) => s.rows },
        { id: "from", header: t("from"), width: "205px", cell: (s) => <When at={s.from} shape={{ seconds: false }} />, value: (s) => s.from },
        { id: "proposed", header: t("proposed"), width: "205px", cell: (s) => <When at={s.proposed.time} shape={{ seconds: false }} />, value: (s) => s.proposed.time },
        { id: "raises", header: t("raises"), width: "100px", cell: (s) => t(s.raises ? "yes" : "no"), value: (s) => (s.raises ? "yes" : "no") },
      ]}
    />
  );
}
