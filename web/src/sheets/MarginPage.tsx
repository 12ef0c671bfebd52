import { Group, Select, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { useSession } from "@/api/session";
import { DataTable } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { fixedRows } from "@/ui/fixedRows";
import { Loaded, Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";

import { Price } from "./ChangesTable";
import { inForceAt, useAllSheets, usePartners, useSheetFile } from "./queries";
import { short } from "./rates";
import { useReading } from "./reading";
import type { marginSearch } from "./search";

// MarginPage compares what we pay one partner for a destination with what we charge
// another, or the same.
export function MarginPage() {
  const { t } = useTranslation("sheets");
  const navigate = useNavigate();
  const search: ReturnType<typeof marginSearch> = useSearch({ strict: false });
  const me = useSession()?.carrier ?? "";
  const partners = usePartners();
  const pays = search.partner ?? partners.data?.[0] ?? "";
  const charges = search.from ?? pays;
  const reading = useReading();
  const [now] = useState(() => new Date().toISOString());
  const paySheets = useAllSheets(pays);
  const chargeSheets = useAllSheets(charges);
  const pay = useMemo(() => inForceAt(paySheets.data ?? [], `${me}>${pays}`, now), [paySheets.data, me, pays, now]);
  const charge = useMemo(() => inForceAt(chargeSheets.data ?? [], `${charges}>${me}`, now), [chargeSheets.data, me, charges, now]);
  const payFile = useSheetFile(pays, pay?.id);
  const chargeFile = useSheetFile(charges, charge?.id);
  const rows = useQuery({
    queryKey: ["margin", pays, pay?.id, charges, charge?.id],
    enabled: Boolean(reading && payFile.data !== undefined && chargeFile.data !== undefined),
    meta: { still: true },
    queryFn: () => reading!.ask<"margins">({ do: "margins", pay: payFile.data!, charge: chargeFile.data!, at: now }),
  });
  const go = (s: typeof search) => void navigate({ to: "/sheets/margin", search: s as never, replace: true });
  const needle = search.q?.toLowerCase();
  const shown = (rows.data ?? []).filter((m) => !needle || m.prefix.startsWith(needle) || m.destination.toLowerCase().includes(needle));
  const looked = paySheets.isSuccess && chargeSheets.isSuccess;
  return (
    <Page title={t("marginTitle")} lead={t("marginLead")} crumbs={[{ text: t("title"), to: "/sheets" }]}>
      <Group align="flex-end">
        <Select label={t("wePayTo")} data={partners.data ?? []} value={pays || null} allowDeselect={false} searchable w={200} onChange={(v) => v && go({ ...search, partner: v, from: charges })} />
        <Select label={t("weChargeTo")} data={partners.data ?? []} value={charges || null} allowDeselect={false} searchable w={200} onChange={(v) => v && go({ ...search, partner: pays, from: v })} />
        <TextInput label={t("find")} w={220} value={search.q ?? ""} onChange={(e) => go({ ...search, q: e.currentTarget.value || undefined })} />
      </Group>
      <ProblemAlert error={paySheets.error ?? chargeSheets.error ?? payFile.error ?? chargeFile.error} />
      {(looked && (!pay || !charge)) || (partners.isSuccess && !pays) ? (
        <Empty title={t("noMargin")}>{t(!pay ? "noPaySheet" : "noChargeSheet", { pays, charges })}</Empty>
      ) : (
        <Loaded of={rows}>
          {() => (
            <DataTable
              label={t("marginTitle")}
              rows={fixedRows(shown)}
              rowKey={(m) => m.prefix}
              file="margin"
              empty={<Empty title={t("noMatch")} />}
              columns={[
                { id: "destination", header: t("fields.destination"), width: "minmax(160px, 2fr)", cell: (m) => m.destination, value: (m) => m.destination },
                { id: "prefix", header: t("fields.prefix"), cell: (m) => <span className="numbers">{m.prefix}</span>, value: (m) => m.prefix },
                { id: "pays", header: t("wePay"), right: true, width: "240px", cell: (m) => <Price row={m.pays} />, value: (m) => m.pays.rate },
                { id: "charges", header: t("weCharge"), right: true, width: "240px", cell: (m) => <Price row={m.charges} />, value: (m) => m.charges.rate },
                {
                  id: "margin",
                  header: t("perMinute"),
                  right: true,
                  width: "190px",
                  cell: (m) =>
                    m.margin === undefined ? (
                      <Text span c="dimmed" size="sm">
                        {t("otherCurrency")}
                      </Text>
                    ) : (
                      <Text span className="numbers" size="sm" fw={600} c={m.margin.startsWith("-") ? "red" : undefined}>
                        {short(m.margin).replace("-", "−")} <small>{m.currency}</small>
                      </Text>
                    ),
                  value: (m) => m.margin ?? "",
                },
              ]}
            />
          )}
        </Loaded>
      )}
    </Page>
  );
}
