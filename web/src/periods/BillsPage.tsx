import { Button, Drawer, Group, Stack, Text, Title } from "@mantine/core";
import { useCallback, useMemo } from "react";
import { useTranslation } from "react-i18next";

import { api, client, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { usePartners } from "@/api/partners";
import { sent } from "@/api/sent";
import { useMay } from "@/api/session";
import type { Search } from "@/lib/search";
import { Action } from "@/ui/Action";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Facts } from "@/ui/Facts";
import { PartnerSelect, useFilters } from "@/ui/Filters";
import { GoTo } from "@/ui/GoTo";
import { Hash } from "@/ui/Hash";
import { Money } from "@/ui/Money";
import { Loaded, Page } from "@/ui/Page";
import { SmallTable } from "@/ui/SmallTable";
import { StateBadge } from "@/ui/StateBadge";
import { useBilled } from "@/ui/useBilled";
import { Between } from "@/ui/When";

type Bill = Schema<"Bill">;
type Due = Schema<"RequestBill">;

// BillsPage has the bills for products with one partner: those whose period is over and that
// somebody has to ask for, and those that there are.
export function BillsPage() {
  const { t } = useTranslation("periods");
  const [{ partner: wanted, agreement, seller, account, interval }, set] = useFilters<Search<{ partner: "text"; agreement: "text"; seller: "text"; account: "text"; interval: "text" }>>();
  const { codes } = usePartners();
  const partner = wanted ?? codes?.[0];
  const shown: Due | undefined = agreement && seller && interval ? { agreement, seller, account: account ?? "", interval } : undefined;
  const show = useCallback((b?: Due) => set({ partner, agreement: b?.agreement, seller: b?.seller, account: b?.account, interval: b?.interval }), [partner, set]);
  return (
    <Page title={t("bills")} lead={t("billsLead")} crumbs={[{ text: t("ui:nav.today"), to: "/" }, { text: t("title"), to: "/periods" }]}>
      <Group>
        <PartnerSelect value={partner} onChange={(p) => set({ partner: p, interval: undefined })} all={false} />
      </Group>
      {partner ? (
        <Stack gap="lg">
          <Due partner={partner} show={show} />
          <Bills partner={partner} show={show} />
        </Stack>
      ) : (
        codes && <Empty title={t("noPartner")}>{t("noPartnerText")}</Empty>
      )}
      <Drawer opened={Boolean(shown)} onClose={() => show(undefined)} position="right" size="xl" title={t("bill")} closeButtonProps={{ "aria-label": t("ui:close") }}>
        {shown && partner && <One partner={partner} of={shown} />}
      </Drawer>
    </Page>
  );
}

const accountOf = (b: Due) => [b.agreement, b.account].filter(Boolean).join(", ");
const keyOf = (b: Due) => [b.agreement, b.seller, b.account, b.interval].join("/");

function Due({ partner, show }: { partner: string; show: (b: Due) => void }) {
  const { t } = useTranslation("periods");
  const may = useMay();
  const rows = usePages("/v1/bilaterals/{partner}/due-bills", { path: { partner } });
  const params = { path: { partner } };
  const columns: Column<Due>[] = [
    { id: "account", header: t("account"), width: "minmax(140px, 1fr)", cell: accountOf, value: accountOf },
    { id: "seller", header: t("seller"), width: "120px", cell: (b) => b.seller, value: (b) => b.seller },
    { id: "interval", header: t("period"), width: "minmax(300px, 1.6fr)", cell: (b) => <Between interval={b.interval} />, value: (b) => b.interval },
    {
      id: "act",
      header: t("next"),
      width: "330px",
      cell: (b) => (
        <Group gap={6} wrap="nowrap">
          {may("get-bill") && <Button size="compact-sm" variant="default" onClick={() => show(b)}>{t("look")}</Button>}
          {may("request-bill") && <Action size="compact-sm" label={t("generate")} text={t("generateText")} done={t("generated")} run={() => sent(client.POST("/v1/bilaterals/{partner}/bills", { params, body: b }))} />}
          {may("submit-bill") && <Action size="compact-sm" label={t("submit")} text={t("submitText")} done={t("submittedDone")} run={() => sent(client.POST("/v1/bilaterals/{partner}/bills/submit", { params, body: b }))} />}
        </Group>
      ),
      value: () => "",
    },
  ];
  return (
    <Stack gap="xs" component="section">
      <Title order={2} size="h4">
        {t("dueBills")}
      </Title>
      <Text size="sm">{t("dueBillsText")}</Text>
      <DataTable label={t("dueBills")} columns={columns} rows={rows} rowKey={keyOf} file={`due-bills-${partner}`} height={320} empty={<Empty title={t("noDueBills")}>{t("noDueBillsText")}</Empty>} />
    </Stack>
  );
}

