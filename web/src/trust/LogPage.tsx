import { Badge, Button, Checkbox, Drawer, Group, Stack, Table, Text, TextInput, Title, UnstyledButton } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Loaded, Page } from "@/ui/Page";
import { Subject } from "@/ui/Subject";
import { When } from "@/ui/When";

import { Fact, Hash, PartnerSelect, useBilaterals } from "./parts";
import type { LogSearch } from "./routes";
import { before, latest, short } from "./steps";

type Entry = Schema<"Entry">;

const kinds = (e: Entry) => [...e.receipts.map((r) => r.kind), ...(e.notes ?? []).map((n) => n.kind)];
const codes = (e: Entry) => [...new Set([e.code, ...e.receipts.map((r) => r.code), ...(e.notes ?? []).map((n) => n.code)].filter(Boolean))] as string[];
const what = (e: Entry) => e.receipts.flatMap((r) => r.events ?? []).map((x) => x.subject);

const near = 500; // entries that the latest are

// LogPage shows a channel's envelopes: commands, receipts, and the heads they lead to.
export function LogPage() {
  const { t } = useTranslation("trust");
  const search = useSearch({ strict: false }) as LogSearch;
  const navigate = useNavigate();
  const set = (s: LogSearch) => void navigate({ to: "/trust/log", search: { ...search, ...s } as never, replace: true, resetScroll: false });
  const [kind, setKind] = useState(search.kind ?? "");
  const soon = useDebouncedCallback((v: string) => set({ kind: v.trim() || undefined }), 400);
  const { partner } = search;
  // Where the end is, to begin near it. What is filtered is looked for in all of the log.
  const filtered = Boolean(search.kind || search.refused);
  const omniEnd = api.useQuery("get", "/v1/network/log", { params: { query: { limit: 1, total: true } } }, { enabled: !partner && !filtered, meta: { still: true } });
  const ownEnd = api.useQuery("get", "/v1/bilaterals/{partner}/log", { params: { path: { partner: partner ?? "" }, query: { limit: 1, total: true } } }, { enabled: Boolean(partner) && !filtered, meta: { still: true } });
  const end = partner ? ownEnd : omniEnd;
  const total = end.data?.total ?? 0;
  const after = filtered || search.begin === "first" ? undefined : latest(total, near);
  const query = { kind: search.kind, refused: search.refused, ...(after ? { after } : {}) };
  const ready = filtered || end.data !== undefined;
  const omni = usePages("/v1/network/log", { query }, { enabled: !partner && ready });
  const own = usePages("/v1/bilaterals/{partner}/log", { path: { partner: partner ?? "" }, query }, { enabled: Boolean(partner) && ready });
  const rows = partner ? own : omni;
  const columns: Column<Entry>[] = [
    { id: "height", header: t("height"), width: "90px", right: true, cell: (e) => e.height, value: (e) => e.height },
    { id: "time", header: t("time"), width: "220px", cell: (e) => <When at={e.time} size="sm" />, value: (e) => e.time },
    {
      id: "commands",
      header: t("commands"),
      width: "minmax(220px, 1.4fr)",
      cell: (e) => (
        <UnstyledButton onClick={() => set({ entry: e.cursor })} c="var(--mantine-color-anchor)" fz="sm" style={{ minHeight: 24, overflow: "hidden", textOverflow: "ellipsis" }}>
          {kinds(e).slice(0, 3).join(", ") || t("envelope")}
          {kinds(e).length > 3 && ` +${kinds(e).length - 3}`}
        </UnstyledButton>
      ),
      value: (e) => kinds(e).join(" "),
    },
    { id: "subject", header: t("subject"), width: "minmax(200px, 1.6fr)", cell: (e) => <Text size="sm" truncate>{what(e)[0] ?? ""}</Text>, value: (e) => what(e).join(" ") },
    {
      id: "outcome",
      header: t("outcome"),
      width: "150px",
      cell: (e) => (codes(e).length ? <Badge color="red" variant="light" className="state">{codes(e)[0]}</Badge> : <Badge color="teal" variant="light" className="state">{t("done")}</Badge>),
      value: (e) => codes(e).join(" "),
    },
    { id: "sender", header: t("sender"), width: "170px", cell: (e) => <Text size="sm" ff="monospace">{short(e.sender)}</Text>, value: (e) => e.sender },
  ];
  return (
    <Page title={t("logTitle")} lead={t("logLead")}>
      <Group align="flex-end" gap="sm">
        <PartnerSelect value={partner} onChange={(p) => set({ partner: p, entry: undefined, begin: undefined })} all={t("omnilateral")} />
        <TextInput
          label={t("kind")}
          placeholder="invoice.accept"
          maxLength={40}
          value={kind}
          onChange={(e) => {
            setKind(e.currentTarget.value);
            soon(e.currentTarget.value);
          }}
        />
        <Checkbox label={t("onlyRefused")} checked={search.refused ?? false} onChange={(e) => set({ refused: e.currentTarget.checked || undefined })} pb={8} />
        {!filtered && total > near && (
          <Button variant="default" onClick={() => set({ begin: search.begin ? undefined : "first" })}>
            {t(search.begin ? "toLatest" : "toFirst")}
          </Button>
        )}
      </Group>
      {partner && <Heads partner={partner} />}
      <DataTable
        label={t("logTitle")}
        columns={columns}
        rows={rows}
        rowKey={(e) => e.cursor}
        file={`log-${partner ?? "omnilateral"}`}
        empty={<Empty title={t("noEntries")}>{t(filtered ? "noEntriesFiltered" : "noEntriesText")}</Empty>}
      />
      <OneEntry cursor={search.entry} partner={partner} known={rows.rows} close={() => set({ entry: undefined })} />
    </Page>
  );
}

