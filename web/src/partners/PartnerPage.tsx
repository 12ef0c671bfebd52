import { Alert, Badge, Button, Card, Group, List, SimpleGrid, Stack, Table, Tabs, Text, Title } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api, client, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { sent } from "@/api/sent";
import { useMay, useSession } from "@/api/session";
import { anyAmount } from "@/lib/amounts";
import { plain } from "@/lib/base64";
import { Action } from "@/ui/Action";
import { DataTable } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { EraseFile } from "@/ui/EraseFile";
import { Facts } from "@/ui/Facts";
import { GoTo } from "@/ui/GoTo";
import { Hash } from "@/ui/Hash";
import { Money } from "@/ui/Money";
import { Loaded, Page } from "@/ui/Page";
import { SmallTable } from "@/ui/SmallTable";
import { StateBadge } from "@/ui/StateBadge";
import { Subject } from "@/ui/Subject";
import { When } from "@/ui/When";

import { AddDelegate, RevokeDelegate } from "./Delegates";
import { RecordFile } from "./FileSteps";
import { useOwed, useProblems } from "./queries";
import type { partnerTab, Tab } from "./search";
import { VerifyPartner } from "./VerifyPartner";
import { Waiting } from "./Waiting";

type Bilateral = Schema<"Bilateral">;

// PartnerPage is all about one partner.
export function PartnerPage() {
  const { t } = useTranslation("partners");
  const { partner } = useParams({ strict: false }) as { partner: string };
  const search: ReturnType<typeof partnerTab> = useSearch({ strict: false });
  const navigate = useNavigate();
  const may = useMay();
  const bilateral = api.useQuery("get", "/v1/bilaterals/{partner}", { params: { path: { partner } } });
  const tab: Tab = search.tab ?? "overview";
  const panel = (name: Tab, content: ReactNode) => (
    <Tabs.Panel value={name} pt="md">
      {content}
    </Tabs.Panel>
  );
  return (
    <Page
      title={partner}
      crumbs={[{ text: t("title"), to: "/partners" }]}
      lead={bilateral.data && <StateBadge state={bilateral.data.state} />}
      actions={
        bilateral.data?.state === "open" && (
          <Group gap="sm">
            {may("rotate-channel") && <Action label={t("rotateChannel")} text={t("rotateChannelText", { partner })} done={t("rotateChannelDone")} run={() => sent(client.POST("/v1/bilaterals/{partner}/rotate", { params: { path: { partner } } }))} />}
            {may("end-bilateral") && (
              <Action
                label={t("endAll")}
                color="red"
                text={t("endAllText", { partner })}
                asks={[{ name: "why", label: t("why"), kind: "long", most: 255 }]}
                done={t("endAllDone")}
                run={(v) => sent(client.POST("/v1/bilaterals/{partner}/terminate", { params: { path: { partner } }, body: { why: v.why ? String(v.why) : undefined } }))}
              />
            )}
          </Group>
        )
      }
    >
      <Loaded of={bilateral}>
        {(b) => (
          <Tabs value={tab} onChange={(v) => void navigate({ to: `/partners/${encodeURIComponent(partner)}`, search: { tab: v } as never, replace: true })} keepMounted={false}>
            <Tabs.List>
              <Tabs.Tab value="overview">{t("overview")}</Tabs.Tab>
              {may("list-agreements") && <Tabs.Tab value="agreements">{t("agreements")}</Tabs.Tab>}
              {may("list-sheets") && <Tabs.Tab value="sheets">{t("sheets")}</Tabs.Tab>}
              {may("list-files") && <Tabs.Tab value="files">{t("files")}</Tabs.Tab>}
              {may("list-deadlines") && <Tabs.Tab value="waiting">{t("waiting")}</Tabs.Tab>}
            </Tabs.List>
            {panel("overview", <Overview bilateral={b} />)}
            {panel("agreements", <Agreements partner={partner} />)}
            {panel("sheets", <Sheets partner={partner} />)}
            {panel("files", <Files partner={partner} />)}
            {panel("waiting", <Waiting partner={partner} />)}
          </Tabs>
        )}
      </Loaded>
    </Page>
  );
}

function Part({ title, children, actions }: { title: string; children: ReactNode; actions?: ReactNode }) {
  return (
    <Card withBorder component="section">
      <Stack gap="sm">
        <Group justify="space-between">
          <Title order={2} size="h4">
            {title}
          </Title>
          {actions}
        </Group>
        {children}
      </Stack>
    </Card>
  );
}

