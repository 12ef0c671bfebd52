import { Alert, Badge, Drawer, Group, Stack, Text } from "@mantine/core";
import { IconFileImport } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { client, queries, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { useMay } from "@/api/session";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { FileDrop } from "@/ui/FileDrop";
import { Money } from "@/ui/Money";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { When } from "@/ui/When";

import { counts, waiting } from "./bankfile";
import { Facts, GoTo, Opens, useAddress } from "./common";
import { hereRows } from "./rows";

type Intake = Schema<"BankIntake">;

const good = new Set(["whole", "settled", "accepted", "not-booked", "duplicate", "booked", "pending"]);

// BankFiles takes in what banks hand out, and shows what became of each booking.
export function BankFiles() {
  const { t } = useTranslation("money");
  const may = useMay();
  const [{ id }, change] = useAddress();
  const rows = usePages("/v1/payments/files", {});
  const take = useMutation({
    mutationFn: async (files: File[]) => {
      const done: Intake[] = [];
      for (const file of files) {
        const { data, error } = await client.POST("/v1/payments/files", {
          params: { query: { name: file.name } },
          body: file as unknown as string,
          bodySerializer: (b) => b as unknown as string,
          headers: { "Content-Type": "application/xml" },
        });
        if (!data) throw error;
        done.push(data);
      }
      return done;
    },
    onSettled: () => void queries.invalidateQueries(),
  });
  const columns: Column<Intake>[] = [
    { id: "name", header: t("files.name"), width: "minmax(180px, 1fr)", cell: (r) => <Opens onClick={() => change({ id: r.sha256 })}>{r.name || r.id}</Opens>, value: (r) => r.name ?? r.id },
    { id: "kind", header: t("kind"), width: "180px", cell: (r) => r.kind, value: (r) => r.kind },
    { id: "time", header: t("files.imported"), width: "210px", cell: (r) => <When at={r.imported.time} />, value: (r) => r.imported.time },
    { id: "by", header: t("files.by"), width: "140px", cell: (r) => r.imported.by, value: (r) => r.imported.by },
    { id: "lines", header: t("files.lines"), width: "90px", right: true, cell: (r) => r.lines.length, value: (r) => r.lines.length },
    { id: "waiting", header: t("files.decide"), width: "120px", right: true, cell: (r) => waiting(r.lines) || "–", value: (r) => waiting(r.lines) },
    { id: "outcomes", header: t("files.outcomes"), width: "minmax(240px, 2fr)", cell: (r) => <Outcomes of={r} />, value: (r) => counts(r.lines).map((c) => `${c.count} ${c.outcome}`).join(", ") },
  ];
  const opened = rows.rows.find((r) => r.sha256 === id);
  return (
    <Stack>
      {may("import-bank-file") && <FileDrop label={t("files.drop")} hint={t("files.hint")} accept=".xml,application/xml,text/xml" multiple disabled={take.isPending} onFiles={(f) => take.mutate(f)} />}
      {take.isPending && <Text role="status">{t("files.busy")}</Text>}
      <ProblemAlert error={take.error} />
      {take.data?.map((r) => (
        <Alert key={r.sha256} color={r.repeated ? "gray" : waiting(r.lines) ? "yellow" : "teal"} icon={<IconFileImport aria-hidden />} role="status" title={r.repeated ? t("files.repeated", { name: r.name || r.id }) : t("files.taken", { name: r.name || r.id, count: r.lines.length })}>
          <Group gap="sm">
            <Outcomes of={r} />
            <Opens onClick={() => change({ id: r.sha256 })}>{t("files.show")}</Opens>
            {waiting(r.lines) > 0 && <GoTo to="/payments" search={{ tab: "exceptions" }}>{t("files.toExceptions", { count: waiting(r.lines) })}</GoTo>}
          </Group>
        </Alert>
      ))}
      <DataTable label={t("payments.files")} columns={columns} rows={rows} rowKey={(r) => r.sha256} file="bank-files" empty={<Empty title={t("files.none")} icon={<IconFileImport />}>{t("files.noneText")}</Empty>} />
      <Drawer opened={Boolean(id && opened)} onClose={() => change({ id: undefined })} position="right" size="xl" title={opened?.name || opened?.id} closeButtonProps={{ "aria-label": t("ui:close") }}>
        {opened && <OneFile of={opened} />}
      </Drawer>
    </Stack>
  );
}

function Outcomes({ of }: { of: Intake }) {
  const { t, i18n } = useTranslation("money");
  return (
    <Group gap={6} wrap="nowrap">
      {counts(of.lines).map((c) => (
        <Badge key={c.outcome} variant="light" className="state" color={good.has(c.outcome) ? "teal" : "yellow"}>
          {c.count.toLocaleString(i18n.language)} {t(`files.outcome.${c.outcome}`, { defaultValue: c.outcome.replaceAll("-", " ") })}
        </Badge>
      ))}
    </Group>
  );
}

function OneFile({ of }: { of: Intake }) {
  const { t } = useTranslation("money");
  const lines = of.lines.map((l, i) => ({ ...l, n: i + 1 }));
  return (
    <Stack>
      <Outcomes of={of} />
      <Facts
        of={[
          [t("kind"), of.kind],
          [t("files.message"), of.id],
          ["SHA-256", <code key="h">{of.sha256}</code>],
        ]}
      />
      {of.passed && of.passed.length > 0 && (
        <Alert color="yellow" title={t("files.passed")}>
          {(of.passed as string[]).join(", ")}
        </Alert>
      )}
      <DataTable
        label={t("files.lines")}
        rows={hereRows(lines)}
        rowKey={(l) => String(l.n)}
        file="bookings"
        empty={<Empty title={t("files.noLines")} />}
        columns={[
          { id: "n", header: "#", width: "60px", right: true, cell: (l) => l.n, value: (l) => l.n },
          { id: "outcome", header: t("files.outcomes"), width: "160px", cell: (l) => t(`files.outcome.${l.outcome}`, { defaultValue: l.outcome.replaceAll("-", " ") }), value: (l) => l.outcome },
          { id: "amount", header: t("amount"), width: "160px", right: true, cell: (l) => (l.amount ? <Money amount={l.amount.amount} currency={l.amount.currency} size="sm" /> : "–"), value: (l) => l.amount?.amount },
          { id: "direction", header: t("direction"), width: "100px", cell: (l) => (l.direction ? t(`files.${l.direction}`, { defaultValue: l.direction }) : "–"), value: (l) => l.direction },
          { id: "did", header: t("files.did"), width: "minmax(240px, 2fr)", cell: (l) => <span title={l.did}>{l.did}</span>, value: (l) => l.did },
          { id: "e2e", header: t("run.endToEnd"), width: "220px", cell: (l) => l.end_to_end_id ?? "–", value: (l) => l.end_to_end_id },
          { id: "x", header: t("payments.exception"), width: "120px", cell: (l) => (l.exception ? <GoTo to="/payments" search={{ tab: "exceptions", id: l.exception }}>{l.exception}</GoTo> : "–"), value: (l) => l.exception },
        ]}
      />
    </Stack>
  );
}
