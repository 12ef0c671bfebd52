import { Alert, Badge, Button, Card, Code, Group, Stack, Text, Textarea, TextInput, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, queries, type Schema } from "@/api/client";
import { useMay } from "@/api/session";
import { less, share, sum } from "@/lib/money";
import { DataTable } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { fixedRows } from "@/ui/fixedRows";
import { Money } from "@/ui/Money";
import { Loaded, Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { SmallTable } from "@/ui/SmallTable";

import type { ruleSearch } from "./search";
import { edge, lastMonth, type Terms } from "./terms";

// Cases that every rule should have an answer for, shown while one writes.
const cases = [
  { kind: "skewed", destination: "Germany", buyer_seconds: 60, seller_seconds: 60, start_gap: 2000 },
  { kind: "duration", destination: "Germany", buyer_seconds: 60, seller_seconds: 63, gap: 3 },
  { kind: "duration", destination: "Germany", buyer_seconds: 60, seller_seconds: 120, gap: 60 },
  { kind: "only-buyer", destination: "Germany", buyer_seconds: 60, gap: 60 },
  { kind: "only-seller", destination: "Germany", seller_seconds: 60, gap: 60, only_seller_seconds: 60, destination_seconds: 60_000, destination_calls: 900 },
  { kind: "only-seller", destination: "Germany", seller_seconds: 60, gap: 60, only_seller_seconds: 600, destination_seconds: 6000, destination_calls: 90 },
  { kind: "only-seller", destination: "Germany", seller_seconds: 60, gap: 60, undelivered: true },
].map((c) => JSON.stringify(c));

// RulePage edits the rule that decides differing calls: what it answers for examples, and
// what it would have cost on past disputes.
export function RulePage() {
  const { t } = useTranslation("agreements");
  const { partner, id } = useParams({ strict: false }) as { partner: string; id: string };
  const agreement = api.useQuery("get", "/v1/bilaterals/{partner}/agreements/{id}", { params: { path: { partner, id } } });
  return (
    <Page title={t("rule")} lead={t("ruleLead", { partner })} crumbs={[{ text: t("title"), to: "/agreements" }, { text: id, to: `/agreements/${encodeURIComponent(partner)}/${encodeURIComponent(id)}` }]}>
      <Loaded of={agreement}>
        {(a) => {
          const terms = a.versions.at(-1)?.terms ?? a.pending?.terms;
          return terms ? <Editor partner={partner} id={id} terms={terms} /> : <Empty title={t("none")} />;
        }}
      </Loaded>
    </Page>
  );
}

function Editor({ partner, id, terms }: { partner: string; id: string; terms: Terms }) {
  const { t } = useTranslation("agreements");
  const navigate = useNavigate();
  const may = useMay();
  const search: ReturnType<typeof ruleSearch> = useSearch({ strict: false });
  const [month] = useState(() => lastMonth(new Date()));
  const [from, to] = [search.from ?? month.from, search.to ?? month.to];
  const [text, setText] = useState(terms.rule.text);
  const [day, setDay] = useState(() => edge(new Date()));
  const [rule] = useDebouncedValue(text, 400);
  const replay = api.useQuery(
    "get",
    "/v1/bilaterals/{partner}/rule-replay",
    { params: { path: { partner }, query: { rule, case: cases, from: from ? `${from}T00:00:00Z` : undefined, to: to ? `${to}T00:00:00Z` : undefined } } },
    { placeholderData: keepPreviousData, enabled: rule.trim() !== "" },
  );
  const amend = api.useMutation("post", "/v1/bilaterals/{partner}/agreements/{id}/amend", {
    onSuccess: () => {
      notifications.show({ color: "teal", message: t("isProposed", { partner }) });
      void queries.invalidateQueries();
      void navigate({ to: `/agreements/${encodeURIComponent(partner)}/${encodeURIComponent(id)}` });
    },
  });
  const span = (s: typeof search) => void navigate({ to: `/agreements/${encodeURIComponent(partner)}/${encodeURIComponent(id)}/rule`, search: { from, to, ...s } as never, replace: true });
  const r = replay.data;
  const waits = replay.isFetching || rule !== text;
  return (
    <Stack>
      <Card withBorder>
        <Stack gap="sm">
          <Textarea label={t("ruleLabel")} description={t("ruleText")} autosize minRows={6} maxLength={8192} spellCheck={false} value={text} onChange={(e) => setText(e.currentTarget.value)} styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }} />
          <Group gap={6}>
            <Text size="sm" c="dimmed">
              {t("ruleWords")}
            </Text>
            {["kind", "gap", "buyer_seconds", "seller_seconds", "start_gap", "destination", "rate", "currency", "unit_seconds", "only_seller_seconds", "destination_calls", "destination_seconds", "undelivered", "buyer", "seller"].map((w) => (
              <Code key={w}>{w}</Code>
            ))}
          </Group>
          <ProblemAlert error={replay.error} />
          <Group justify="space-between" align="flex-end">
            <Button variant="default" disabled={text === terms.rule.text} onClick={() => setText(terms.rule.text)}>
              {t("agreedRule")}
            </Button>
            {may("amend-agreement") && (
              <Group align="flex-end">
                <TextInput type="date" label={t("fromDay")} value={day} onChange={(e) => setDay(e.currentTarget.value)} />
                <Button loading={amend.isPending} disabled={text === terms.rule.text || Boolean(replay.error) || waits || !day} onClick={() => amend.mutate({ params: { path: { partner, id } }, body: { from: `${day}T00:00:00Z`, terms: { ...terms, rule: { text } } } })}>
                  {t("proposeRule")}
                </Button>
              </Group>
            )}
          </Group>
          <ProblemAlert error={amend.error} />
        </Stack>
      </Card>
      {r && !replay.error && (
        <>
          <Card withBorder aria-busy={waits}>
            <Title order={2} size="h4" mb="xs">
              {t("examples")}
            </Title>
            <Calls label={t("examples")} calls={r.cases} />
          </Card>
          <Card withBorder component="section" aria-label={t("cost")} aria-busy={waits}>
            <Stack gap="sm">
              <Group justify="space-between" align="flex-end">
                <Title order={2} size="h4">
                  {t("cost")}
                </Title>
                <Group>
                  <TextInput type="date" label={t("spanFrom")} value={from} onChange={(e) => span({ from: e.currentTarget.value })} />
                  <TextInput type="date" label={t("spanTo")} value={to} onChange={(e) => span({ to: e.currentTarget.value })} />
                </Group>
              </Group>
              <Text size="sm">{t("costText")}</Text>
              <Cost of={r} />
              {r.more && <Alert color="yellow">{t("more")}</Alert>}
            </Stack>
          </Card>
          {r.calls.length > 0 && (
            <Card withBorder>
              <Title order={2} size="h4" mb="xs">
                {t("pastCalls")}
              </Title>
              <Calls label={t("pastCalls")} calls={r.calls} />
            </Card>
          )}
        </>
      )}
    </Stack>
  );
}