// Heads says how far the channel's log is signed by both and stands on the Omnilateral.
function Heads({ partner }: { partner: string }) {
  const { t } = useTranslation("trust");
  const list = useBilaterals();
  const b = list.data?.items.find((x) => x.partner === partner && x.state === "open") ?? list.data?.items.find((x) => x.partner === partner);
  if (!b) return null;
  return (
    <dl className="facts">
      <Fact name={t("position")}>{b.position}</Fact>
      <Fact name={t("attested")}>{b.attested}</Fact>
      <Fact name={t("stateRoot")}>
        <Hash of={b.root} name={t("stateRoot")} />
      </Fact>
      <Fact name={t("channelId")}>
        <Hash of={b.channel} name={t("channelId")} />
      </Fact>
      {b.unanswered_since && (
        <Fact name={t("unanswered")}>
          <When at={b.unanswered_since} />
        </Fact>
      )}
    </dl>
  );
}

function OneEntry({ cursor, partner, known, close }: { cursor?: string; partner?: string; known: Entry[]; close: () => void }) {
  const { t } = useTranslation("trust");
  const here = known.find((e) => e.cursor === cursor);
  const after = cursor ? before(cursor) : undefined;
  const wanted = Boolean(after !== undefined && !here);
  const own = api.useQuery("get", "/v1/bilaterals/{partner}/log", { params: { path: { partner: partner ?? "" }, query: { after, limit: 1 } } }, { enabled: wanted && Boolean(partner), meta: { still: true } });
  const omni = api.useQuery("get", "/v1/network/log", { params: { query: { after, limit: 1 } } }, { enabled: wanted && !partner, meta: { still: true } });
  const asked = partner ? own : omni;
  const entry = here ?? asked.data?.items[0];
  return (
    <Drawer opened={cursor !== undefined} onClose={close} position="right" size="lg" title={t("entry")} closeButtonProps={{ "aria-label": t("ui:close") }}>
      {entry ? (
        <Stack>
          <dl className="facts">
            <Fact name={t("height")}>
              {entry.height}, {t("index")} {entry.index}
            </Fact>
            <Fact name={t("time")}>
              <When at={entry.time} />
            </Fact>
            <Fact name={t("sender")}>
              <Hash of={entry.sender} name={t("sender")} />
            </Fact>
            <Fact name={t("envelope")}>
              <Hash of={entry.envelope} name={t("envelope")} />
            </Fact>
            {entry.code && <Fact name={t("outcome")}>{entry.code}</Fact>}
          </dl>
          {entry.receipts.map((r) => (
            <Stack key={r.command} gap="xs" className="rows" p="sm">
              <Group justify="space-between">
                <Title order={3} size="h5">
                  {r.kind}
                </Title>
                {r.code ? (
                  <Badge color="red" variant="light" className="state">
                    {r.code}
                  </Badge>
                ) : (
                  <Badge color="teal" variant="light" className="state">
                    {t("done")}
                  </Badge>
                )}
              </Group>
              {r.detail && <Text size="sm">{r.detail}</Text>}
              {r.remedy && (
                <Text size="sm" c="dimmed">
                  {r.remedy}
                </Text>
              )}
              <dl className="facts">
                {r.field && <Fact name={t("ui:problem.field")}>{r.field}</Fact>}
                {r.delegate && (
                  <Fact name={t("signedBy")}>
                    <Hash of={r.delegate} name={t("signedBy")} /> {r.limit && `${t("limit")} ${r.limit}`}
                  </Fact>
                )}
                {r.writes && (
                  <Fact name={t("writes")}>
                    <Hash of={r.writes} name={t("writes")} />
                  </Fact>
                )}
              </dl>
              {r.events && r.events.length > 0 && (
                <Table aria-label={t("events")}>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>{t("event")}</Table.Th>
                      <Table.Th>{t("subject")}</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {r.events.map((x, i) => (
                      <Table.Tr key={i}>
                        <Table.Td>{x.kind}</Table.Td>
                        <Table.Td style={{ overflowWrap: "anywhere" }}>
                          {partner ? <Subject of={x.subject} partner={partner} /> : x.subject} {x.detail && <Text size="xs">{x.detail}</Text>}
                        </Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              )}
            </Stack>
          ))}
          {(entry.notes ?? []).map((n, i) => (
            <Text key={i} size="sm">
              {n.kind} {n.code}
            </Text>
          ))}
        </Stack>
      ) : after === undefined ? (
        <Empty title={t("noEntry")} />
      ) : (
        <Loaded of={asked}>{() => <Empty title={t("noEntry")} />}</Loaded>
      )}
    </Drawer>
  );
}
