import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { client, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { sent } from "@/api/sent";
import { useMay } from "@/api/session";
import { Action } from "@/ui/Action";
import { DataTable } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Subject } from "@/ui/Subject";
import { Ago, useNow, When } from "@/ui/When";

// Waiting lists what waits with a partner, and until when. The node has applied what was
// agreed when a time is over; where it could not, a person does.
export function Waiting({ partner }: { partner: string }) {
  const { t } = useTranslation("partners");
  const may = useMay();
  const now = useNow(5000);
  const rows = usePages("/v1/bilaterals/{partner}/deadlines", { path: { partner } });
  const over = (d: Schema<"DueRecord">) => Date.parse(d.deadline) < now;
  return (
    <DataTable
      label={t("waiting")}
      rows={rows}
      rowKey={(d) => d.subject}
      file={`waiting-${partner}`}
      toolbar={<Text size="sm">{t("waitingText")}</Text>}
      empty={<Empty title={t("noWaiting")}>{t("noWaitingText")}</Empty>}
      columns={[
        { id: "deadline", header: t("deadline"), width: "230px", cell: (d) => <When at={d.deadline} size="sm" />, value: (d) => d.deadline },
        { id: "over", header: t("over"), width: "120px", cell: (d) => (over(d) ? <Ago at={d.deadline} size="sm" /> : "–"), value: (d) => (over(d) ? "over" : "") },
        { id: "subject", header: t("subject"), width: "minmax(260px, 3fr)", cell: (d) => <Subject of={d.subject} partner={partner} />, value: (d) => d.subject },
        ...(may("apply-deadline")
          ? [
              {
                id: "apply",
                header: t("next"),
                width: "120px",
                cell: (d: Schema<"DueRecord">) => over(d) && <Action size="compact-sm" label={t("apply")} text={t("applyText", { subject: d.subject })} done={t("applied")} run={() => sent(client.POST("/v1/bilaterals/{partner}/deadlines", { params: { path: { partner } }, body: { subject: d.subject } }))} />,
                value: () => "",
              },
            ]
          : []),
      ]}
    />
  );
}
