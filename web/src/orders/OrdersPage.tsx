import { Button, Group, SegmentedControl, Select, TextInput } from "@mantine/core";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { usePartners } from "@/api/partners";
import { useMay, useSession } from "@/api/session";
import { product, spaced } from "@/lib/names";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { GoTo } from "@/ui/GoTo";
import { Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { StateBadge } from "@/ui/StateBadge";
import { When } from "@/ui/When";

import type { OrdersSearch } from "./routes";

const states = {
  product: ["acknowledged", "inProgress", "assessingModification", "assessingCancellation", "held.assessingCharge", "completed", "rejected", "failed", "cancelled"],
  standing: ["acknowledged", "rejected", "inProgress", "suspended", "completed", "terminated"],
};

// OrdersPage lists the orders on one Bilateral, those about products or those that stand.
export function OrdersPage() {
  const { t } = useTranslation("orders");
  const search = useSearch({ strict: false }) as OrdersSearch;
  const navigate = useNavigate();
  const self = useSession()?.carrier ?? "";
  const may = useMay();
  const { partners, error, busy, retry } = usePartners();
  const partner = search.partner ?? partners[0];
  const kind = search.kind ?? "product";
  const set = (change: OrdersSearch) => void navigate({ to: "/orders", search: { ...search, partner, ...change } as never });
  const direction = partner && search.direction === "out" ? `${self}>${partner}` : partner && search.direction === "in" ? `${partner}>${self}` : undefined;
  const rows = usePages("/v1/bilaterals/{partner}/orders", { path: { partner: partner ?? "" }, query: { kind, state: search.state, direction, product: search.product } }, { enabled: Boolean(partner) });
  const columns: Column<Schema<"Order">>[] = [
    { id: "id", header: t("order"), width: "minmax(150px, 1fr)", cell: (o) => <GoTo to={`/orders/${partner}/${o.id}`}>{o.id}</GoTo>, value: (o) => o.id },
    { id: "state", header: t("state"), width: "180px", cell: (o) => <StateBadge state={o.state} />, value: (o) => o.state },
    { id: "name", header: t("what"), width: "minmax(160px, 1.4fr)", cell: (o) => (o.product ? product(o.product.offer.type) : o.name), value: (o) => o.name },
    ...(kind === "product"
      ? [
          { id: "action", header: t("action"), width: "110px", cell: (o: Schema<"Order">) => t(`actions.${o.product?.action}`, { defaultValue: o.product?.action ?? "" }), value: (o: Schema<"Order">) => o.product?.action },
          { id: "product", header: t("product"), cell: (o: Schema<"Order">) => (o.product ? <GoTo to={`/inventory/${partner}/${o.product.id}`}>{o.product.id}</GoTo> : ""), value: (o: Schema<"Order">) => o.product?.id },
        ]
      : []),
    { id: "buyer", header: t("buyer"), width: "120px", cell: (o) => o.buyer, value: (o) => o.buyer },
    { id: "seller", header: t("seller"), width: "120px", cell: (o) => o.seller, value: (o) => o.seller },
    { id: "from", header: t("from"), width: "220px", cell: (o) => <When at={o.from} />, value: (o) => o.from },
    { id: "placed", header: t("placed"), width: "220px", cell: (o) => <When at={o.placed.time} />, value: (o) => o.placed.time },
    { id: "agreement", header: t("agreement"), width: "120px", cell: (o) => o.agreement, value: (o) => o.agreement },
  ];
  return (
    <Page
      title={t("title")}
      lead={t("lead")}
      actions={
        may("place-order") && (
          <Button component={Link} to="/orders/new" search={{ partner } as never}>
            {t("new")}
          </Button>
        )
      }
    >
      {error ? (
        <ProblemAlert error={error} retry={retry} />
      ) : !busy && !partner ? (
        <Empty title={t("noPartner")}>{t("noPartnerText")}</Empty>
      ) : (
        <DataTable
          label={t("title")}
          columns={columns}
          rows={rows}
          rowKey={(o) => o.id}
          file={`orders-${partner}`}
          toolbar={
            <Group align="flex-end" gap="sm">
              <Select label={t("partner")} data={partners} value={partner ?? null} onChange={(v) => set({ partner: v ?? undefined })} allowDeselect={false} searchable w={150} />
              <SegmentedControl
                aria-label={t("kind")}
                value={kind}
                onChange={(v) => set({ kind: v as "standing" | "product", state: undefined })}
                data={[
                  { value: "product", label: t("products") },
                  { value: "standing", label: t("standing") },
                ]}
              />
              <Select label={t("state")} placeholder={t("any")} data={states[kind].map((s) => ({ value: s, label: t(`ui:states.${s}`, { defaultValue: spaced(s) }) }))} value={search.state ?? null} onChange={(v) => set({ state: v ?? undefined })} clearable w={190} />
              <Select
                label={t("direction")}
                placeholder={t("any")}
                data={[
                  { value: "out", label: t("weBuy") },
                  { value: "in", label: t("weSell") },
                ]}
                value={search.direction ?? null}
                onChange={(v) => set({ direction: v ?? undefined })}
                clearable
                w={150}
              />
              {kind === "product" && <TextInput label={t("product")} defaultValue={search.product ?? ""} key={search.product} onBlur={(e) => set({ product: e.currentTarget.value || undefined })} onKeyDown={(e) => e.key === "Enter" && set({ product: e.currentTarget.value || undefined })} w={170} />}
            </Group>
          }
          empty={<Empty title={t("none")}>{t(search.state || search.direction || search.product ? "noneFiltered" : "noneText")}</Empty>}
        />
      )}
    </Page>
  );
}
