import { Alert, Button, Card, Group, Select, Stack, Text, Textarea, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api, queries, type Schema } from "@/api/client";
import { useMay } from "@/api/session";
import { Facts } from "@/ui/Facts";
import { GoTo } from "@/ui/GoTo";
import { Hash } from "@/ui/Hash";
import { Loaded, Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { StateBadge } from "@/ui/StateBadge";
import { Step } from "@/ui/Step";
import { When } from "@/ui/When";

import type { tabSearch } from "./search";
import { endless } from "./terms";
import { TermsView } from "./TermsView";

type Agreement = Schema<"Agreement">;

const clauses = ["governing_law", "jurisdiction", "indemnity", "liability", "force_majeure", "taxes", "term", "obligations", "definitions"] as const;

// AgreementPage shows one agreement: who proposed and who signed each version of its
// terms, and the terms in words.
export function AgreementPage() {
  const { t } = useTranslation("agreements");
  const { partner, id } = useParams({ strict: false }) as { partner: string; id: string };
  const search: ReturnType<typeof tabSearch> = useSearch({ strict: false });
  const navigate = useNavigate();
  const may = useMay();
  const agreement = api.useQuery("get", "/v1/bilaterals/{partner}/agreements/{id}", { params: { path: { partner, id } } });
  const here = `/agreements/${encodeURIComponent(partner)}/${encodeURIComponent(id)}`;
  return (
    <Page
      title={t("agreementTitle", { id })}
      crumbs={[{ text: t("title"), to: "/agreements" }]}
      lead={<GoTo to={`/partners/${encodeURIComponent(partner)}`}>{partner}</GoTo>}
      actions={
        <>
          {may("replay-rule") && (
            <Button variant="default" onClick={() => void navigate({ to: `${here}/rule` })}>
              {t("rule")}
            </Button>
          )}
          {agreement.data?.allowed.includes("amend") && may("amend-agreement") && <Button onClick={() => void navigate({ to: `${here}/amend` })}>{t("amend")}</Button>}
        </>
      }
    >
      <Loaded of={agreement}>
        {(a) => {
          const versions = [...a.versions, ...(a.pending ? [a.pending] : [])];
          const shown = versions.find((v) => v.number === search.version) ?? versions.at(-1);
          const before = versions[versions.findIndex((v) => v === shown) - 1];
          return (
            <Stack>
              <Answer agreement={a} partner={partner} />
              <Card withBorder>
                <Facts
                  of={[
                    [t("state"), <StateBadge state={a.state} key="s" />],
                    [t("proposer"), a.proposer],
                    [t("lines"), a.lines.join(", ")],
                    [t("from"), endless(a.from) ? t("noStart") : <When at={a.from} key="f" />],
                    [t("until"), a.until ? <When at={a.until} key="u" /> : t("noEnd")],
                    ...(a.terminated ? ([[t("terminated"), <Signed act={a.terminated} partner={partner} key="t" />]] as [string, ReactNode][]) : []),
                    [t("document"), <Hash value={a.legal.document} label={t("document")} key="d" />],
                  ]}
                />
              </Card>
              <Suggestions partner={partner} agreement={id} />
              <Group justify="space-between" align="flex-end">
                <Title order={2} size="h4">
                  {t("termsTitle")}
                </Title>
                {versions.length > 1 && (
                  <Select
                    label={t("version")}
                    w={260}
                    allowDeselect={false}
                    data={versions.map((v) => ({ value: String(v.number), label: t(v.accepted ? "versionNo" : "versionProposed", { n: v.number }) }))}
                    value={String(shown?.number)}
                    onChange={(v) => void navigate({ to: here, search: { version: Number(v) } as never, replace: true })}
                  />
                )}
              </Group>
              {shown && (
                <>
                  <Card withBorder>
                    <Facts
                      of={[
                        [t("holdsFrom"), endless(shown.from) ? t("noStart") : <When at={shown.from} key="f" />],
                        [t("proposedBy"), <Signed act={shown.proposed} partner={partner} key="p" />],
                        [t("signedBy"), shown.accepted ? <Signed act={shown.accepted} partner={partner} key="a" /> : t("notYet")],
                        [t("termsHash"), <Hash value={shown.hash} label={t("termsHash")} key="h" />],
                      ]}
                    />
                  </Card>
                  {shown.terms && <TermsView terms={shown.terms} before={before?.terms} />}
                </>
              )}
              <Card withBorder component="section" aria-label={t("legal")}>
                <Title order={2} size="h4" mb="xs">
                  {t("legal")}
                </Title>
                <Facts of={clauses.map((c) => [t(`clause.${c}`), a.legal[c]])} />
              </Card>
              {may("end-agreement") && a.allowed.includes("end") && <End agreement={a} partner={partner} />}
            </Stack>
          );
        }}
      </Loaded>
    </Page>
  );
}

// Signed names who authorised a step: the side, its delegate, and when.
function Signed({ act, partner }: { act: Schema<"Act">; partner: string }) {
  const { t } = useTranslation("agreements");
  const may = useMay();
  const delegates = api.useQuery("get", "/v1/bilaterals/{partner}/delegates", { params: { path: { partner }, query: { limit: 1000 } } }, { enabled: may("list-delegates") && Boolean(act.key) });
  const name = delegates.data?.items.find((d) => d.key === act.key)?.name;
  return (
    <Group gap={6}>
      <span>{act.by}</span>
      <span>{act.key ? (name ?? t("memberKey")) : t("nodeAlone")}</span>
      <When at={act.time} />
      {act.key && <Hash value={act.key} label={t("key")} length={8} />}
    </Group>
  );
}

function Answer({ agreement: a, partner }: { agreement: Agreement; partner: string }) {
  const { t } = useTranslation("agreements");
  const may = useMay();
  const [rejecting, setRejecting] = useState(false);
  const [why, setWhy] = useState("");
  const path = { partner, id: a.id };
  const done = (key: string) => () => {
    notifications.show({ color: "teal", message: t(key) });
    setRejecting(false);
    void queries.invalidateQueries();
  };
  const accept = api.useMutation("post", "/v1/bilaterals/{partner}/agreements/{id}/accept", { onSuccess: done("isAccepted") });
  const reject = api.useMutation("post", "/v1/bilaterals/{partner}/agreements/{id}/reject", { onSuccess: done("isRejected") });
  if (!a.pending) return null;
  if (!a.allowed.includes("accept")) return <Alert color="blue">{t("waitsThemText", { partner })}</Alert>;
  const hash = a.pending.hash; // of what was read: it is this that is signed
  return (
    <Alert color="yellow" title={t("waitsUsTitle", { partner })}>
      <Stack gap="sm">
        <Text size="sm">{t("waitsUsText")}</Text>
        <ProblemAlert error={accept.error} />
        <Group gap="xs">
          {may("accept-agreement") && (
            <Button size="sm" loading={accept.isPending} onClick={() => accept.mutate({ params: { path }, body: { hash } })}>
              {t("accept")}
            </Button>
          )}
          {may("reject-agreement") && (
            <Button size="sm" variant="default" onClick={() => setRejecting(true)}>
              {t("reject")}
            </Button>
          )}
        </Group>
      </Stack>
      {rejecting && <Ask onClose={() => setRejecting(false)} title={t("reject")} why={why} onWhy={setWhy} busy={reject.isPending} error={reject.error} onSend={() => reject.mutate({ params: { path }, body: { hash, why } })} />}
    </Alert>
  );
}

function Ask({ onClose, title, text, why, onWhy, busy, error, onSend }: { onClose: () => void; title: string; text?: string; why: string; onWhy: (v: string) => void; busy: boolean; error: unknown; onSend: () => void }) {
  const { t } = useTranslation("agreements");
  return (
    <Step title={title} text={text} onClose={onClose} onSubmit={onSend} busy={busy} error={error} color="red">
      <Textarea label={t("why")} description={t("whyText")} maxLength={500} autosize minRows={2} value={why} onChange={(e) => onWhy(e.currentTarget.value)} data-autofocus />
    </Step>
  );
}

// End ends an agreement that is in force, or withdraws what we have proposed.
function End({ agreement: a, partner }: { agreement: Agreement; partner: string }) {
  const { t } = useTranslation("agreements");
  const [opened, setOpened] = useState(false);
  const [why, setWhy] = useState("");
  const proposed = a.state === "proposed";
  const title = t(proposed ? "withdraw" : "end");
  const end = api.useMutation("post", "/v1/bilaterals/{partner}/agreements/{id}/terminate", {
    onSuccess: () => {
      notifications.show({ color: "teal", message: t(proposed ? "isWithdrawn" : "isEnded") });
      setOpened(false);
      void queries.invalidateQueries();
    },
  });
  return (
    <Group>
      <Button variant="light" color="red" onClick={() => setOpened(true)}>
        {title}
      </Button>
      {opened && <Ask onClose={() => setOpened(false)} title={title} text={t(proposed ? "withdrawText" : "endText", { partner })} why={why} onWhy={setWhy} busy={end.isPending} error={end.error} onSend={() => end.mutate({ params: { path: { partner, id: a.id } }, body: { why } })} />}
    </Group>
  );
}

// Suggestions are amendments that our own records call for.
function Suggestions({ partner, agreement }: { partner: string; agreement: string }) {
  const { t } = useTranslation("agreements");
  const may = useMay();
  const list = api.useQuery("get", "/v1/bilaterals/{partner}/suggestions", { params: { path: { partner } } }, { enabled: may("list-suggestions") });
  const adopt = api.useMutation("post", "/v1/bilaterals/{partner}/suggestions/{id}/adopt", {
    onSuccess: () => {
      notifications.show({ color: "teal", message: t("isAdopted") });
      void queries.invalidateQueries();
    },
  });
  const ours = (list.data?.items ?? []).filter((s) => s.agreement === agreement);
  if (!ours.length) return null;
  return (
    <Card withBorder component="section" aria-label={t("suggestions")}>
      <Stack gap="sm">
        <Title order={2} size="h4">
          {t("suggestions")}
        </Title>
        {ours.map((s) => (
          <Group key={s.id} justify="space-between">
            <Text size="sm">{t(`suggest.${s.kind}`, { carrier: s.carrier, trunk: s.trunk || "–", strip: s.strip || "–", add: s.add || "–", offset: s.offset_millis ?? 0, calls: s.calls, of: s.of, shown: s.shown })}</Text>
            {may("adopt-suggestion") && (
              <Button size="compact-sm" variant="default" loading={adopt.isPending} onClick={() => adopt.mutate({ params: { path: { partner, id: s.id } }, body: {} })}>
                {t("adopt")}
              </Button>
            )}
          </Group>
        ))}
        <ProblemAlert error={adopt.error} />
      </Stack>
    </Card>
  );
}