function Cost({ of: r }: { of: Schema<"Replay"> }) {
  const { t } = useTranslation("agreements");
  if (!r.lines) return <Empty title={t("noLines")}>{t("noLinesText", { missing: r.missing })}</Empty>;
  return (
    <>
      <Group gap="xs">
        <Text size="sm">{t("linesOf", { lines: r.lines, periods: r.periods, manual: r.manual, missing: r.missing })}</Text>
        {Object.entries(r.answers).map(([a, n]) => (
          <Badge key={a} variant="light" color={a === "manual" ? "yellow" : "blue"} className="state">
            {t(`answers.${a}`, { defaultValue: a })} {n}
          </Badge>
        ))}
      </Group>
      <SmallTable
        label={t("cost")}
        minWidth={720}
        rows={r.sums}
        rowKey={(s) => s.direction + s.currency}
        columns={[
          { id: "direction", header: t("direction"), head: true, cell: (s) => s.direction.replace(">", " → ") },
          { id: "claimed", header: t("claimed"), right: true, cell: (s) => <Money amount={s.claimed} currency={s.currency} />, bar: () => 1 },
          { id: "expected", header: t("expected"), right: true, cell: (s) => <Money amount={s.expected} currency={s.currency} />, bar: (s) => share(s.expected, s.claimed) },
          { id: "cameOut", header: t("cameOut"), right: true, cell: (s) => <And amount={s.decided} rest={s.open} text={t("plusOpen")} currency={s.currency} />, bar: (s) => share(s.decided, s.claimed) },
          { id: "byRule", header: t("byRule"), right: true, cell: (s) => <And amount={s.rule} rest={s.manual} text={t("plusManual")} currency={s.currency} />, bar: (s) => share(s.rule, s.claimed) },
          { id: "difference", header: t("difference"), right: true, cell: (s) => <Money amount={less(sum([s.rule, s.manual]), sum([s.decided, s.open]))} currency={s.currency} fw={600} /> },
        ]}
      />
    </>
  );
}

// And shows an amount with what would come to it.
function And({ amount, rest, text, currency }: { amount: string; rest: string; text: string; currency: string }) {
  return (
    <>
      <Money amount={amount} currency={currency} />
      <br />
      <Text span size="xs" c="dimmed">
        {text} <Money amount={rest} currency={currency} size="xs" />
      </Text>
    </>
  );
}

function Calls({ label, calls }: { label: string; calls: Schema<"TriedCall">[] }) {
  const { t } = useTranslation("agreements");
  const rows = calls.map((c, i) => ({ ...c, i }));
  return (
    <DataTable
      label={label}
      rows={fixedRows(rows)}
      rowKey={(c) => String(c.i)}
      height={340}
      file="rule-answers"
      empty={null}
      columns={[
        { id: "kind", header: t("kind"), width: "minmax(170px, 1fr)", cell: (c) => t(`kinds.${c.facts.kind}`, { defaultValue: c.facts.kind }), value: (c) => c.facts.kind },
        { id: "destination", header: t("destination"), cell: (c) => c.facts.destination, value: (c) => c.facts.destination },
        { id: "buyer", header: t("buyerSeconds"), right: true, width: "120px", cell: (c) => c.facts.buyer_seconds, value: (c) => c.facts.buyer_seconds },
        { id: "seller", header: t("sellerSeconds"), right: true, width: "120px", cell: (c) => c.facts.seller_seconds, value: (c) => c.facts.seller_seconds },
        { id: "share", header: t("share"), right: true, width: "190px", cell: (c) => (c.facts.destination_seconds ? `${c.facts.only_seller_seconds} / ${c.facts.destination_seconds} s` : "–"), value: (c) => `${c.facts.only_seller_seconds}/${c.facts.destination_seconds}` },
        { id: "delivered", header: t("delivered"), width: "120px", cell: (c) => t(c.facts.undelivered ? "no" : "yes"), value: (c) => (c.facts.undelivered ? "no" : "yes") },
        { id: "answer", header: t("answer"), width: "190px", cell: (c) => <Badge variant="light" color={c.answer === "manual" ? "yellow" : "blue"} className="state">{t(`answers.${c.answer}`, { defaultValue: c.answer })}</Badge>, value: (c) => c.answer },
      ]}
    />
  );
}
