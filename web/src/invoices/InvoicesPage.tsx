import { Anchor, Badge, Checkbox, Group, Stack, TextInput } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { client, type Schema } from "@/api/client";
import { usePartnerPages } from "@/api/partners";
import { useMay, useSession } from "@/api/session";
import type { Search } from "@/lib/search";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Choice, daySpan, ListFilters, useFilters } from "@/ui/Filters";
import { Many } from "@/ui/Many";
import { Money } from "@/ui/Money";
import { Page } from "@/ui/Page";
import { StateBadge } from "@/ui/StateBadge";
import { useBilled } from "@/ui/useBilled";
import { Between, When } from "@/ui/When";

type Row = Schema<"Invoice"> & { partner: string };
type Filters = Search<{ partner: "text"; state: "text"; direction: "text"; currency: "text"; payable: "flag"; from: "text"; to: "text" }>;

const states = ["issued", "disputed", "partial", "final", "settled", "rejected"];

// InvoicesPage lists invoices over the partners, and accepts several at once.
export function InvoicesPage() {
  const { t } = useTranslation("invoices");
  const may = useMay();
  const own = useSession()?.carrier;
  const [f, set] = useFilters<Filters>();
  const [selected, select] = useState(new Set<string>());
  const rows = usePartnerPages<Schema<"Invoice">>("/invoices", f.partner, { ...daySpan(f.from, f.to), state: f.state, direction: f.direction, currency: f.currency, payable: f.payable, descending: true });
  const key = (i: Row) => `${i.partner} ${i.id}`;
  const named = useBilled();
  const columns = useMemo<Column<Row>[]>(
    () => [
      {
        id: "id",
        header: t("invoice"),
        width: "minmax(330px, 2.2fr)",
        cell: (i) => (
          <Anchor component={Link} to={`/invoices/${i.partner}/${encodeURIComponent(i.id)}`} size="sm" title={i.id}>
            {named(i.order, i.seller)} · <Between interval={i.interval} inherit />
            {i.note && (
              <Badge size="sm" variant="default" ml={6}>
                {t(`notes.${i.note}`)}
              </Badge>
            )}
          </Anchor>
        ),
        value: (i) => i.id,
      },
      { id: "kind", header: t("kind"), value: (i) => i.note || "invoice" },
      { id: "direction", header: t("direction"), value: (i) => `${i.seller}>${i.buyer}` },
      { id: "way", header: t("way"), width: "minmax(130px, 1fr)", cell: (i) => (i.buyer === own ? t("pays.we", { partner: i.seller }) : t("pays.they", { partner: i.buyer })), value: (i) => (i.buyer === own ? "payable" : "receivable") },
      { id: "state", header: t("state"), width: "100px", cell: (i) => <StateBadge state={i.state} />, value: (i) => i.state },
      { id: "total", header: t("total"), right: true, width: "minmax(120px, 1fr)", cell: (i) => <Money fw={600} amount={i.total} currency={i.currency} />, value: (i) => i.total },
      { id: "open", header: t("open"), right: true, width: "minmax(120px, 1fr)", cell: (i) => (i.open_lines ? <Money amount={i.open} currency={i.currency} /> : "–"), value: (i) => i.open },
      { id: "currency", header: t("currency"), value: (i) => i.currency },
      { id: "due", header: t("due"), width: "minmax(130px, 0.8fr)", cell: (i) => <When at={i.due} shape={{ time: false }} />, value: (i) => i.due },
    ],
    [t, own, named],
  );
  const chosen = rows.rows.filter((i) => selected.has(key(i)));
  const billable = chosen.filter((i) => (i.state === "final" || i.state === "partial") && !i.obligation && !i.paid && (payer(i) === own || Date.parse(i.due) <= Date.now()));
  const acceptable = chosen.filter((i) => i.buyer === own && i.allowed.includes("accept"));
  return (
    <Page title={t("title")} lead={t("lead")}>
      <DataTable
        label={t("title")}
        columns={columns}
        rows={rows}
        rowKey={key}
        file="invoices"
        selected={may("accept-invoice") ? selected : undefined}
        onSelect={may("accept-invoice") ? select : undefined}
        empty={
          <Empty title={t("empty")}>
            {t("emptyText")}{" "}
            <Anchor component={Link} to="/periods">
              {t("toPeriods")}
            </Anchor>
          </Empty>
        }
        toolbar={
          <Stack gap="xs">
            <ListFilters page="invoices" states={states} f={f} set={set}>
              {f.partner && own && (
                <Choice
                  label={t("direction")}
                  value={f.direction}
                  data={[
                    { value: `${own}>${f.partner}`, label: t("mine") },
                    { value: `${f.partner}>${own}`, label: t("theirs") },
                  ]}
                  onChange={(direction) => set({ direction })}
                />
              )}
              <TextInput key={f.currency} size="xs" w={90} label={t("currency")} placeholder="USD" maxLength={3} defaultValue={f.currency ?? ""} onBlur={(e) => set({ currency: e.currentTarget.value.trim().toUpperCase() || undefined })} onKeyDown={(e) => e.key === "Enter" && e.currentTarget.blur()} />
              <Checkbox size="xs" pb={8} label={t("payable")} checked={f.payable ?? false} onChange={(e) => set({ payable: e.currentTarget.checked || undefined })} />
            </ListFilters>
            {may("accept-invoice") && (
              <Group gap="xs">
                <Many
                  of={acceptable}
                  chosen={chosen.length}
                  label={t("acceptMany", { count: acceptable.length })}
                  rest={t("notOpen", { count: chosen.length - acceptable.length })}
                  text={t("acceptManyText")}
                  confirm={t("accept")}
                  done={t("acceptedMany", { count: acceptable.length })}
                  failed={t("failed")}
                  name={(i) => i.id}
                  amount={(i) => ({ amount: i.total, currency: i.currency })}
                  run={accept}
                  then={() => select(new Set())}
                />
                {may("open-obligations") && billable.length > 0 && (
                  <Many
                    of={billable}
                    chosen={chosen.length}
                    label={t("makeDue", { count: billable.length })}
                    rest={t("notBillable", { count: chosen.length - billable.length })}
                    text={t("makeDueText")}
                    confirm={t("makeDueDo")}
                    done={t("madeDue", { count: billable.length })}
                    failed={t("failed")}
                    name={(i) => i.id}
                    amount={(i) => ({ amount: i.total, currency: i.currency })}
                    run={makeDue}
                    then={() => select(new Set())}
                  />
                )}
              </Group>
            )}
          </Stack>
        }
      />
    </Page>
  );
}

// accept takes an invoice by the document that was on the screen.
const accept = (i: Row) => client.POST("/v1/bilaterals/{partner}/invoices/{id}/accept", { params: { path: { partner: i.partner, id: i.id } }, body: { document: i.document } });

// payer is who owes an invoice: of a credit note who has issued it.
const payer = (i: Row) => (i.total.startsWith("-") ? i.seller : i.buyer);

// makeDue opens a debt for one invoice by itself, where none is netted.
const makeDue = (i: Row) => client.POST("/v1/bilaterals/{partner}/obligations", { params: { path: { partner: i.partner } }, body: { invoices: [i.id] } });