function Overview({ bilateral: b }: { bilateral: Bilateral }) {
  const { t } = useTranslation("partners");
  const may = useMay();
  const problems = useProblems(may("list-problems")).get(b.partner) ?? [];
  const owed = useOwed(may("get-ageing")).get(b.partner) ?? [];
  return (
    <Stack>
      {b.state === "opening" && (
        <Alert color="blue" title={t("openingTitle")}>
          {t(b.opener === b.partner ? "openingByThem" : "openingByUs", { partner: b.partner })}
        </Alert>
      )}
      {b.problem && (
        <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title={t("haltedTitle")}>
          {b.problem}
        </Alert>
      )}
      {b.divergence && (
        <Alert color="yellow" icon={<IconAlertTriangle aria-hidden />} title={t("divergedTitle")}>
          <Text size="sm" mb="xs">
            {t("divergedText", { size: b.divergence.size })}
          </Text>
          {may("close-divergence") && !b.divergence.closed && (
            <Action
              size="compact-sm"
              label={t("closeDivergence")}
              text={t("closeDivergenceText", { partner: b.partner })}
              asks={[{ name: "why", label: t("why"), kind: "long", most: 255 }]}
              done={t("closeDivergenceDone")}
              run={(v) => sent(client.POST("/v1/bilaterals/{partner}/divergence/close", { params: { path: { partner: b.partner } }, body: { why: v.why ? String(v.why) : undefined, evidence: b.divergence?.evidence } }))}
            />
          )}
        </Alert>
      )}
      {Boolean(b.signed_twice?.length) && (
        <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title={t("twiceTitle")}>
          {t("twiceText", { member: b.signed_twice?.[0]?.member })}
        </Alert>
      )}
      {problems.length > 0 && (
        <Alert color="yellow" icon={<IconAlertTriangle aria-hidden />} title={t("problemsTitle", { count: problems.length })}>
          <List size="sm" spacing="xs">
            {problems.map((p, i) => (
              <List.Item key={i}>
                <Text size="sm" fw={500}>
                  <Subject of={p.subject} partner={b.partner} />: {p.detail}
                </Text>
                {p.remedy && <Text size="sm">{p.remedy}</Text>}
              </List.Item>
            ))}
          </List>
        </Alert>
      )}
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Part title={t("channel")}>
          <Facts
            of={[
              [t("state"), <StateBadge state={b.state} key="s" />],
              [t("opener"), b.opener],
              [t("position"), b.position],
              [t("attested"), t("attestedText", { height: b.attested })],
              [t("epoch"), b.epoch],
              ...(b.unanswered_since ? ([[t("unanswered"), <When at={b.unanswered_since} key="u" />]] as [string, ReactNode][]) : []),
              [t("channelId"), <Hash value={b.channel} label={t("channelId")} key="c" />],
              [t("root"), <Hash value={b.root} label={t("root")} key="r" />],
              ...(b.members?.sides ?? []).map((s): [string, ReactNode] => [t("keysOf", { member: s.member }), s.keys?.length ?? 0]),
            ]}
          />
        </Part>
        <Part title={t("owed")}>
          {owed.length ? (
            <Table.ScrollContainer minWidth={380}>
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>{t("payer")}</Table.Th>
                    <Table.Th ta="right">{t("notDue")}</Table.Th>
                    <Table.Th ta="right">{t("total")}</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {owed.map((a) => (
                    <Table.Tr key={a.payer + a.currency}>
                      <Table.Td>{a.payer}</Table.Td>
                      <Table.Td ta="right">
                        <Money amount={a.not_due} currency={a.currency} />
                      </Table.Td>
                      <Table.Td ta="right">
                        <Money amount={a.total} currency={a.currency} />
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          ) : (
            <Text size="sm" c="dimmed">
              {t("nothingOwed")}
            </Text>
          )}
          {may("get-credit") && <Credit partner={b.partner} />}
        </Part>
        <Reputation of={b.reputation} partner={b.partner} />
        {may("list-verified") && <Verification partner={b.partner} />}
      </SimpleGrid>
      {may("get-totals") && <Sums partner={b.partner} />}
      {may("list-delegates") && <Delegates partner={b.partner} />}
    </Stack>
  );
}

function Credit({ partner }: { partner: string }) {
  const { t } = useTranslation("partners");
  const credit = api.useQuery("get", "/v1/bilaterals/{partner}/credit", { params: { path: { partner } } });
  return (
    <Loaded of={credit} lines={2}>
      {({ credit: all }) =>
        all.length === 0 ? (
          <Text size="sm" c="dimmed">
            {t("noCredit")}
          </Text>
        ) : (
          <Stack gap="sm">
            {all.map((c) => (
              <div key={c.payer + c.currency}>
                <Group gap="xs" mb={4}>
                  <Title order={3} size="h6">
                    {t("creditOf", { payer: c.payer })}
                  </Title>
                  <Badge variant="light" color={c.state === "within" ? "teal" : c.state === "warned" ? "yellow" : "red"} className="state">
                    {t(`credit.${c.state}`)}
                  </Badge>
                </Group>
                <Facts
                  of={[
                    [t("allocation"), <Money amount={c.allocation} currency={c.currency} key="a" />],
                    [t("exposure"), <Money amount={c.exposure} currency={c.currency} key="e" />],
                    [t("available"), <Money amount={c.available} currency={c.currency} key="v" />],
                    [t("score"), t("scoreText", { score: c.score, days: c.history_days, count: c.invoices })],
                  ]}
                />
              </div>
            ))}
          </Stack>
        )
      }
    </Loaded>
  );
}

// Sums is what all invoices with the partner come to.
function Sums({ partner }: { partner: string }) {
  const { t, i18n } = useTranslation("partners");
  const sums = api.useQuery("get", "/v1/bilaterals/{partner}/totals", { params: { path: { partner } } });
  return (
    <Part title={t("sums")}>
      <Loaded of={sums} lines={2}>
        {({ totals }) =>
          totals.length ? (
            <SmallTable
              label={t("sums")}
              rows={totals}
              rowKey={(x) => `${x.direction} ${x.currency}`}
              columns={[
                { id: "direction", header: t("direction"), head: true, cell: (x) => x.direction.replace(">", " → ") },
                { id: "invoices", header: t("invoices"), right: true, cell: (x) => x.invoices.toLocaleString(i18n.language) },
                { id: "invoiced", header: t("invoiced"), right: true, cell: (x) => <Money amount={x.invoiced} currency={x.currency} size="sm" /> },
                { id: "settled", header: t("settled"), right: true, cell: (x) => <Money amount={x.settled} currency={x.currency} size="sm" /> },
                { id: "disputed", header: t("disputed"), right: true, cell: (x) => <Money amount={x.disputed} currency={x.currency} size="sm" /> },
                { id: "due", header: t("dueNow"), right: true, cell: (x) => <Money amount={x.due} currency={x.currency} size="sm" /> },
              ]}
            />
          ) : (
            <Text size="sm" c="dimmed">
              {t("noInvoices")}
            </Text>
          )
        }
      </Loaded>
    </Part>
  );
}

function Reputation({ of: r, partner }: { of: Schema<"Reputation"> | undefined; partner: string }) {
  const { t } = useTranslation("partners");
  const may = useMay();
  const say = r?.pseudonym && r.ours && may("state-reputation") && (
    <Action
      size="compact-sm"
      label={t("sayPays")}
      text={t("sayPaysText", { partner, onTime: r.ours.on_time, count: r.ours.invoices, days: r.ours.days })}
      done={t("sayPaysDone")}
      run={() => sent(client.POST("/v1/bilaterals/{partner}/reputation", { params: { path: { partner } } }))}
    />
  );
  return (
    <Part title={t("reputation")} actions={say}>
      {!r || r.counted === 0 ? (
        <Text size="sm" c="dimmed">
          {t("noReputation")}
        </Text>
      ) : (
        <Facts
          of={[
            [t("onTime"), t("percent", { n: r.score })],
            [t("days"), r.days],
            [t("counted"), r.counted],
            [t("others"), r.others],
            [t("unagreed"), r.unagreed],
            [t("pseudonyms"), r.pseudonyms],
          ]}
        />
      )}
    </Part>
  );
}

function Verification({ partner }: { partner: string }) {
  const { t } = useTranslation("partners");
  const may = useMay();
  const list = api.useQuery("get", "/v1/bilaterals/{partner}/verification", { params: { path: { partner } } });
  return (
    <Part title={t("verification")} actions={may("verify-partner") && <VerifyPartner partner={partner} />}>
      <Loaded of={list} lines={2}>
        {({ verified }) =>
          verified.length ? (
            <Stack gap="xs">
              {verified.map((v) => (
                <Facts
                  key={v.member}
                  of={[
                    [t("verifiedBy"), v.member],
                    [t("at"), <When at={v.act.time} key="t" />],
                    [t("expires"), <When at={v.expires} key="e" />],
                    [t("document"), <Hash value={v.document} label={t("document")} key="d" />],
                  ]}
                />
              ))}
            </Stack>
          ) : (
            <Text size="sm" c="dimmed">
              {t("notVerified")}
            </Text>
          )
        }
      </Loaded>
      {may("list-credential-lists") && <CredentialLists partner={partner} />}
    </Part>
  );
}

// CredentialLists says on which lists a partner takes back what it has vouched for of others.
function CredentialLists({ partner }: { partner: string }) {
  const { t, i18n } = useTranslation("partners");
  const lists = api.useQuery("get", "/v1/credentials/{issuer}", { params: { path: { issuer: partner }, query: { limit: 100 } } });
  if (!lists.data?.items.length) return null;
  return (
    <SmallTable
      label={t("credentialLists")}
      caption={t("credentialLists")}
      rows={lists.data.items}
      rowKey={(x) => x.list}
      columns={[
        { id: "list", header: t("list"), head: true, cell: (x) => x.list },
        { id: "size", header: t("places"), right: true, cell: (x) => x.size.toLocaleString(i18n.language) },
        { id: "revoked", header: t("revoked"), right: true, cell: (x) => x.revoked.toLocaleString(i18n.language) },
        { id: "changed", header: t("at"), cell: (x) => <When at={x.changed.time} size="sm" /> },
      ]}
    />
  );
}

function Delegates({ partner }: { partner: string }) {
  const { t } = useTranslation("partners");
  const may = useMay();
  const me = useSession()?.carrier;
  const delegates = usePages("/v1/bilaterals/{partner}/delegates", { path: { partner } });
  return (
    <Part title={t("delegates")} actions={may("add-delegate") && <AddDelegate partner={partner} />}>
      <Text size="sm" c="dimmed">
        {t("delegatesText")}
      </Text>
      <DataTable
        label={t("delegates")}
        rows={delegates}
        rowKey={(d) => d.key}
        height={320}
        file={`delegates-${partner}`}
        empty={<Empty title={t("noDelegates")}>{t("noDelegatesText")}</Empty>}
        columns={[
          { id: "member", header: t("side"), width: "110px", cell: (d) => d.member, value: (d) => d.member },
          { id: "name", header: t("name"), width: "minmax(170px, 2fr)", cell: (d) => d.name, value: (d) => d.name },
          { id: "roles", header: t("roles"), width: "minmax(140px, 1fr)", cell: (d) => d.roles.join(", "), value: (d) => d.roles.join(", ") },
          { id: "limits", header: t("limits"), right: true, width: "190px", cell: (d) => (d.limits?.length ? d.limits.map((l) => (l.amount === anyAmount ? <Text key={l.currency} span size="sm" ml={6}>{t("anyAmount", { currency: l.currency })}</Text> : <Money key={l.currency} amount={l.amount} currency={l.currency} size="sm" ml={6} />)) : t("noLimit")), value: (d) => (d.limits ?? []).map((l) => `${l.amount} ${l.currency}`).join("; ") },
          { id: "state", header: t("state"), width: "120px", cell: (d) => <StateBadge state={d.revoked ? "ended" : "active"} />, value: (d) => (d.revoked ? "ended" : "active") },
          { id: "key", header: t("key"), width: "170px", cell: (d) => <Hash value={d.key} label={t("key")} length={10} />, value: (d) => d.key },
          ...(may("revoke-delegate")
            ? [{ id: "end", header: t("next"), width: "110px", cell: (d: Schema<"Delegate">) => (d.member === me && !d.revoked ? <RevokeDelegate partner={partner} delegate={d} /> : null), value: () => "" }]
            : []),
        ]}
      />
    </Part>
  );
}

function Agreements({ partner }: { partner: string }) {
  const { t } = useTranslation("partners");
  const may = useMay();
  const navigate = useNavigate();
  const rows = usePages("/v1/bilaterals/{partner}/agreements", { path: { partner } });
  const propose = may("propose-agreement") && <Button onClick={() => void navigate({ to: "/agreements/new", search: { partner } as never })}>{t("proposeAgreement")}</Button>;
  return (
    <DataTable
      label={t("agreements")}
      rows={rows}
      rowKey={(a) => a.id}
      file={`agreements-${partner}`}
      toolbar={propose}
      empty={<Empty title={t("noAgreements")}>{t("noAgreementsText")}</Empty>}
      columns={[
        { id: "id", header: t("agreement"), cell: (a) => <GoTo to={`/agreements/${encodeURIComponent(partner)}/${encodeURIComponent(a.id)}`}>{a.id}</GoTo>, value: (a) => a.id },
        { id: "state", header: t("state"), width: "130px", cell: (a) => <StateBadge state={a.state} />, value: (a) => a.state },
        { id: "lines", header: t("lines"), cell: (a) => a.lines.join(", "), value: (a) => a.lines.join(", ") },
        { id: "proposer", header: t("proposer"), width: "120px", cell: (a) => a.proposer, value: (a) => a.proposer },
        { id: "from", header: t("from"), width: "220px", cell: (a) => <When at={a.from} shape={{ seconds: false }} />, value: (a) => a.from },
      ]}
    />
  );
}

function Sheets({ partner }: { partner: string }) {
  const { t } = useTranslation("partners");
  const may = useMay();
  const navigate = useNavigate();
  const rows = usePages("/v1/bilaterals/{partner}/sheets", { path: { partner } });
  const upload = may("propose-sheet") && <Button onClick={() => void navigate({ to: "/sheets/upload", search: { partner } as never })}>{t("uploadSheet")}</Button>;
  return (
    <DataTable
      label={t("sheets")}
      rows={rows}
      rowKey={(s) => s.id}
      file={`sheets-${partner}`}
      toolbar={upload}
      empty={<Empty title={t("noSheets")}>{t("noSheetsText")}</Empty>}
      columns={[
        { id: "id", header: t("sheet"), cell: (s) => <GoTo to={`/sheets/${encodeURIComponent(partner)}/${encodeURIComponent(s.id)}`}>{s.id}</GoTo>, value: (s) => s.id },
        { id: "direction", header: t("direction"), cell: (s) => s.direction.replace(">", " → "), value: (s) => s.direction },
        { id: "state", header: t("state"), width: "160px", cell: (s) => <StateBadge state={s.state} />, value: (s) => s.state },
        { id: "rows", header: t("rows"), right: true, width: "100px", cell: (s) => s.rows.toLocaleString(), value: (s) => s.rows },
        { id: "from", header: t("from"), width: "220px", cell: (s) => <When at={s.from} shape={{ seconds: false }} />, value: (s) => s.from },
      ]}
    />
  );
}

function Files({ partner }: { partner: string }) {
  const { t, i18n } = useTranslation("partners");
  const may = useMay();
  const rows = usePages("/v1/bilaterals/{partner}/files", { path: { partner } });
  return (
    <DataTable
      label={t("files")}
      rows={rows}
      rowKey={(f) => f.hash}
      file={`files-${partner}`}
      toolbar={may("record-file") && <RecordFile partner={partner} />}
      empty={<Empty title={t("noFiles")}>{t("noFilesText")}</Empty>}
      columns={[
        { id: "kind", header: t("kind"), cell: (f) => f.kind, value: (f) => f.kind },
        { id: "reference", header: t("reference"), cell: (f) => (f.reference ? plain(f.reference) : "–"), value: (f) => plain(f.reference ?? "") },
        { id: "by", header: t("by"), width: "110px", cell: (f) => f.by, value: (f) => f.by },
        { id: "size", header: t("size"), right: true, width: "130px", cell: (f) => t("bytes", { n: f.size.toLocaleString(i18n.language) }), value: (f) => f.size },
        { id: "height", header: t("height"), right: true, width: "110px", cell: (f) => f.height, value: (f) => f.height },
        { id: "hash", header: t("hash"), width: "190px", cell: (f) => <Hash value={f.hash} label={t("hash")} />, value: (f) => f.hash },
        ...(may("erase-file") ? [{ id: "erase", header: t("next"), width: "110px", cell: (f: Schema<"File">) => <EraseFile hash={f.hash} held={f.held} name={f.reference ? plain(f.reference) : f.hash.slice(0, 12)} />, value: () => "" }] : []),
      ]}
    />
  );
}