function Bills({ partner, show }: { partner: string; show: (b: Due) => void }) {
  const { t } = useTranslation("periods");
  const named = useBilled();
  const rows = usePages("/v1/bilaterals/{partner}/bills", { path: { partner }, query: { descending: true } });
  const columns = useMemo<Column<Bill>[]>(
    () => [
      { id: "account", header: t("account"), width: "minmax(150px, 1fr)", cell: (b) => named(b.order, b.seller), value: (b) => b.order },
      { id: "seller", header: t("seller"), width: "110px", cell: (b) => b.seller, value: (b) => b.seller },
      { id: "interval", header: t("period"), width: "minmax(290px, 1.6fr)", cell: (b) => <Between interval={b.interval} />, value: (b) => b.interval },
      { id: "state", header: t("state"), width: "120px", cell: (b) => <StateBadge state={b.state ?? "expected"} />, value: (b) => b.state },
      { id: "total", header: t("amount"), right: true, width: "minmax(140px, 1fr)", cell: (b) => b.totals.map((x) => <Money key={x.currency} amount={x.amount} currency={x.currency} ml={6} />), value: (b) => b.totals.map((x) => `${x.amount} ${x.currency}`).join("; ") },
      { id: "look", header: t("next"), width: "100px", cell: (b) => <Button size="compact-sm" variant="default" onClick={() => show(b)}>{t("look")}</Button>, value: () => "" },
    ],
    [t, named, show],
  );
  return (
    <Stack gap="xs" component="section">
      <Title order={2} size="h4">
        {t("allBills")}
      </Title>
      <DataTable label={t("allBills")} columns={columns} rows={rows} rowKey={keyOf} file={`bills-${partner}`} empty={<Empty title={t("noBill")}>{t("noBillText")}</Empty>} />
    </Stack>
  );
}

// One is a bill as it was made, or as it would be now.
function One({ partner, of }: { partner: string; of: Due }) {
  const { t } = useTranslation("periods");
  const bill = api.useQuery("get", "/v1/bilaterals/{partner}/bill", { params: { path: { partner }, query: { agreement: of.agreement, seller: of.seller, account: of.account, interval: of.interval } } });
  return (
    <Loaded of={bill}>
      {(b) => (
        <Stack>
          <Facts
            of={[
              [t("account"), accountOf(b)],
              [t("seller"), b.seller],
              [t("period"), <Between key="i" interval={b.interval} />],
              [t("state"), b.state ? <StateBadge key="s" state={b.state} /> : t("notMade")],
              [t("amount"), b.totals.map((x) => <Money key={x.currency} amount={x.amount} currency={x.currency} fw={650} mr={6} />)],
              [t("invoices"), b.invoices.length ? b.invoices.map((i) => <div key={i}><GoTo to={`/invoices/${partner}/${encodeURIComponent(i)}`}>{i}</GoTo></div>) : "–"],
              [t("document"), <Hash key="d" value={b.document} label={t("document")} />],
            ]}
          />
          <SmallTable
            label={t("items")}
            rows={b.items ?? []}
            rowKey={(x) => String(x.number)}
            columns={[
              { id: "number", header: "#", cell: (x) => x.number },
              { id: "product", header: t("product"), head: true, cell: (x) => x.product },
              { id: "price", header: t("price"), cell: (x) => x.charge.price },
              { id: "interval", header: t("period"), cell: (x) => <Between interval={x.charge.interval} /> },
              { id: "amount", header: t("amount"), right: true, cell: (x) => <Money amount={x.charge.amount.amount} currency={x.charge.amount.currency} /> },
            ]}
          />
        </Stack>
      )}
    </Loaded>
  );
}
