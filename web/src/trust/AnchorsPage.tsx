import { Badge, Button, Group } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api, queries, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { useMay } from "@/api/session";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";

import { Hash, PartnerSelect, useBilaterals } from "./parts";
import type { PartnerSearch } from "./routes";

type Anchor = Schema<"Anchor">;

// AnchorsPage shows how far channels are attested on the Omnilateral.
export function AnchorsPage() {
  const { t } = useTranslation("trust");
  const may = useMay();
  const search = useSearch({ strict: false }) as PartnerSearch;
  const navigate = useNavigate();
  const list = useBilaterals();
  const partner = search.partner ?? list.data?.items.find((b) => b.state === "open")?.partner ?? list.data?.items[0]?.partner;
  const rows = usePages("/v1/bilaterals/{partner}/anchors", { path: { partner: partner ?? "" }, query: { descending: true } }, { enabled: Boolean(partner) });
  const post = api.useMutation("post", "/v1/bilaterals/{partner}/anchors", {
    onSuccess: async (a) => {
      notifications.show({ color: "teal", message: t("anchored", { position: a.position }) });
      await queries.invalidateQueries();
    },
  });
  const columns: Column<Anchor>[] = [
    { id: "position", header: t("position"), width: "120px", right: true, cell: (a) => a.position, value: (a) => a.position },
    { id: "size", header: t("blocks"), width: "120px", right: true, cell: (a) => a.size, value: (a) => a.size },
    { id: "kind", header: t("standing"), width: "190px", cell: (a) => <Badge variant="light" className="state" color={a.kind === "attested" ? "teal" : "yellow"}>{t(`anchorKinds.${a.kind}`, { defaultValue: a.kind })}</Badge>, value: (a) => a.kind },
    { id: "term", header: t("term"), width: "90px", right: true, cell: (a) => a.term, value: (a) => a.term },
    { id: "root", header: t("logRoot"), width: "minmax(240px, 1fr)", cell: (a) => <Hash of={a.root} name={t("logRoot")} />, value: (a) => a.root },
  ];
  return (
    <Page
      title={t("anchorsTitle")}
      lead={t("anchorsLead")}
      actions={
        may("post-anchor") &&
        partner && (
          <Button loading={post.isPending} onClick={() => post.mutate({ params: { path: { partner } } })}>
            {t("anchorNow")}
          </Button>
        )
      }
    >
      <Group>
        <PartnerSelect value={partner} onChange={(p) => void navigate({ to: "/trust/anchors", search: { partner: p } as never })} />
      </Group>
      <ProblemAlert error={post.error} />
      <ProblemAlert error={list.error} retry={() => void list.refetch()} />
      {list.data && !partner ? (
        <Empty title={t("noPartner")}>{t("noPartnerText")}</Empty>
      ) : (
        <DataTable label={t("anchorsTitle")} columns={columns} rows={rows} rowKey={(a) => `${a.term}.${a.position}`} file={`anchors-${partner ?? ""}`} empty={<Empty title={t("noAnchors")}>{t("noAnchorsText")}</Empty>} />
      )}
    </Page>
  );
}
