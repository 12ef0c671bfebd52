import { Alert, Anchor, Badge, Button, Card, Group, NumberInput, Stack, Table, Text, Textarea, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { IconArrowsSplit2, IconCheck, IconFlask, IconInfoCircle, IconMessage2, IconUserShare, IconX } from "@tabler/icons-react";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, queries, type Schema } from "@/api/client";
import { problemOf } from "@/api/problem";
import { useMay, useSession } from "@/api/session";
import { billed } from "@/lib/names";
import { Empty } from "@/ui/Empty";
import { Money } from "@/ui/Money";
import { Loaded, Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { SmallTable } from "@/ui/SmallTable";
import { StateBadge } from "@/ui/StateBadge";
import { Step } from "@/ui/Step";
import { Ago, Between, Countdown, When } from "@/ui/When";

import { gap, half, inPath, meanwhile, seconds, split } from "./figures";

type Dispute = Schema<"Dispute">;

// DisputePage shows one disputed line: what each side says, the calls behind it, and what
// can be done about it now.
export function DisputePage() {
  const { t, i18n } = useTranslation("disputes");
  const { partner = "", id = "" } = useParams({ strict: false }) as { partner?: string; id?: string };
  const one = api.useQuery("get", "/v1/bilaterals/{partner}/disputes/{id}", { params: { path: { partner, id: inPath(id) } } });
  const d = one.data;
  const title = d ? t(d.product ? "itemOf" : "lineOf", { row: d.row, order: billed(d.order).of }) : t("one");
  return (
    <Page
      title={title}
      crumbs={[
        { text: t("ui:nav.today"), to: "/" },
        { text: t("title"), to: "/disputes" },
        ...(d?.invoice ? [{ text: t("invoice"), to: `/invoices/${partner}/${encodeURIComponent(d.invoice)}` }] : []),
      ]}
      actions={d && <Actions d={d} partner={partner} />}
    >
      <Loaded of={one}>
        {(d) => (
          <Stack gap="lg">
            <Group gap="md">
              <StateBadge state={d.state} size="lg" />
              <Text size="sm">
                {partner} · <Between interval={d.interval} />
              </Text>
              {d.deadline && d.state !== "resolved" && (
                <Text size="sm">
                  {t("decideIn")} <Countdown to={new Date(d.deadline).getTime()} fw={600} />
                </Text>
              )}
              {d.assigned?.to && (
                <Badge variant="light" tt="none" leftSection={<IconUserShare size={12} aria-hidden />}>
                  {t("with", { name: d.assigned.to })}
                </Badge>
              )}
            </Group>
            {d.assigned?.to && d.assigned.why && (
              <Text size="sm" c="dimmed">
                {t("handedBy", { name: d.assigned.by })} {d.assigned.why}
              </Text>
            )}
            {d.why && (
              <Alert icon={<IconMessage2 aria-hidden />} color="gray" title={t(d.by ? "openedBy" : "said", { who: d.by })}>
                {d.why}
              </Alert>
            )}
            <Sides d={d} />
            <Evidence d={d} partner={partner} />
            <OwnCalls d={d} partner={partner} />
            <Trial d={d} partner={partner} />
            <Text size="xs" c="dimmed">
              {d.id} · {t("opened")} <When at={d.opened} /> · {(d.passed ?? 0).toLocaleString(i18n.language)} {t("passed")}
            </Text>
          </Stack>
        )}
      </Loaded>
    </Page>
  );
}

// Sides shows both sides' figures beside each other, with the offer and the decision.
function Sides({ d }: { d: Dispute }) {
  const { t, i18n } = useTranslation("disputes");
  const n = (v: number | undefined) => (v === undefined ? "–" : v.toLocaleString(i18n.language));
  const columns: { name: string; calls?: number; raw?: number; billed?: number; amount?: string; note?: React.ReactNode }[] = [
    { name: t("seller"), calls: d.seller.calls, raw: d.seller.raw_millis, billed: d.seller.billed_seconds, amount: d.seller.amount },
    { name: t("buyer"), calls: d.buyer.calls, raw: d.buyer.raw_millis, billed: d.buyer.billed_seconds, amount: d.buyer.amount },
    { name: t("gap"), calls: d.seller.calls - d.buyer.calls, raw: d.seller.raw_millis - d.buyer.raw_millis, billed: d.seller.billed_seconds - d.buyer.billed_seconds, amount: gap(d) },
  ];
  if (d.proposal) columns.push({ name: t("offerOf", { who: d.proposal.act.by }), calls: d.proposal.calls, billed: d.proposal.billed_seconds, amount: d.proposal.amount, note: <Ago at={d.proposal.act.time} size="xs" /> });
  if (d.decision) columns.push({ name: t("decision"), calls: d.decision.calls, billed: d.decision.billed_seconds, amount: d.decision.amount, note: <Text size="xs">{t(`how.${d.decision.how}`, { defaultValue: d.decision.how })}</Text> });
  return (
    <Card withBorder component="section" aria-label={t("both")}>
      <Title order={2} size="h4" mb="xs">
        {t("both")}
      </Title>
      <Table.ScrollContainer minWidth={480}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("figure")}</Table.Th>
              {columns.map((c) => (
                <Table.Th key={c.name} ta="right">
                  {c.name}
                  {c.note && <div>{c.note}</div>}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {!d.product && (
              <>
                <Table.Tr>
                  <Table.Th scope="row">{t("calls")}</Table.Th>
                  {columns.map((c) => (
                    <Table.Td key={c.name} ta="right" className="numbers">
                      {n(c.calls)}
                    </Table.Td>
                  ))}
                </Table.Tr>
                <Table.Tr>
                  <Table.Th scope="row">{t("raw")}</Table.Th>
                  {columns.map((c) => (
                    <Table.Td key={c.name} ta="right" className="numbers">
                      {c.raw === undefined ? "–" : seconds(c.raw)}
                    </Table.Td>
                  ))}
                </Table.Tr>
                <Table.Tr>
                  <Table.Th scope="row">{t("billed")}</Table.Th>
                  {columns.map((c) => (
                    <Table.Td key={c.name} ta="right" className="numbers">
                      {n(c.billed)}
                    </Table.Td>
                  ))}
                </Table.Tr>
              </>
            )}
            <Table.Tr>
              <Table.Th scope="row">{t("amount")}</Table.Th>
              {columns.map((c) => (
                <Table.Td key={c.name} ta="right">
                  <Money fw={600} amount={c.amount} currency={d.currency} />
                </Table.Td>
              ))}
            </Table.Tr>
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Card>
  );
}

function Evidence({ d, partner }: { d: Dispute; partner: string }) {
  const { t, i18n } = useTranslation("disputes");
  const may = useMay()("get-evidence");
  const all = api.useQuery("get", "/v1/bilaterals/{partner}/disputes/{id}/evidence", { params: { path: { partner, id: inPath(d.id) } } }, { enabled: may && !d.product });
  if (!may || d.product) return null;
  return (
    <Card withBorder component="section" aria-label={t("evidence")}>
      <Title order={2} size="h4">
        {t("evidence")}
      </Title>
      <Text size="sm" c="dimmed" mb="xs">
        {t("evidenceText")}
      </Text>
      <Loaded of={all}>
        {(e) =>
          e.items.length === 0 ? (
            <Empty title={t("noEvidence")}>{t("noEvidenceText")}</Empty>
          ) : (
            <SmallTable
              label={t("evidence")}
              minWidth={760}
              height={420}
              rows={e.items.slice(0, 1000).flatMap((x) => (["seller", "buyer"] as const).map((side) => ({ kind: x.kind, side, call: x[side] })))}
              rowKey={(_, i) => String(i)}
              columns={[
                { id: "kind", header: t("kind"), cell: (r) => (r.side === "seller" ? t(`ui:causes.${r.kind}`, { defaultValue: r.kind }) : "") },
                { id: "side", header: t("side"), head: true, cell: (r) => t(r.side) },
                { id: "start", header: t("start"), cell: (r) => (r.call ? <When at={r.call.start} size="sm" /> : <Text size="sm" c="dimmed">{t("noSuchCall")}</Text>) },
                { id: "raw", header: t("raw"), right: true, cell: (r) => (r.call ? seconds(r.call.raw_millis) : "–") },
                { id: "billed", header: t("billed"), right: true, cell: (r) => (r.call ? r.call.billed_seconds.toLocaleString(i18n.language) : "–") },
                { id: "origin", header: t("origin"), cell: (r) => (r.call ? (r.call.origin ?? t("withheld")) : "–") },
                { id: "destination", header: t("destination"), cell: (r) => (r.call ? (r.call.destination ?? t("theirs")) : "–") },
              ]}
            />
          )
        }
      </Loaded>
    </Card>
  );
}

// OwnCalls leads to all own calls of the line, which the period's page shows.
function OwnCalls({ d, partner }: { d: Dispute; partner: string }) {
  const { t } = useTranslation("disputes");
  const may = useMay()("list-calls");
  if (!may || d.product) return null;
  const from = d.interval.split("/")[0]!;
  return (
    <Group gap="md">
      <Anchor component={Link} to={`/periods/${partner}/${encodeURIComponent(d.order)}/${encodeURIComponent(from)}`} search={{ tab: "calls", row: String(d.row), adjusts: d.adjusts?.split("/")[0] } as never} size="sm">
        {t("allCalls")}
      </Anchor>
      <Anchor component={Link} to={`/periods/${partner}/${encodeURIComponent(d.order)}/${encodeURIComponent(from)}`} size="sm">
        {t("toPeriod")}
      </Anchor>
      {d.invoice && (
        <Anchor component={Link} to={`/invoices/${partner}/${encodeURIComponent(d.invoice)}`} size="sm">
          {t("toInvoice")}
        </Anchor>
      )}
      {d.decision?.invoice && (
        <Anchor component={Link} to={`/invoices/${partner}/${encodeURIComponent(d.decision.invoice)}`} size="sm">
          {t("toBilled")}
        </Anchor>
      )}
    </Group>
  );
}

// Trial asks what a rule would make of the line. It changes nothing.
function Trial({ d, partner }: { d: Dispute; partner: string }) {
  const { t } = useTranslation("disputes");
  const may = useMay()("try-rule");
  const [text, setText] = useState('kind == "duration" && gap <= 30 ? "split" : "manual"');
  const [rule, setRule] = useState<string>();
  const trial = api.useQuery("get", "/v1/bilaterals/{partner}/disputes/{id}/trial", { params: { path: { partner, id: inPath(d.id) }, query: { rule: rule ?? "" } } }, { enabled: rule !== undefined, retry: false });
  if (!may || d.product || d.by) return null;
  return (
    <Card withBorder component="section" aria-label={t("trial")}>
      <Stack gap="xs">
        <Title order={2} size="h4">
          {t("trial")}
        </Title>
        <Textarea label={t("rule")} description={t("trialText")} value={text} onChange={(e) => setText(e.currentTarget.value)} autosize minRows={2} maxLength={8192} styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }} />
        <Group>
          <Button size="sm" variant="default" leftSection={<IconFlask size={16} aria-hidden />} onClick={() => setRule(text)} loading={trial.isFetching}>
            {t("try")}
          </Button>
        </Group>
        {rule !== undefined && Boolean(trial.error) && <ProblemAlert error={trial.error} />}
        {rule !== undefined && trial.data && (
          <div aria-live="polite">
            {trial.data.outcome && (
              <Text fw={600} size="sm">
                {t(trial.data.outcome.manual ? "trialManual" : "trialDecided", { calls: trial.data.outcome.figures.calls, seconds: trial.data.outcome.figures.billed_seconds })}
              </Text>
            )}
            <SmallTable
              label={t("trial")}
              height={320}
              rows={trial.data.calls.slice(0, 200)}
              rowKey={(_, i) => String(i)}
              columns={[
                { id: "kind", header: t("kind"), head: true, cell: (c) => t(`ui:causes.${c.facts.kind}`, { defaultValue: c.facts.kind }) },
                { id: "destination", header: t("destination"), cell: (c) => c.facts.destination },
                { id: "seller", header: t("seller"), right: true, cell: (c) => `${c.facts.seller_seconds} s` },
                { id: "buyer", header: t("buyer"), right: true, cell: (c) => `${c.facts.buyer_seconds} s` },
                { id: "answer", header: t("answer"), cell: (c) => t(`answers.${c.answer}`, { defaultValue: c.answer }) },
              ]}
            />
          </div>
        )}
      </Stack>
    </Card>
  );
}

type Dialog = "propose" | "split" | "accept" | "reject" | "assign";

const offers = (d: Dispute) => d.allowed.includes("propose") || d.allowed.includes("counter");

// Actions offers what the record says this side may do now, if the role may.
function Actions({ d, partner }: { d: Dispute; partner: string }) {
  const { t } = useTranslation("disputes");
  const may = useMay();
  const [open, setOpen] = useState<Dialog>();
  const can = (e: string, operation: string) => d.allowed.includes(e) && may(operation);
  const counter = d.allowed.includes("counter");
  return (
    <>
      {can("accept", "accept-decision") && (
        <Button leftSection={<IconCheck size={16} aria-hidden />} onClick={() => setOpen("accept")}>
          {t("accept")}
        </Button>
      )}
      {can("reject", "reject-decision") && (
        <Button variant="default" leftSection={<IconX size={16} aria-hidden />} onClick={() => setOpen("reject")}>
          {t("reject")}
        </Button>
      )}
      {offers(d) && may("propose-decision") && (
        <>
          <Button variant={d.proposal ? "default" : "filled"} onClick={() => setOpen("propose")}>
            {t(counter ? "counter" : d.proposal ? "change" : "propose")}
          </Button>
          <Button variant="default" leftSection={<IconArrowsSplit2 size={16} aria-hidden />} onClick={() => setOpen("split")}>
            {t("split")}
          </Button>
        </>
      )}
      {may("assign-dispute") && d.state !== "resolved" && (
        <Button variant="default" leftSection={<IconUserShare size={16} aria-hidden />} onClick={() => setOpen("assign")}>
          {t("hand")}
        </Button>
      )}
      {open === "assign" && <Assign d={d} partner={partner} close={() => setOpen(undefined)} />}
      {open && open !== "assign" && <Decide d={d} partner={partner} what={open} close={() => setOpen(undefined)} />}
    </>
  );
}

// useDone says what was done, and renews what it alters elsewhere too.
function useDone(d: Dispute, close: () => void) {
  const { t } = useTranslation("disputes");
  return (message: string) => {
    notifications.show({ color: "teal", message: t(message, { row: d.row, order: billed(d.order).of }) });
    void queries.invalidateQueries();
    close();
  };
}

// read names the offer that somebody had on the screen; empty: there was none.
const read = (d: Dispute) => d.proposal?.act.command ?? "";

// Decide is the dialog of an offer, or of the answer to one. It is about the dispute as it
// was when it was opened: when somebody else is faster it says so, sends nothing, and keeps
// what was filled in.
function Decide({ d, partner, what, close }: { d: Dispute; partner: string; what: Exclude<Dialog, "assign">; close: () => void }) {
  const { t } = useTranslation("disputes");
  const done = useDone(d, close);
  const [seen, setSeen] = useState(d); // what the person decides about
  const start = what === "split" ? split(d) : { calls: d.buyer.calls, billed_seconds: d.buyer.billed_seconds };
  const form = useForm({ initialValues: { ...start, amount: what === "split" ? half(d) : d.buyer.amount, why: what === "split" ? t("halfEach") : "" } });
  const path = { partner, id: inPath(d.id) };
  const propose = api.useMutation("post", "/v1/bilaterals/{partner}/disputes/{id}/propose");
  const accept = api.useMutation("post", "/v1/bilaterals/{partner}/disputes/{id}/accept");
  const reject = api.useMutation("post", "/v1/bilaterals/{partner}/disputes/{id}/reject");
  const [failure, setFailure] = useState<unknown>();
  const busy = propose.isPending || accept.isPending || reject.isPending;
  const offering = what === "propose" || what === "split";
  const countering = offering && seen.allowed.includes("counter");
  const failed = (err: unknown) => {
    const p = problemOf(err);
    setFailure(p);
    if (p.field) form.setFieldError(p.field, p.detail);
    if (meanwhile(p.code)) void queries.invalidateQueries();
  };
  const send = () => {
    setFailure(undefined);
    const options = { onError: failed };
    const { calls, billed_seconds, amount, why } = form.values;
    if (offering) {
      propose.mutate({ params: { path }, body: { ...(d.product ? { amount } : { calls, billed_seconds }), why, seen: read(seen) } }, { ...options, onSuccess: () => done("proposed") });
    } else if (what === "accept") {
      const p = seen.proposal;
      accept.mutate(
        { params: { path }, body: p ? { offer: { calls: p.calls, billed_seconds: p.billed_seconds, ...(d.product ? { amount: p.amount } : {}) } } : {} },
        { ...options, onSuccess: () => done("accepted") },
      );
    } else {
      reject.mutate({ params: { path }, body: { why, seen: read(seen) } }, { ...options, onSuccess: () => done("rejected") });
    }
  };
  // Somebody else was faster: what was to be decided is no longer what is there.
  const changed = !busy && (Boolean(d.decision) !== Boolean(seen.decision) || read(d) !== read(seen));
  return (
    <Step
      title={t(what === "propose" && countering ? "counter" : what)}
      size="lg"
      onClose={close}
      onSubmit={form.onSubmit(send)}
      busy={busy}
      error={changed ? undefined : failure}
      confirm={t(countering ? "counter" : offering ? "propose" : what)}
      cancel={changed ? t("ui:close") : undefined}
      disabled={changed}
      color={what === "reject" ? "red" : undefined}
      other={
        changed &&
        offering &&
        offers(d) && (
          <Button
            variant="default"
            onClick={() => {
              setFailure(undefined);
              setSeen(d);
            }}
          >
            {t("goOn")}
          </Button>
        )
      }
    >
      {changed && <Faster d={d} />}
      {what === "accept" && seen.proposal && (
        <Stack gap={4}>
          <Text size="sm">{t("acceptText", { who: seen.proposal.act.by })}</Text>
          {!d.product && <Text size="sm">{t("callsAndSeconds", { count: seen.proposal.calls, seconds: seen.proposal.billed_seconds })}</Text>}
          <Money fw={650} fz="lg" amount={seen.proposal.amount} currency={d.currency} />
        </Stack>
      )}
      {countering && <Text size="sm">{t("counterText", { who: seen.proposal?.act.by })}</Text>}
      {offering && (
        <>
          <Group gap="xs">
            <Text size="sm">{t("takeOver")}</Text>
            {(["seller", "buyer"] as const).map((side) => (
              <Button key={side} size="compact-sm" variant="default" onClick={() => form.setValues({ calls: d[side].calls, billed_seconds: d[side].billed_seconds, amount: d[side].amount })}>
                {t(side)}
              </Button>
            ))}
            <Button size="compact-sm" variant="default" onClick={() => form.setValues({ ...split(d), amount: half(d) })}>
              {t("middle")}
            </Button>
          </Group>
          {d.product ? (
            <TextInput label={`${t("amount")} (${d.currency})`} inputMode="decimal" required {...form.getInputProps("amount")} />
          ) : (
            <Group grow align="flex-start">
              <NumberInput label={t("calls")} min={0} allowDecimal={false} required {...form.getInputProps("calls")} />
              <NumberInput label={t("billed")} min={0} allowDecimal={false} required {...form.getInputProps("billed_seconds")} />
            </Group>
          )}
        </>
      )}
      {what !== "accept" && <Textarea label={t("why")} description={t("whyText")} required={offering} maxLength={500} autosize minRows={2} {...form.getInputProps("why")} />}
    </Step>
  );
}

// Faster tells how a dispute stands that somebody else has decided meanwhile.
function Faster({ d }: { d: Dispute }) {
  const { t } = useTranslation("disputes");
  const now = d.decision ?? d.proposal;
  return (
    <Alert color="yellow" icon={<IconInfoCircle aria-hidden />} title={t("faster")} role="status">
      <Stack gap={6}>
        <Text size="sm">{t("fasterText")}</Text>
        <Group gap="xs">
          <StateBadge state={d.state} />
          {d.decision ? <Text size="sm">{t(`how.${d.decision.how}`, { defaultValue: d.decision.how })}</Text> : d.proposal && <Text size="sm">{t("offerOf", { who: d.proposal.act.by })}</Text>}
          {now && !d.product && <Text size="sm">{t("callsAndSeconds", { count: now.calls, seconds: now.billed_seconds })}</Text>}
          {now && <Money size="sm" fw={600} amount={now.amount} currency={d.currency} />}
        </Group>
        {d.why && <Text size="sm">{d.why}</Text>}
      </Stack>
    </Alert>
  );
}

function Assign({ d, partner, close }: { d: Dispute; partner: string; close: () => void }) {
  const { t } = useTranslation("disputes");
  const s = useSession();
  const done = useDone(d, close);
  const form = useForm({ initialValues: { to: d.assigned?.to ?? "", why: "" } });
  const assign = api.useMutation("post", "/v1/bilaterals/{partner}/disputes/{id}/assign");
  const send = (to: string) =>
    assign.mutate(
      { params: { path: { partner, id: inPath(d.id) } }, body: { to, why: form.values.why } },
      { onSuccess: () => done(to ? "handed" : "takenBack"), onError: (err) => problemOf(err).field && form.setFieldError(problemOf(err).field!, problemOf(err).detail) },
    );
  return (
    <Step
      title={t("hand")}
      onClose={close}
      onSubmit={form.onSubmit((v) => send(v.to.trim()))}
      busy={assign.isPending}
      error={assign.error}
      other={
        <>
          <Button variant="subtle" size="sm" onClick={() => form.setFieldValue("to", s?.name ?? "")}>
            {t("me")}
          </Button>
          {d.assigned?.to && (
            <Button variant="subtle" color="gray" size="sm" onClick={() => send("")} loading={assign.isPending}>
              {t("takeBack")}
            </Button>
          )}
        </>
      }
    >
      <TextInput label={t("colleague")} description={t("colleagueText")} required maxLength={64} data-autofocus {...form.getInputProps("to")} />
      <Textarea label={t("note")} maxLength={500} autosize minRows={2} {...form.getInputProps("why")} />
    </Step>
  );
}
