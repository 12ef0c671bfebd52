import { Alert, Button, Card, Group, Stack, Switch, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { client, queries, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { sent } from "@/api/sent";
import { useMay } from "@/api/session";
import { Action } from "@/ui/Action";
import { DataTable } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { FileDrop } from "@/ui/FileDrop";
import { fixedRows } from "@/ui/fixedRows";
import { Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { StateBadge } from "@/ui/StateBadge";
import { When } from "@/ui/When";

type Preview = Schema<"CatalogPreview">;

const raw = { bodySerializer: (body: unknown) => body as string, headers: { "Content-Type": "application/yaml" } };

// ImportPage takes a catalogue's file: what it would change is shown first, and an import
// can be taken back.
export function ImportPage() {
  const { t } = useTranslation("catalogue");
  const may = useMay();
  const [file, setFile] = useState<{ name: string; text: string }>();
  const [without, setWithout] = useState(false);
  const preview = useMutation({ mutationFn: (text: string) => sent(client.POST("/v1/catalog/preview", { body: text, ...raw })) });
  const apply = useMutation({
    mutationFn: (f: { name: string; text: string }) => sent(client.POST("/v1/catalog/imports", { params: { query: { name: f.name, without_rejected: without || undefined } }, body: f.text, ...raw })),
    onSuccess: (p) => {
      notifications.show({ color: "teal", message: t("imported", { number: p.number }) });
      void queries.invalidateQueries();
      setFile(undefined);
      preview.reset();
    },
  });
  const take = async ([f]: File[]) => {
    if (!f) return;
    const text = await f.text();
    setFile({ name: f.name, text });
    apply.reset();
    preview.mutate(text);
  };
  const p = preview.data;
  return (
    <Page title={t("import")} lead={t("importLead")} crumbs={[{ text: t("title"), to: "/catalogue" }]}>
      {may("preview-catalog") && <FileDrop label={t("drop")} hint={t("dropHint")} accept=".yaml,.yml,.json" disabled={preview.isPending || apply.isPending} onFiles={(f) => void take(f)} />}
      <ProblemAlert error={preview.error} />
      {file && p && (
        <Card withBorder component="section">
          <Stack>
            <Title order={2} size="h4">
              {t("wouldChange", { name: file.name })}
            </Title>
            <Counts of={p} />
            {p.rejected.length > 0 && <Rejected of={p} />}
            <Changes of={p.changes} name={file.name} />
            {p.rejected.length > 0 && <Switch label={t("withoutRejected")} checked={without} onChange={(e) => setWithout(e.currentTarget.checked)} />}
            <ProblemAlert error={apply.error} />
            <Group>
              {may("import-catalog") && (
                <Button loading={apply.isPending} disabled={p.changes.length === 0 || (p.rejected.length > 0 && !without)} onClick={() => apply.mutate(file)}>
                  {t("apply")}
                </Button>
              )}
              <Button
                variant="default"
                onClick={() => {
                  setFile(undefined);
                  preview.reset();
                }}
              >
                {t("leave")}
              </Button>
            </Group>
          </Stack>
        </Card>
      )}
      <Imports />
    </Page>
  );
}

function Counts({ of: p }: { of: Preview }) {
  const { t, i18n } = useTranslation("catalogue");
  const n = (v: number | undefined) => (v ?? 0).toLocaleString(i18n.language);
  return (
    <Text role="status">
      {t("counts", { rows: n(p.rows), added: n(p.counts.added), changed: n(p.counts.changed), unchanged: n(p.counts.unchanged), rejected: n(p.rejected.length) })}
    </Text>
  );
}

function Rejected({ of: p }: { of: Preview }) {
  const { t } = useTranslation("catalogue");
  return (
    <>
      <Alert color="red" title={t("rejectedTitle", { count: p.rejected.length })} />
      <DataTable
        label={t("rejected")}
        rows={fixedRows(p.rejected)}
        rowKey={(r) => `${r.list} ${r.row} ${r.field ?? ""} ${r.code}`}
        file="rejected"
        height={300}
        empty={<Empty title={t("none")} />}
        columns={[
          { id: "line", header: t("line"), right: true, width: "80px", cell: (r) => r.line, value: (r) => r.line },
          { id: "list", header: t("list"), width: "130px", cell: (r) => r.list, value: (r) => r.list },
          { id: "id", header: t("id"), cell: (r) => r.id ?? "", value: (r) => r.id ?? "" },
          { id: "field", header: t("field"), cell: (r) => r.field ?? "", value: (r) => r.field ?? "" },
          { id: "detail", header: t("wrong"), width: "minmax(240px, 3fr)", cell: (r) => <span title={`${r.detail} ${r.remedy ?? ""}`}>{r.detail}</span>, value: (r) => r.detail },
          { id: "remedy", header: t("remedy"), width: "minmax(200px, 2fr)", cell: (r) => r.remedy ?? "", value: (r) => r.remedy ?? "" },
          { id: "code", header: t("problemCode"), cell: (r) => r.code, value: (r) => r.code },
        ]}
      />
    </>
  );
}

function Changes({ of, name }: { of: Schema<"CatalogImportChange">[]; name: string }) {
  const { t } = useTranslation("catalogue");
  const what = (c: Schema<"CatalogImportChange">) => (c.changes ?? []).map((x) => `${x.field}: ${x.before ?? "–"} → ${x.after ?? "–"}`).join("; ");
  return (
    <DataTable
      label={t("changes")}
      rows={fixedRows(of)}
      rowKey={(c) => `${c.kind} ${c.id}`}
      file={`${name}-changes`}
      height={380}
      empty={<Empty title={t("nothingChanges")} />}
      columns={[
        { id: "what", header: t("state"), width: "120px", cell: (c) => <StateBadge state={c.what} />, value: (c) => c.what },
        { id: "kind", header: t("list"), width: "130px", cell: (c) => c.kind, value: (c) => c.kind },
        { id: "id", header: t("id"), cell: (c) => c.id, value: (c) => c.id },
        { id: "version", header: t("version"), width: "110px", cell: (c) => `${c.before ?? "–"} → ${c.after ?? "–"}`, value: (c) => `${c.before ?? ""}>${c.after ?? ""}` },
        { id: "state", header: t("stateChange"), width: "190px", cell: (c) => [c.state_before, c.state_after].filter(Boolean).join(" → "), value: (c) => [c.state_before, c.state_after].filter(Boolean).join(" > ") },
        { id: "changes", header: t("changes"), width: "minmax(280px, 3fr)", cell: (c) => <span title={what(c)}>{what(c)}</span>, value: what },
      ]}
    />
  );
}

function Imports() {
  const { t } = useTranslation("catalogue");
  const may = useMay();
  const rows = usePages("/v1/catalog/imports", { query: { descending: true } });
  const latest = rows.rows.filter((i) => !i.undone).reduce((max, i) => Math.max(max, i.number), 0);
  return (
    <DataTable<Schema<"CatalogFileImport">>
      label={t("imports")}
      rows={rows}
      rowKey={(i) => String(i.number)}
      file="catalogue-imports"
      height={360}
      toolbar={
        <Title order={2} size="h4">
          {t("imports")}
        </Title>
      }
      empty={<Empty title={t("noImports")}>{t("noImportsText")}</Empty>}
      columns={[
        { id: "number", header: t("importNumber"), width: "100px", cell: (i) => i.number, value: (i) => i.number },
        { id: "name", header: t("file"), width: "minmax(180px, 2fr)", cell: (i) => i.name ?? "", value: (i) => i.name ?? "" },
        { id: "at", header: t("when"), width: "220px", cell: (i) => <When at={i.at} />, value: (i) => i.at },
        { id: "by", header: t("by"), cell: (i) => i.by ?? "", value: (i) => i.by ?? "" },
        { id: "changes", header: t("changes"), right: true, width: "110px", cell: (i) => i.changes.length, value: (i) => i.changes.length },
        { id: "undone", header: t("undone"), width: "220px", cell: (i) => <When at={i.undone} />, value: (i) => i.undone ?? "" },
        { id: "act", header: t("steps"), width: "130px", cell: (i) => (i.number === latest && may("undo-catalog") ? <Action size="compact-sm" color="red" label={t("undo")} text={t("undoText")} done={t("undoDone")} run={() => sent(client.POST("/v1/catalog/undo", {}))} /> : null), value: () => "" },
      ]}
    />
  );
}
