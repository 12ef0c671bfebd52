import { Alert, Button, Card, Group, Progress, Select, SimpleGrid, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { queries } from "@/api/client";
import { useSession } from "@/api/session";
import { download } from "@/lib/csv";
import { DataTable } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { FileDrop } from "@/ui/FileDrop";
import { fixedRows } from "@/ui/fixedRows";
import { Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";

import { ChangesTable } from "./ChangesTable";
import { extra, fields, missing, sample, type Field, type Mapping } from "./mapping";
import { inForceAt, propose, useAllSheets, usePartners, useSheetFile } from "./queries";
import { useReading } from "./reading";
import type { Kind } from "./search";
import type { Opened, Read } from "./worker";

// UploadPage takes a sheet in any columns: say which is what, see what it would change,
// and propose it. Nothing leaves the browser before that.
export function UploadPage() {
  const { t, i18n } = useTranslation("sheets");
  const navigate = useNavigate();
  const search: { partner?: string } = useSearch({ strict: false });
  const me = useSession()?.carrier ?? "";
  const partners = usePartners();
  const partner = search.partner ?? partners.data?.[0] ?? "";
  const reading = useReading();
  const [name, setName] = useState("");
  const [opened, setOpened] = useState<Opened>();
  const [mapping, setMapping] = useState<Mapping>();
  const [found, setFound] = useState<Read>();
  const [share, setShare] = useState<number>();
  const [kind, setKind] = useState<Kind>();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const [day, setDay] = useState("");

  const sheets = useAllSheets(partner);
  const direction = `${partner}>${me}`;
  const [now] = useState(() => new Date().toISOString());
  const before = useMemo(() => inForceAt(sheets.data ?? [], direction, now), [sheets.data, direction, now]);
  const old = useSheetFile(partner, before?.id);
  const lacks = mapping ? missing(mapping) : [];
  const beforeReady = sheets.isSuccess && (!before || old.data !== undefined);

  const take = async (file: File) => {
    setError(undefined);
    setFound(undefined);
    setOpened(undefined);
    setName(file.name);
    try {
      const o = await reading!.ask<"open">({ do: "open", file });
      if (!o.header.length) throw new Error(t("noHeader"));
      setOpened(o);
      setMapping(o.mapping);
    } catch (err) {
      setError(err);
    }
  };

  // The preview follows the mapping.
  const key = JSON.stringify(mapping);
  useEffect(() => {
    setFound(undefined);
    if (!reading || !mapping || lacks.length || !beforeReady) return;
    let left = false;
    const timer = setTimeout(() => {
      setShare(0);
      reading
        .ask<"read">({ do: "read", mapping, before: old.data }, (s) => !left && setShare(s))
        .then(
          (r) => !left && setFound(r),
          (err: unknown) => !left && setError(err),
        )
        .finally(() => !left && setShare(undefined));
    }, 250);
    return () => {
      left = true;
      clearTimeout(timer);
    };
    // eslint-disable-next-line
  }, [key, reading, beforeReady, old.data]);

  const send = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const d = await propose(partner, found!.text, day ? `${day}T00:00:00Z` : "");
      notifications.show({ color: "teal", message: t("isProposed", { id: d.record.id }) });
      void queries.invalidateQueries();
      void navigate({ to: `/sheets/${encodeURIComponent(partner)}/${encodeURIComponent(d.record.id)}` });
    } catch (err) {
      setError(err);
    } finally {
      setBusy(false);
    }
  };

  const set = (f: Field, column: number | undefined, constant?: string) => {
    if (!mapping) return;
    const columns = { ...mapping.columns };
    if (column === undefined) delete columns[f];
    else columns[f] = column;
    setMapping({ ...mapping, columns, constants: { ...mapping.constants, [f]: constant ?? mapping.constants[f] } });
  };
  const number = (n: number) => n.toLocaleString(i18n.language);
  return (
    <Page title={t("upload")} lead={t("uploadLead")} crumbs={[{ text: t("title"), to: "/sheets" }]}>
      <Card withBorder component="section" aria-label={t("fileStep")}>
        <Stack>
          <Title order={2} size="h4">
            {t("fileStep")}
          </Title>
          <Group align="flex-end">
            <Select label={t("partner")} data={partners.data ?? []} value={partner || null} allowDeselect={false} searchable w={220} onChange={(v) => void navigate({ to: "/sheets/upload", search: { partner: v } as never, replace: true })} />
            <Button variant="default" onClick={() => download("rate-sheet.csv", new Blob([sample], { type: "text/csv;charset=utf-8" }))}>
              {t("sample")}
            </Button>
          </Group>
          <FileDrop label={t("drop")} hint={name || t("dropHint")} accept=".csv,.txt,.tsv,.xlsx,text/csv,application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" disabled={!reading || !partner} onFiles={([f]) => f && void take(f)} />
          <ProblemAlert error={error ?? sheets.error ?? old.error} />
        </Stack>
      </Card>
      {opened && mapping && (
        <Card withBorder component="section" aria-label={t("mapStep")}>
          <Stack>
            <Title order={2} size="h4">
              {t("mapStep")}
            </Title>
            <Text size="sm">{t("mapText", { rows: number(opened.rows) })}</Text>
            <Table.ScrollContainer minWidth={480} type="native" tabIndex={0}>
              <Table withColumnBorders fz="xs">
                <Table.Thead>
                  <Table.Tr>
                    {opened.header.map((h, i) => (
                      <Table.Th key={i}>{h || `#${i + 1}`}</Table.Th>
                    ))}
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {opened.head.map((r, i) => (
                    <Table.Tr key={i}>
                      {r.map((c, j) => (
                        <Table.Td key={j}>{c}</Table.Td>
                      ))}
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
            <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
              {[...fields, ...extra].map((f) => (
                <Group key={f} gap={6} align="flex-end" wrap="nowrap">
                  <Select
                    style={{ flex: 1 }}
                    label={t(`fields.${f}`)}
                    placeholder={t("noColumn")}
                    clearable
                    data={opened.header.map((h, i) => ({ value: String(i), label: h || `#${i + 1}` }))}
                    value={mapping.columns[f] === undefined ? null : String(mapping.columns[f])}
                    error={lacks.includes(f) ? t("needed") : undefined}
                    onChange={(v) => set(f, v === null ? undefined : Number(v))}
                  />
                  {mapping.columns[f] === undefined && <TextInput w={130} aria-label={t("constantOf", { field: t(`fields.${f}`) })} placeholder={t("constant")} value={mapping.constants[f] ?? ""} onChange={(e) => set(f, undefined, e.currentTarget.value)} />}
                </Group>
              ))}
              <Select
                label={t("decimal")}
                allowDeselect={false}
                data={[
                  { value: ".", label: t("point") },
                  { value: ",", label: t("comma") },
                ]}
                value={mapping.decimal}
                onChange={(v) => v && setMapping({ ...mapping, decimal: v as Mapping["decimal"] })}
              />
              <Select label={t("dates")} allowDeselect={false} data={(["iso", "dmy", "mdy"] as const).map((value) => ({ value, label: t(`dateForms.${value}`) }))} value={mapping.dates} onChange={(v) => v && setMapping({ ...mapping, dates: v as Mapping["dates"] })} />
            </SimpleGrid>
            {share !== undefined && <Progress value={share * 100} aria-label={t("readingRows")} animated />}
          </Stack>
        </Card>
      )}
      {found && (
        <Card withBorder component="section" aria-label={t("previewStep")}>
          <Stack>
            <Title order={2} size="h4">
              {t("previewStep")}
            </Title>
            <Alert color={found.count.rejected ? "yellow" : "teal"} role="status">
              {t("counts", { read: number(found.count.read), accepted: number(found.count.accepted), rejected: number(found.count.rejected), duplicate: number(found.count.duplicate), codes: number(found.codes) })}
            </Alert>
            {found.errors.length > 0 && (
              <DataTable
                label={t("errors")}
                rows={fixedRows(found.errors)}
                rowKey={(e) => `${e.line}/${e.field}`}
                file="row-errors"
                height={220}
                empty={null}
                columns={[
                  { id: "line", header: t("line"), right: true, width: "90px", cell: (e) => e.line, value: (e) => e.line },
                  { id: "field", header: t("field"), cell: (e) => t(`fields.${e.field}`), value: (e) => e.field },
                  { id: "problem", header: t("problem"), width: "minmax(200px, 2fr)", cell: (e) => t(`rowProblems.${e.problem}`), value: (e) => e.problem },
                  { id: "value", header: t("value"), cell: (e) => e.value || "–", value: (e) => e.value },
                ]}
              />
            )}
            <Text size="sm" c="dimmed">
              {before ? t("against", { id: before.id }) : t("againstNone")}
            </Text>
            {found.codes ? <ChangesTable changes={found.changes} of={found.kinds} kind={kind} onKind={setKind} file="rate-changes" /> : <Empty title={t("nothingLeft")}>{t("nothingLeftText")}</Empty>}
            <Group align="flex-end">
              <TextInput type="date" label={t("fromDay")} description={t("fromDayText", { from: found.from })} value={day} onChange={(e) => setDay(e.currentTarget.value)} />
              <Button loading={busy} disabled={!found.codes} onClick={() => void send()}>
                {found.count.rejected ? t("proposeWithout", { n: number(found.count.rejected) }) : t("propose")}
              </Button>
            </Group>
            <Text size="sm" c="dimmed">
              {t("proposeText", { partner })}
            </Text>
          </Stack>
        </Card>
      )}
    </Page>
  );
}
