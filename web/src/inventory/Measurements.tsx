import { Group, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { client, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { sent } from "@/api/sent";
import { useMay } from "@/api/session";
import { Action } from "@/ui/Action";
import { DataTable } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { GoTo } from "@/ui/GoTo";
import { StateBadge } from "@/ui/StateBadge";
import { Between } from "@/ui/When";

import { figures, sideText } from "./figures";

interface Props {
  partner: string;
  product?: string;
  state?: string;
  people?: boolean;
  toolbar?: React.ReactNode;
  height?: number;
}

// Measurements lists what both sides have measured, interval by interval, side by side.
export function Measurements({ partner, product, state, people, toolbar, height }: Props) {
  const { t, i18n } = useTranslation("inventory");
  const rows = usePages("/v1/bilaterals/{partner}/measurements", { path: { partner }, query: { product, state: state as never, people } });
  return (
    <DataTable<Schema<"Measurement">>
      label={t("measurements")}
      rows={rows}
      rowKey={(m) => `${m.product} ${m.interval}`}
      file={`measurements-${partner}`}
      toolbar={toolbar}
      height={height}
      empty={<Empty title={t("noMeasurements")}>{t("noMeasurementsText")}</Empty>}
      columns={[
        { id: "interval", header: t("interval"), width: "minmax(300px, 1.6fr)", cell: (m) => <Between interval={m.interval} />, value: (m) => m.interval },
        ...(product ? [] : [{ id: "product", header: t("product"), cell: (m: Schema<"Measurement">) => <GoTo to={`/inventory/${partner}/${m.product}`}>{m.product}</GoTo>, value: (m: Schema<"Measurement">) => m.product }]),
        { id: "state", header: t("state"), width: "130px", cell: (m) => <StateBadge state={m.state} />, value: (m) => m.state },
        { id: "seller", header: t("seller"), right: true, cell: (m) => <span className="numbers">{sideText(m, "seller", i18n.language)}</span>, value: (m) => sideText(m, "seller") },
        { id: "buyer", header: t("buyer"), right: true, cell: (m) => <span className="numbers">{sideText(m, "buyer", i18n.language)}</span>, value: (m) => sideText(m, "buyer") },
        { id: "counts", header: t("counts"), right: true, cell: (m) => <span className="numbers">{sideText(m, "counts", i18n.language)}</span>, value: (m) => sideText(m, "counts") },
        { id: "proposed", header: t("proposed"), right: true, cell: (m) => <span className="numbers">{sideText(m, "proposed", i18n.language)}</span>, value: (m) => sideText(m, "proposed") },
        { id: "why", header: t("why"), cell: (m) => <Text span size="sm" title={m.why}>{m.why}</Text>, value: (m) => m.why ?? "" },
        { id: "act", header: t("steps"), width: "270px", cell: (m) => <Decide of={m} partner={partner} />, value: () => "" },
      ]}
    />
  );
}

// Decide has the steps for a measurement on which people have to decide.
function Decide({ of: m, partner }: { of: Schema<"Measurement">; partner: string }) {
  const { t, i18n } = useTranslation("inventory");
  const may = useMay();
  const params = { path: { partner, product: m.product, from: m.interval.split("/")[0]! } };
  return (
    <Group gap={4} wrap="nowrap">
      {m.allowed.includes("accept") && may("accept-measurement") && (
        <Action size="compact-sm" variant="light" label={t("accept")} text={t("acceptText", { figures: sideText(m, "proposed", i18n.language) })} done={t("accepted")} run={() => sent(client.POST("/v1/bilaterals/{partner}/measurements/{product}/{from}/accept", { params, body: figures(m, (f) => f.proposed) }))} />
      )}
      {m.allowed.includes("propose") && may("propose-measurement") && (
        <Action
          size="compact-sm"
          label={t("propose")}
          text={t("proposeText")}
          done={t("proposedDone")}
          asks={[
            ...m.figures.map((f, i) => ({ name: `figure-${i}`, label: f.name, kind: "number" as const, required: true, value: f.proposed ?? f.seller ?? f.buyer, hint: t("bothSay", { seller: f.seller ?? "–", buyer: f.buyer ?? "–" }) })),
            { name: "why", label: t("why"), kind: "long", required: true, most: 255 },
          ]}
          run={(v) => sent(client.POST("/v1/bilaterals/{partner}/measurements/{product}/{from}/propose", { params, body: { ...figures(m, (_, i) => Number(v[`figure-${i}`])), why: String(v.why) } }))}
        />
      )}
      {m.allowed.includes("reject") && may("reject-measurement") && (
        <Action size="compact-sm" color="red" label={t("reject")} text={t("rejectText")} done={t("rejected")} asks={[{ name: "why", label: t("why"), kind: "long", most: 255 }]} run={(v) => sent(client.POST("/v1/bilaterals/{partner}/measurements/{product}/{from}/reject", { params, body: { why: v.why ? String(v.why) : undefined } }))} />
      )}
    </Group>
  );
}
