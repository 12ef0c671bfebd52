import { Alert, Badge, Button, Card, Group, Progress, Select, SimpleGrid, Stack, Tabs, Text, Textarea, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import { useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, queries, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { fixed, usePartners } from "@/api/partners";
import { sent } from "@/api/sent";
import { useMay } from "@/api/session";
import { numberFormat } from "@/lib/formats";
import type { Search } from "@/lib/search";
import { Action } from "@/ui/Action";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { EraseFile } from "@/ui/EraseFile";
import { FileDrop } from "@/ui/FileDrop";
import { Choice, PartnerSelect, useFilters } from "@/ui/Filters";
import { Money } from "@/ui/Money";
import { Loaded, Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { SmallTable } from "@/ui/SmallTable";
import { StateBadge } from "@/ui/StateBadge";
import { Step } from "@/ui/Step";
import { Between, useZone, When } from "@/ui/When";

import { formatOf, upload, type Upload } from "./upload";

type Filters = Search<{ partner: "text"; tab: "text"; state: "text" }>;
const tabs = ["imports", "exceptions", "signals", "archive", "summary"] as const;
const needs = { imports: "list-imports", exceptions: "list-exceptions", signals: "list-signals", archive: "list-archive", summary: "get-summary" };

// UsagePage is this carrier's own call records of one partner at a time.
export function UsagePage() {
  const { t } = useTranslation("usage");
  const may = useMay();
  const [f, set] = useFilters<Filters>();
  const partners = usePartners();
  const partner = f.partner ?? partners.codes?.[0];
  const tab = f.tab ?? "imports";
  return (
    <Page title={t("title")} lead={t("lead")} actions={<PartnerSelect all={false} value={partner} onChange={(p) => set({ partner: p })} />}>
      {partners.error && !partner ? (
        <ProblemAlert error={partners.error} retry={partners.retry} />
      ) : !partner ? (
        partners.codes && <Empty title={t("noPartner")}>{t("noPartnerText")}</Empty>
      ) : (
        <>
          {may("import-usage") && <Import partner={partner} key={partner} />}
          <Tabs value={tab} onChange={(v) => set({ tab: v === "imports" ? undefined : (v ?? undefined), state: undefined })} keepMounted={false}>
            <Tabs.List>
              {tabs.map((x) => may(needs[x]) && <Tabs.Tab key={x} value={x}>{t(x)}</Tabs.Tab>)}
            </Tabs.List>
            <Tabs.Panel value="imports" pt="md">
              <Imports partner={partner} />
            </Tabs.Panel>
            <Tabs.Panel value="exceptions" pt="md">
              <Exceptions partner={partner} />
            </Tabs.Panel>
            <Tabs.Panel value="signals" pt="md">
              <Signals partner={partner} state={f.state} set={(state) => set({ state })} />
            </Tabs.Panel>
            <Tabs.Panel value="archive" pt="md">
              <Archive partner={partner} />
            </Tabs.Panel>
            <Tabs.Panel value="summary" pt="md">
              <Summary partner={partner} />
            </Tabs.Panel>
          </Tabs>
        </>
      )}
    </Page>
  );
}

// Import sends a file, shows how far it is, and what became of each row.
function Import({ partner }: { partner: string }) {
  const { t, i18n } = useTranslation("usage");
  const { zone } = useZone();
  const [format, setFormat] = useState("");
  const [inZone, setZone] = useState("");
  const [name, setName] = useState("");
  const [share, setShare] = useState<number>();
  const [result, setResult] = useState<Schema<"Import">>();
  const [failure, setFailure] = useState<unknown>();
  const running = useRef<Upload>(undefined);
  const n = (v: number) => v.toLocaleString(i18n.language);
  const send = async (files: File[]) => {
    const file = files[0];
    if (!file) return;
    setName(file.name);
    setShare(0);
    setResult(undefined);
    setFailure(undefined);
    try {
      running.current = upload(partner, file, formatOf(format, inZone), setShare);
      setResult(await running.current.done);
      void queries.invalidateQueries();
    } catch (err) {
      setFailure(err);
    } finally {
      setShare(undefined);
    }
  };
  return (
    <Stack gap="sm">
      <Group align="flex-end" gap="sm">
        <Select
          label={t("format")}
          description={t("formatText")}
          data={[{ value: "", label: t("auto") }, ...["lateral", "jsonl", "parquet", "asterisk", "freeswitch", "kamailio"].map((x) => ({ value: x, label: x }))]}
          value={format}
          allowDeselect={false}
          onChange={(v) => setFormat(v ?? "")}
        />
        {["asterisk", "freeswitch", "kamailio"].includes(format) && <TextInput label={t("zone")} placeholder={zone} value={inZone} onChange={(e) => setZone(e.currentTarget.value)} />}
      </Group>
      <FileDrop label={t("drop")} hint={t("dropHint")} disabled={share !== undefined} onFiles={(files) => void send(files)} />
      {share !== undefined && (
        <Group gap="sm" wrap="nowrap">
          <Stack gap={4} style={{ flex: 1 }}>
            <Text size="sm" role="status" style={{ overflowWrap: "anywhere" }}>
              {t(share < 1 ? "sending" : "reading", { name })}
            </Text>
            <Progress value={share * 100} animated={share >= 1} striped={share >= 1} aria-label={t("sending", { name })} />
          </Stack>
          <Button variant="default" size="sm" onClick={() => running.current?.stop()}>
            {t("stop")}
          </Button>
        </Group>
      )}
      {Boolean(failure) && <ProblemAlert error={failure} />}
      {result && (
        <Alert color={result.rejected ? "yellow" : "teal"} icon={result.rejected ? <IconAlertTriangle aria-hidden /> : <IconCheck aria-hidden />} title={t("result", { name: result.name })} withCloseButton onClose={() => setResult(undefined)} closeButtonLabel={t("ui:close")} role="status">
          <Stack gap="xs">
            <Text fw={600} className="numbers" style={{ whiteSpace: "normal" }}>
              {t("equation", { read: n(result.read), accepted: n(result.accepted), rejected: n(result.rejected), duplicate: n(result.duplicate) })}
            </Text>
            {result.repeated && <Text size="sm">{t("repeated")}</Text>}
          </Stack>
        </Alert>
      )}
      {result && Boolean(result.rejects?.length) && <Rejects of={result} />}
    </Stack>
  );
}

function Rejects({ of }: { of: Schema<"Import"> }) {
  const { t, i18n } = useTranslation("usage");
  const columns = useMemo<Column<Schema<"UsageReject">>[]>(
    () => [
      { id: "line", header: t("row"), width: "100px", right: true, cell: (r) => r.line.toLocaleString(i18n.language), value: (r) => r.line },
      { id: "field", header: t("field"), width: "140px", cell: (r) => r.field ?? "–", value: (r) => r.field },
      { id: "code", header: t("code"), width: "170px", cell: (r) => r.code, value: (r) => r.code },
      { id: "detail", header: t("detail"), width: "minmax(280px, 3fr)", cell: (r) => <span title={r.detail}>{r.detail}</span>, value: (r) => r.detail },
    ],
    [t, i18n.language],
  );
  return (
    <DataTable
      label={t("rejects")}
      columns={columns}
      rows={fixed(of.rejects ?? [])}
      rowKey={(r) => `${r.line} ${r.field ?? ""} ${r.code}`}
      file={`rejected-${of.number}`}
      empty={null}
      height={320}
      toolbar={<Text size="sm">{t("rejectsFirst", { n: (of.rejects ?? []).length, all: of.rejected })}</Text>}
    />
  );
}

function Imports({ partner }: { partner: string }) {
  const { t, i18n } = useTranslation("usage");
  const may = useMay();
  const rows = usePages("/v1/bilaterals/{partner}/usage/imports", { path: { partner } as never, query: { descending: true } as never });
  const columns = useMemo<Column<Schema<"Import">>[]>(() => {
    const n = (v: number) => v.toLocaleString(i18n.language);
    return [
      { id: "number", header: t("number"), width: "90px", right: true, cell: (x) => x.number, value: (x) => x.number },
      { id: "name", header: t("name"), width: "minmax(180px, 1.6fr)", cell: (x) => <span title={x.name}>{x.name}</span>, value: (x) => x.name },
      { id: "time", header: t("when"), width: "minmax(225px, 1.2fr)", cell: (x) => <When at={x.time} />, value: (x) => x.time },
      { id: "read", header: t("read"), right: true, width: "100px", cell: (x) => n(x.read), value: (x) => x.read },
      { id: "accepted", header: t("accepted"), right: true, width: "110px", cell: (x) => n(x.accepted), value: (x) => x.accepted },
      { id: "rejected", header: t("rejected"), right: true, width: "110px", cell: (x) => (x.rejected ? <Badge color="yellow" variant="light">{n(x.rejected)}</Badge> : n(0)), value: (x) => x.rejected },
      { id: "duplicate", header: t("duplicate"), right: true, width: "110px", cell: (x) => n(x.duplicate), value: (x) => x.duplicate },
      { id: "format", header: t("format"), width: "120px", cell: (x) => x.format || t("auto"), value: (x) => x.format },
      { id: "sealed", header: t("sealed"), width: "100px", cell: (x) => t(x.sealed ? "yes" : "no"), value: (x) => x.sealed },
      ...(may("erase-file") ? [{ id: "erase", header: t("next"), width: "110px", cell: (x: Schema<"Import">) => <EraseFile hash={x.file} name={x.name} held={x.held} gone={t("erased")} />, value: () => "" }] : []),
    ];
  }, [t, i18n.language, may]);
  return <DataTable label={t("imports")} columns={columns} rows={rows} rowKey={(x) => String(x.number)} file={`imports-${partner}`} empty={<Empty title={t("noImports")}>{t("noImportsText")}</Empty>} />;
}

function Exceptions({ partner }: { partner: string }) {
  const { t, i18n } = useTranslation("usage");
  const rows = usePages("/v1/bilaterals/{partner}/usage/exceptions", { path: { partner } as never });
  const columns = useMemo<Column<Schema<"Exception">>[]>(
    () => [
      { id: "code", header: t("code"), width: "160px", cell: (x) => x.code, value: (x) => x.code },
      { id: "destination", header: t("destination"), cell: (x) => x.destination, value: (x) => x.destination },
      { id: "start", header: t("start"), width: "minmax(200px, 1.2fr)", cell: (x) => <When at={x.start} />, value: (x) => x.start },
      { id: "direction", header: t("direction"), cell: (x) => x.direction.replace(">", " → "), value: (x) => x.direction },
      { id: "period", header: t("period"), width: "minmax(260px, 1.6fr)", cell: (x) => <Between interval={x.period} />, value: (x) => x.period },
      { id: "import", header: t("import"), right: true, width: "90px", cell: (x) => x.import, value: (x) => x.import },
      { id: "line", header: t("row"), right: true, width: "100px", cell: (x) => x.line.toLocaleString(i18n.language), value: (x) => x.line },
    ],
    [t, i18n.language],
  );
  return <DataTable label={t("exceptions")} columns={columns} rows={rows} rowKey={(x) => `${x.import} ${x.line} ${x.code}`} file={`exceptions-${partner}`} empty={<Empty title={t("noExceptions")}>{t("noExceptionsText")}</Empty>} toolbar={<Text size="sm">{t("exceptionsText")}</Text>} />;
}

function Signals({ partner, state, set }: { partner: string; state: string | undefined; set: (v: string | undefined) => void }) {
  const { t } = useTranslation("usage");
  const may = useMay();
  const [judging, judge] = useState<Schema<"Signal">>();
  const rows = usePages("/v1/bilaterals/{partner}/usage/signals", { path: { partner } as never, query: { state } as never });
  const columns = useMemo<Column<Schema<"Signal">>[]>(
    () => [
      { id: "number", header: t("number"), width: "80px", right: true, cell: (x) => x.number, value: (x) => x.number },
      { id: "kind", header: t("kind"), width: "minmax(170px, 1.2fr)", cell: (x) => t(`kinds.${x.kind}`), value: (x) => x.kind },
      { id: "severity", header: t("severity"), width: "100px", cell: (x) => <Badge variant="light" tt="none" color={x.severity === "high" ? "red" : x.severity === "medium" ? "yellow" : "gray"}>{t(`severities.${x.severity}`)}</Badge>, value: (x) => x.severity },
      { id: "destination", header: t("destination"), cell: (x) => x.destination, value: (x) => x.destination },
      { id: "calls", header: t("calls"), width: "minmax(190px, 1.2fr)", cell: (x) => t("callsOf", { calls: x.calls, of: x.of, expected: x.expected }), value: (x) => x.calls },
      { id: "period", header: t("period"), width: "minmax(260px, 1.6fr)", cell: (x) => <Between interval={x.period} />, value: (x) => x.period },
      { id: "state", header: t("state"), width: "130px", cell: (x) => <StateBadge state={x.state} />, value: (x) => x.state },
      {
        id: "judge",
        header: t("judge"),
        width: "120px",
        cell: (x) =>
          may("acknowledge-signal") || may("dismiss-signal") ? (
            <Button size="compact-xs" variant="default" onClick={() => judge(x)} aria-label={`${t("judge")}: ${t("signal", { number: x.number })}`}>
              {t("judge")}
            </Button>
          ) : (
            (x.by ?? "–")
          ),
        value: (x) => x.by,
      },
    ],
    [t, may],
  );
  return (
    <>
      <DataTable
        label={t("signals")}
        columns={columns}
        rows={rows}
        rowKey={(x) => String(x.number)}
        file={`signals-${partner}`}
        empty={<Empty title={t("noSignals")}>{t("noSignalsText")}</Empty>}
        toolbar={<Choice label={t("state")} value={state} data={["open", "acknowledged", "dismissed"].map((v) => ({ value: v, label: t(v) }))} onChange={set} />}
      />
      {judging && <Judge x={judging} partner={partner} close={() => judge(undefined)} />}
    </>
  );
}

function Judge({ x, partner, close }: { x: Schema<"Signal">; partner: string; close: () => void }) {
  const { t } = useTranslation("usage");
  const may = useMay();
  const [why, setWhy] = useState("");
  const acknowledge = api.useMutation("post", "/v1/bilaterals/{partner}/usage/signals/{number}/acknowledge");
  const dismiss = api.useMutation("post", "/v1/bilaterals/{partner}/usage/signals/{number}/dismiss");
  const of = { params: { path: { partner, number: x.number } }, body: { why } };
  const options = {
    onSuccess: () => {
      notifications.show({ color: "teal", message: t("judged", { number: x.number }) });
      void queries.invalidateQueries();
      close();
    },
  };
  const error: unknown = acknowledge.error ?? dismiss.error;
  return (
    <Step
      title={t("signal", { number: x.number })}
      onClose={close}
      onSubmit={() => (may("acknowledge-signal") ? acknowledge : dismiss).mutate(of, options)}
      busy={acknowledge.isPending}
      error={error}
      confirm={t(may("acknowledge-signal") ? "acknowledge" : "dismiss")}
      other={
        may("dismiss-signal") &&
        may("acknowledge-signal") && (
          <Button variant="default" loading={dismiss.isPending} onClick={() => dismiss.mutate(of, options)}>
            {t("dismiss")}
          </Button>
        )
      }
    >
      <Text size="sm">
        {t(`kinds.${x.kind}`)} · {x.destination} · {t("callsOf", { calls: x.calls, of: x.of, expected: x.expected })}
      </Text>
      {x.trunk && <Text size="sm">{t("trunk", { name: x.trunk })}</Text>}
      <Text size="sm" c="dimmed">
        {t("sample", { rows: x.sample.slice(0, 8).map((s) => `${s.import}:${s.line}`).join(", ") })}
      </Text>
      {x.by && (
        <Text size="sm">
          {t(x.state)} {t("judgedBy", { name: x.by })} <When at={x.at} /> {x.why}
        </Text>
      )}
      <Textarea label={t("why")} value={why} onChange={(e) => setWhy(e.currentTarget.value)} maxLength={500} autosize minRows={2} data-autofocus />
    </Step>
  );
}

function Archive({ partner }: { partner: string }) {
  const { t, i18n } = useTranslation("usage");
  const may = useMay();
  const rows = usePages("/v1/bilaterals/{partner}/usage/archive", { path: { partner } as never, query: { descending: true } as never });
  const columns = useMemo<Column<Schema<"Archived">>[]>(
    () => [
      { id: "day", header: t("day"), cell: (x) => x.day, value: (x) => x.day },
      { id: "import", header: t("import"), right: true, width: "90px", cell: (x) => x.import, value: (x) => x.import },
      { id: "rows", header: t("rows"), right: true, cell: (x) => x.rows.toLocaleString(i18n.language), value: (x) => x.rows },
      { id: "size", header: t("size"), right: true, cell: (x) => `${numberFormat(i18n.language, { maximumFractionDigits: 1 }).format(x.size / 1000)} kB`, value: (x) => x.size },
      { id: "sealed", header: t("sealed"), cell: (x) => t(x.sealed ? "yes" : "no"), value: (x) => x.sealed },
      { id: "erased", header: t("erased"), width: "minmax(200px, 1fr)", cell: (x) => <When at={x.erased} />, value: (x) => x.erased },
      ...(may("erase-records")
        ? [
            {
              id: "erase",
              header: t("next"),
              width: "110px",
              cell: (x: Schema<"Archived">) => !x.erased && <Action size="compact-sm" color="red" label={t("erase")} text={t("eraseText", { day: x.day })} done={t("eraseDone", { day: x.day })} run={() => sent(client.DELETE("/v1/bilaterals/{partner}/usage/archive/{day}", { params: { path: { partner, day: x.day } } }))} />,
              value: () => "",
            },
          ]
        : []),
    ],
    [t, i18n.language, may, partner],
  );
  return <DataTable label={t("archive")} columns={columns} rows={rows} rowKey={(x) => `${x.day} ${x.import}`} file={`archive-${partner}`} empty={<Empty title={t("noArchive")}>{t("noArchiveText")}</Empty>} />;
}

function Summary({ partner }: { partner: string }) {
  const { t, i18n } = useTranslation("usage");
  const summary = api.useQuery("get", "/v1/bilaterals/{partner}/usage/summary", { params: { path: { partner } } });
  const n = (v: number) => v.toLocaleString(i18n.language);
  return (
    <Loaded of={summary}>
      {(s) => (
        <Stack>
          <Text fw={600} className="numbers" style={{ whiteSpace: "normal" }}>
            {t("equation", { read: n(s.read), accepted: n(s.accepted), rejected: n(s.rejected), duplicate: n(s.duplicate) })}
          </Text>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <Card withBorder>
              <Text size="xs" c="dimmed">
                {t("periodsWith")}
              </Text>
              <Text fw={650}>{n(s.periods)}</Text>
            </Card>
            <Card withBorder>
              <Text size="xs" c="dimmed">
                {t("last")}
              </Text>
              <When at={s.last} />
            </Card>
          </SimpleGrid>
          {s.totals.length === 0 ? (
            <Empty title={t("noTotals")} />
          ) : (
            <SmallTable
              label={t("summary")}
              caption={t("ratedAlone")}
              rows={s.totals}
              rowKey={(x) => `${x.direction} ${x.currency}`}
              columns={[
                { id: "direction", header: t("direction"), head: true, cell: (x) => x.direction.replace(">", " → ") },
                { id: "calls", header: t("calls"), right: true, cell: (x) => n(x.calls) },
                { id: "billed", header: t("billed"), right: true, cell: (x) => n(x.billed_seconds) },
                { id: "amount", header: t("amount"), right: true, cell: (x) => <Money amount={x.amount} currency={x.currency} /> },
              ]}
            />
          )}
        </Stack>
      )}
    </Loaded>
  );
}
