import { Alert, Stack } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { client, queries } from "@/api/client";
import { sent } from "@/api/sent";
import { FileDrop } from "@/ui/FileDrop";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { SmallTable } from "@/ui/SmallTable";

// Readings takes a file of what the own meters have shown of products.
export function Readings({ partner }: { partner: string }) {
  const { t } = useTranslation("inventory");
  const take = useMutation({
    mutationFn: async (file: File) => ({
      name: file.name,
      ...(await sent(client.PUT("/v1/bilaterals/{partner}/readings", { params: { path: { partner } }, body: file as unknown as string, bodySerializer: (b) => b as unknown as string, headers: { "Content-Type": "text/csv" } }))),
    }),
    onSuccess: () => void queries.invalidateQueries(),
  });
  const of = take.data;
  return (
    <Stack gap="sm" mb="md">
      <FileDrop label={t("readings")} hint={t("readingsHint")} accept=".csv,text/csv" disabled={take.isPending} onFiles={([f]) => f && take.mutate(f)} />
      <ProblemAlert error={take.error} />
      {of && (
        <Alert color={of.rejected ? "yellow" : "teal"} role="status" title={t("readingsTaken", { name: of.name, read: of.read, accepted: of.accepted, rejected: of.rejected })}>
          {Boolean(of.rejects?.length) && (
            <SmallTable
              label={t("readingsRejected")}
              rows={of.rejects ?? []}
              rowKey={(x) => `${x.line} ${x.code}`}
              height={260}
              columns={[
                { id: "line", header: t("line"), right: true, cell: (x) => x.line },
                { id: "field", header: t("field"), cell: (x) => x.field ?? "–" },
                { id: "detail", header: t("detail"), cell: (x) => x.detail },
                { id: "code", header: t("code"), cell: (x) => x.code },
              ]}
            />
          )}
        </Alert>
      )}
    </Stack>
  );
}
