import { Alert, Button, Card, Group, Stack, Tabs, Text, Textarea, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api, queries } from "@/api/client";
import { useMay, useSession } from "@/api/session";
import { DataTable } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { EraseFile } from "@/ui/EraseFile";
import { Facts } from "@/ui/Facts";
import { fixedRows } from "@/ui/fixedRows";
import { GoTo } from "@/ui/GoTo";
import { Hash } from "@/ui/Hash";
import { Loaded, Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { StateBadge } from "@/ui/StateBadge";
import { Step } from "@/ui/Step";
import { When } from "@/ui/When";

import { ChangesTable } from "./ChangesTable";
import { inForceAt, propose, useAllSheets, useSheetFile, type Sheet } from "./queries";
import { short } from "./rates";
import { useReading } from "./reading";
import type { sheetTab } from "./search";

type Search = ReturnType<typeof sheetTab>;

// SheetPage shows one sheet: who proposed it, what it changes, and its rows.
export function SheetPage() {
  const { t } = useTranslation("sheets");
  const { partner, id } = useParams({ strict: false }) as { partner: string; id: string };
  const search: Search = useSearch({ strict: false });
  const navigate = useNavigate();
  const may = useMay();
  const sheet = api.useQuery("get", "/v1/bilaterals/{partner}/sheets/{id}", { params: { path: { partner, id } } });
  const go = (s: Search) => void navigate({ to: `/sheets/${encodeURIComponent(partner)}/${encodeURIComponent(id)}`, search: s as never, replace: true });
  return (
    <Page title={t("sheetTitle", { id })} crumbs={[{ text: t("title"), to: "/sheets" }]} lead={<GoTo to={`/partners/${encodeURIComponent(partner)}`}>{partner}</GoTo>}>
      <Loaded of={sheet}>
        {(s) => (
          <Stack>
            <Notice sheet={s} partner={partner} />
            <Card withBorder>
              <Facts
                of={[
                  [t("state"), <StateBadge state={s.effective ? "in-force" : s.state} key="s" />],
                  [t("direction"), s.direction.replace(">", " → ")],
                  [t("from"), <When at={s.from} key="f" />],
                  [t("rows"), s.rows],
                  [t("agreement"), <GoTo to={`/agreements/${encodeURIComponent(partner)}/${encodeURIComponent(s.agreement)}`} key="a">{s.agreement}</GoTo>],
                  [t("proposed"), <Signed by={s.proposed.by} at={s.proposed.time} key="p" />],
                  [t("acknowledged"), s.acknowledged ? <Signed by={s.acknowledged.by} at={s.acknowledged.time} key="k" /> : t("notYet")],
                  [t("accepted"), s.accepted ? <Signed by={s.accepted.by} at={s.accepted.time} key="c" /> : t("notYet")],
                  [t("raises"), t(s.raises ? "yes" : "no")],
                  ...(s.why ? ([[t("why"), s.why]] as [string, ReactNode][]) : []),
                  [t("root"), <Hash value={s.root} label={t("root")} key="r" />],
                  [
                    t("file"),
                    <Group key="h" gap="xs">
                      <Hash value={s.file} label={t("file")} />
                      {s.state === "rejected" && <EraseFile hash={s.file} name={t("sheetNamed", { id: s.id })} />}
                    </Group>,
                  ],
                ]}
              />
            </Card>
            {may("get-sheet-file") && <Contents sheet={s} partner={partner} search={search} go={go} />}
          </Stack>
        )}
      </Loaded>
    </Page>
  );
}

function Signed({ by, at }: { by: string; at: string }) {
  return (
    <>
      {by}, <When at={at} />
    </>
  );
}

type Answering = "accept" | "acknowledge" | "reject" | "withdraw";

// Notice is what can be done about a sheet now: what the API allows this side.
function Notice({ sheet: s, partner }: { sheet: Sheet; partner: string }) {
  const { t } = useTranslation("sheets");
  const may = useMay();
  const me = useSession()?.carrier ?? "";
  const [asking, setAsking] = useState<"reject" | "withdraw">();
  const [why, setWhy] = useState("");
  const path = { partner, id: s.id };
  const done = (key: string) => () => {
    notifications.show({ color: "teal", message: t(key) });
    setAsking(undefined);
    void queries.invalidateQueries();
  };
  const acknowledge = api.useMutation("post", "/v1/bilaterals/{partner}/sheets/{id}/acknowledge", { onSuccess: done("isAcknowledged") });
  const accept = api.useMutation("post", "/v1/bilaterals/{partner}/sheets/{id}/accept", { onSuccess: done("isAccepted") });
  const reject = api.useMutation("post", "/v1/bilaterals/{partner}/sheets/{id}/reject", { onSuccess: done("isRejected") });
  const withdraw = api.useMutation("post", "/v1/bilaterals/{partner}/sheets/{id}/withdraw", { onSuccess: done("isWithdrawn") });
  const can = (what: Answering) => s.allowed.includes(what) && may(`${what}-sheet`);
  const ours = s.proposed.by === me;
  const step = asking === "withdraw" ? withdraw : reject;
  return (
    <>
      {s.allowed.length > 0 && (
        <Alert color={ours ? "blue" : "yellow"} title={ours ? t("noticeOut") : t("noticeIn", { partner })}>
          <Stack gap="sm">
            <Text size="sm">{ours ? t("noticeOutText", { partner }) : t(s.raises ? "noticeRaises" : "noticeText")}</Text>
            <ProblemAlert error={acknowledge.error ?? accept.error} />
            <Group gap="xs">
              {can("accept") && (
                <Button size="sm" loading={accept.isPending} onClick={() => accept.mutate({ params: { path } })}>
                  {t("accept")}
                </Button>
              )}
              {can("acknowledge") && (
                <Button size="sm" variant="default" loading={acknowledge.isPending} onClick={() => acknowledge.mutate({ params: { path } })}>
                  {t("acknowledge")}
                </Button>
              )}
              {(["reject", "withdraw"] as const).map(
                (what) =>
                  can(what) && (
                    <Button key={what} size="sm" variant="default" onClick={() => setAsking(what)}>
                      {t(what)}
                    </Button>
                  ),
              )}
            </Group>
          </Stack>
        </Alert>
      )}
      {ours && <Again sheet={s} partner={partner} />}
      {asking && (
        <Step title={t(asking)} text={asking === "withdraw" ? t("withdrawText", { partner }) : undefined} color="red" onClose={() => setAsking(undefined)} onSubmit={() => step.mutate({ params: { path }, body: { why } })} busy={step.isPending} error={step.error}>
          <Textarea label={t("why")} description={t("whyText")} maxLength={500} autosize minRows={2} value={why} onChange={(e) => setWhy(e.currentTarget.value)} data-autofocus />
        </Step>
      )}
    </>
  );
}

// Again proposes the rows of an earlier sheet of ours once more: so one goes back to it.
function Again({ sheet, partner }: { sheet: Sheet; partner: string }) {
  const { t } = useTranslation("sheets");
  const may = useMay();
  const navigate = useNavigate();
  const [opened, setOpened] = useState(false);
  const [day, setDay] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const file = useSheetFile(partner, opened ? sheet.id : undefined);
  // While it waits for an answer there is nothing to go back to.
  if (!may("propose-sheet") || sheet.allowed.length > 0) return null;
  const send = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const d = await propose(partner, file.data ?? "", `${day}T00:00:00Z`);
      notifications.show({ color: "teal", message: t("isProposed", { id: d.record.id }) });
      void queries.invalidateQueries();
      setOpened(false);
      void navigate({ to: `/sheets/${encodeURIComponent(partner)}/${encodeURIComponent(d.record.id)}` });
    } catch (err) {
      setError(err);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Group>
        <Button variant="default" onClick={() => setOpened(true)}>
          {t("goBack")}
        </Button>
      </Group>
      {opened && (
        <Step title={t("goBack")} text={t("goBackText")} confirm={t("propose")} onClose={() => setOpened(false)} onSubmit={() => void send()} busy={busy || file.isFetching} error={error ?? file.error} disabled={!day}>
          <TextInput type="date" required label={t("fromDay")} value={day} onChange={(e) => setDay(e.currentTarget.value)} data-autofocus />
        </Step>
      )}
    </>
  );
}

