import { Title } from "@mantine/core";
import { useMemo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Money } from "@/ui/Money";
import { StateBadge } from "@/ui/StateBadge";
import { Between } from "@/ui/When";

// Items lists what an invoice charges for products.
export function Items({ partner, id, title }: { partner: string; id: string; title: ReactNode }) {
  const { t } = useTranslation("invoices");
  const rows = usePages("/v1/bilaterals/{partner}/invoices/{id}/items", { path: { partner, id } as never });
  const columns = useMemo<Column<Schema<"Item">>[]>(
    () => [
      { id: "number", header: t("line"), width: "80px", right: true, cell: (x) => x.number, value: (x) => x.number },
      { id: "product", header: t("product"), cell: (x) => x.product, value: (x) => x.product },
      { id: "price", header: t("price"), cell: (x) => x.price, value: (x) => x.price },
      { id: "interval", header: t("period"), width: "minmax(260px, 1.6fr)", cell: (x) => <Between interval={x.interval} />, value: (x) => x.interval },
      { id: "quantity", header: t("quantity"), right: true, cell: (x) => x.quantity, value: (x) => x.quantity },
      { id: "amount", header: t("amount"), right: true, cell: (x) => <Money fw={600} amount={x.amount.amount} currency={x.amount.currency} />, value: (x) => x.amount.amount },
      { id: "state", header: t("state"), cell: (x) => <StateBadge state={x.state} />, value: (x) => x.state },
    ],
    [t],
  );
  return (
    <div>
      <Title order={2} size="h4" mb="xs">
        {title}
      </Title>
      <DataTable label={`${t("items")} ${id}`} columns={columns} rows={rows} rowKey={(x) => String(x.number)} file={`${id}-items`} empty={<Empty title={t("noItems")}>{t("noItemsText")}</Empty>} />
    </div>
  );
}