function Contents({ sheet, partner, search, go }: { sheet: Sheet; partner: string; search: Search; go: (s: Search) => void }) {
  const { t } = useTranslation("sheets");
  const reading = useReading();
  const sheets = useAllSheets(partner);
  const before = useMemo(() => inForceAt((sheets.data ?? []).filter((x) => x.id !== sheet.id && Date.parse(x.proposed.time) < Date.parse(sheet.proposed.time)), sheet.direction, sheet.from), [sheets.data, sheet]);
  const file = useSheetFile(partner, sheet.id);
  const old = useSheetFile(partner, before?.id);
  const ready = Boolean(reading && file.data !== undefined && sheets.data && (!before || old.data !== undefined));
  const found = useQuery({
    queryKey: ["sheet-content", partner, sheet.id, before?.id],
    enabled: ready,
    staleTime: Infinity,
    meta: { still: true },
    queryFn: async () => {
      const rows = await reading!.ask<"own">({ do: "own", text: file.data! });
      const d = await reading!.ask<"diff">({ do: "diff", before: old.data ?? "", after: file.data!, at: sheet.from });
      return { rows, ...d };
    },
  });
  const tab = search.tab ?? "changes";
  const needle = search.q?.toLowerCase();
  const rows = useMemo(() => (found.data?.rows ?? []).filter((r) => !needle || r.prefix.startsWith(needle) || r.destination.toLowerCase().includes(needle)), [found.data, needle]);
  const failed = file.error ?? sheets.error ?? old.error;
  if (failed) return <ProblemAlert error={failed} retry={() => void file.refetch()} />;
  return (
    <Loaded of={found}>
      {(x) => (
        <Tabs value={tab} onChange={(v) => go({ tab: v as Search["tab"] })} keepMounted={false}>
          <Tabs.List>
            <Tabs.Tab value="changes">{t("changes")}</Tabs.Tab>
            <Tabs.Tab value="rows">{t("allRows")}</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="changes" pt="md">
            <Text size="sm" c="dimmed" mb="xs">
              {before ? t("against", { id: before.id }) : t("againstNone")}
            </Text>
            <ChangesTable changes={x.changes} of={x.kinds} kind={search.kind} onKind={(kind) => go({ ...search, kind })} file={`changes-${sheet.id}`} />
          </Tabs.Panel>
          <Tabs.Panel value="rows" pt="md">
            <DataTable
              label={t("allRows")}
              rows={fixedRows(rows)}
              rowKey={(r) => String(r.line)}
              file={`sheet-${sheet.id}`}
              height={460}
              empty={<Empty title={t("noMatch")} />}
              toolbar={<TextInput aria-label={t("find")} placeholder={t("find")} w={260} value={search.q ?? ""} onChange={(e) => go({ ...search, tab: "rows", q: e.currentTarget.value || undefined })} />}
              columns={[
                { id: "destination", header: t("fields.destination"), width: "minmax(160px, 2fr)", cell: (r) => r.destination, value: (r) => r.destination },
                { id: "prefix", header: t("fields.prefix"), cell: (r) => <span className="numbers">{r.origin_prefix ? `${r.origin_prefix} → ${r.prefix}` : r.prefix}</span>, value: (r) => r.prefix },
                { id: "rate", header: t("fields.rate"), right: true, width: "130px", cell: (r) => (r.blocked ? t("blocked") : <span className="numbers">{short(r.rate)}</span>), value: (r) => (r.blocked ? "blocked" : r.rate) },
                { id: "currency", header: t("fields.currency"), width: "100px", cell: (r) => r.currency, value: (r) => r.currency },
                { id: "unit", header: t("fields.unit_seconds"), right: true, width: "130px", cell: (r) => r.unit_seconds, value: (r) => r.unit_seconds },
                { id: "minimum", header: t("fields.minimum_seconds"), right: true, width: "120px", cell: (r) => r.minimum_seconds, value: (r) => r.minimum_seconds },
                { id: "increment", header: t("fields.increment_seconds"), right: true, width: "120px", cell: (r) => r.increment_seconds, value: (r) => r.increment_seconds },
                { id: "from", header: t("fields.valid_from"), width: "210px", cell: (r) => <When at={r.valid_from} shape={{ seconds: false }} />, value: (r) => r.valid_from },
                { id: "to", header: t("fields.valid_to"), width: "210px", cell: (r) => <When at={r.valid_to} shape={{ seconds: false }} />, value: (r) => r.valid_to },
              ]}
            />
          </Tabs.Panel>
        </Tabs>
      )}
    </Loaded>
  );
}
