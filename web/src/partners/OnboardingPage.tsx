import { Alert, Button, Card, Group, Select, Stack, Stepper, Text, Timeline, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconCheck, IconHourglass } from "@tabler/icons-react";
import { useQueries } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api, queries, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { useMay, useSession } from "@/api/session";
import { Facts } from "@/ui/Facts";
import { FileDrop } from "@/ui/FileDrop";
import { GoTo } from "@/ui/GoTo";
import { Hash } from "@/ui/Hash";
import { Loaded, Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { StateBadge } from "@/ui/StateBadge";

import { current, opening, progress } from "./onboarding";
import { useBilaterals, useMembers } from "./queries";
import { steps, type Step } from "./search";

// OnboardingPage leads a new carrier to its first trade. It keeps nothing: what is done
// is what the node says is done.
export function OnboardingPage() {
  const { t } = useTranslation("partners");
  const navigate = useNavigate();
  const search: { step?: Step; partner?: string } = useSearch({ strict: false });
  const me = useSession()?.carrier ?? "";
  const may = useMay();
  const member = api.useQuery("get", "/v1/members/{code}", { params: { path: { code: me } } }, { refetchInterval: 5000 });
  const bilaterals = useBilaterals();
  const usable = bilaterals.rows.filter((b) => b.state === "open");
  const answers = useQueries({
    queries: usable.slice(0, 20).map((b) => ({ ...api.queryOptions("get", "/v1/bilaterals/{partner}/agreements", { params: { path: { partner: b.partner } } }), enabled: may("list-agreements") })),
  });
  const agreements = answers.flatMap((a, i) => (a.data?.items ?? []).map((x) => ({ ...x, partner: usable[i]!.partner })));
  const done = progress({ member: member.data, bilaterals: bilaterals.rows, agreements });
  const step = search.step ?? current(done, steps);
  const go = (s: Step) => void navigate({ to: "/onboarding", search: { ...search, step: s } as never });
  const index = steps.indexOf(step);
  const ready = !member.isPending && !(bilaterals.busy && !bilaterals.rows.length);
  return (
    <Page title={t("onboarding")} lead={t("onboardingLead")} crumbs={[{ text: t("title"), to: "/partners" }]}>
      <Stepper active={index} onStepClick={(i) => go(steps[i]!)} size="sm" wrap={false} styles={{ steps: { overflowX: "auto", paddingBottom: 4 } }}>
        {steps.map((s) => (
          <Stepper.Step key={s} label={t(`step.${s}`)} description={t(done[s] ? "stepDone" : "stepOpen")} completedIcon={done[s] ? <IconCheck size={16} aria-hidden /> : <IconHourglass size={16} aria-hidden />} color={done[s] ? "teal" : undefined} />
        ))}
      </Stepper>
      {!ready ? (
        <Loaded of={{ data: undefined, error: member.error, isPending: true, refetch: member.refetch }}>{() => null}</Loaded>
      ) : (
        <Card withBorder component="section" aria-label={t(`step.${step}`)} padding="lg">
          <Stack>
            <Title order={2} size="h4">
              {t(`step.${step}`)}
            </Title>
            {step === "organisation" && <Organisation member={member} me={me} />}
            {step === "keys" && <Keys member={member} me={me} />}
            {step === "partner" && <FirstPartner bilaterals={bilaterals.rows} chosen={search.partner} onChoose={(p) => void navigate({ to: "/onboarding", search: { step: "partner", partner: p } as never, replace: true })} />}
            {step === "agreement" && <FirstAgreement partners={usable.map((b) => b.partner)} agreements={agreements} chosen={search.partner} />}
            <Group justify="space-between" mt="md">
              <Button variant="default" disabled={index === 0} onClick={() => go(steps[index - 1]!)}>
                {t("back")}
              </Button>
              {index < steps.length - 1 ? (
                <Button onClick={() => go(steps[index + 1]!)} variant={done[step] ? "filled" : "default"}>
                  {t("nextStep")}
                </Button>
              ) : (
                <Button variant={done[step] ? "filled" : "default"} onClick={() => void navigate({ to: "/partners" })}>
                  {t("finish")}
                </Button>
              )}
            </Group>
          </Stack>
        </Card>
      )}
    </Page>
  );
}

interface MemberQuery {
  data: Schema<"Member"> | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

function Organisation({ member, me }: { member: MemberQuery; me: string }) {
  const { t } = useTranslation("partners");
  const may = useMay();
  const network = api.useQuery("get", "/v1/network", {});
  const needed = network.data?.vouchers;
  const applicants = useMembers("applied").rows;
  return (
    <>
      <Text size="sm">{t("organisationText")}</Text>
      <Loaded of={member}>
        {(m) => (
          <>
            <Facts
              of={[
                [t("code"), m.code],
                [t("legalName"), m.legal_name],
                [t("country"), m.country],
                [t("state"), <StateBadge state={m.state} key="s" />],
                [t("exchange"), m.exchange],
                [t("aliases"), (m.aliases ?? []).map((a) => `${a.scheme} ${a.value}`).join(", ") || "–"],
                [t("sponsor"), m.sponsor ?? "–"],
                [t("vouchers"), (m.vouchers ?? []).join(", ") || "–"],
              ]}
            />
            {m.state === "applied" && <Alert color="blue">{t("waitVouch", { have: (m.vouchers ?? []).length, needed })}</Alert>}
            {m.state === "active" && <Alert color="teal">{t("weAreMember")}</Alert>}
          </>
        )}
      </Loaded>
      {applicants.length > 0 && may("vouch-member") && (
        <Stack gap="xs">
          <Title order={3} size="h6">
            {t("applicants")}
          </Title>
          {applicants.map((a) => (
            <Applicant key={a.code} applicant={a} me={me} needed={needed} />
          ))}
        </Stack>
      )}
      {may("propose-member") && member.data?.state === "active" && <Sponsor />}
    </>
  );
}

function Applicant({ applicant: a, me, needed }: { applicant: Schema<"Member">; me: string; needed: number | undefined }) {
  const { t } = useTranslation("partners");
  const vouch = api.useMutation("post", "/v1/members/{code}/vouch", {
    onSuccess: () => {
      notifications.show({ color: "teal", message: t("vouched", { member: a.code }) });
      void queries.invalidateQueries();
    },
  });
  const ours = (a.vouchers ?? []).includes(me) || a.sponsor === me;
  return (
    <>
      <Group justify="space-between">
        <Text size="sm">{t("applicant", { code: a.code, name: a.legal_name, have: (a.vouchers ?? []).length, needed })}</Text>
        {ours ? (
          <Text size="sm" c="dimmed">
            {t("weVouched")}
          </Text>
        ) : (
          <Button size="compact-sm" variant="default" loading={vouch.isPending} onClick={() => vouch.mutate({ params: { path: { code: a.code } } })} aria-label={t("vouchFor", { member: a.code })}>
            {t("vouch")}
          </Button>
        )}
      </Group>
      <ProblemAlert error={vouch.error} />
    </>
  );
}

// Sponsor takes the signed application of somebody who wants to join.
function Sponsor() {
  const { t } = useTranslation("partners");
  const [unreadable, setUnreadable] = useState<unknown>();
  const propose = api.useMutation("post", "/v1/members", {
    onSuccess: (d) => {
      notifications.show({ color: "teal", message: t("sponsored", { member: d.record.code }) });
      void queries.invalidateQueries();
    },
  });
  const take = async (file: File) => {
    setUnreadable(undefined);
    try {
      if (file.size > 1 << 20) throw new Error(t("applicationTooLarge"));
      const value: unknown = JSON.parse(await file.text());
      const application = (typeof value === "object" && value !== null && "recovery" in value ? value : (value as { application?: unknown }).application) as Schema<"PartySigned">;
      propose.mutate({ body: { application } });
    } catch (err) {
      setUnreadable(err);
    }
  };
  return (
    <Stack gap="xs">
      <Title order={3} size="h6">
        {t("sponsorTitle")}
      </Title>
      <FileDrop label={t("sponsorFile")} hint={t("sponsorText")} accept=".json,application/json" disabled={propose.isPending} onFiles={([f]) => f && void take(f)} />
      <ProblemAlert error={unreadable ?? propose.error} />
    </Stack>
  );
}

function Keys({ member, me }: { member: MemberQuery; me: string }) {
  const { t } = useTranslation("partners");
  const may = useMay();
  const delegates = usePages("/v1/network/delegates", { query: { member: me } }, { enabled: may("list-network-delegates") });
  const ours = delegates.rows.filter((d) => d.member === me && !d.revoked);
  return (
    <>
      <Text size="sm">{t("keysText")}</Text>
      <Loaded of={member}>
        {(m) => (
          <Facts
            of={[
              ...m.member_keys.map((k): [string, ReactNode] => [t("memberKey"), <Hash value={k.key} label={t("memberKey")} length={20} key={k.key} />]),
              ...m.node_keys.map((k): [string, ReactNode] => [t("nodeKey"), <Hash value={k.key} label={t("nodeKey")} length={20} key={k.key} />]),
              [t("recoveryKey"), <Hash value={m.recovery} label={t("recoveryKey")} length={20} key="r" />],
              [t("networkDelegates"), ours.length ? ours.map((d) => `${d.name} (${d.roles.join(", ")})`).join("; ") : t("none")],
            ]}
          />
        )}
      </Loaded>
      <Text size="sm" c="dimmed">
        {t("keysDelegates")}
      </Text>
    </>
  );
}

function FirstPartner({ bilaterals, chosen, onChoose }: { bilaterals: Schema<"Bilateral">[]; chosen: string | undefined; onChoose: (partner: string) => void }) {
  const { t } = useTranslation("partners");
  const may = useMay();
  const me = useSession()?.carrier;
  const members = useMembers("active");
  const usable = bilaterals.filter((b) => b.state !== "lapsed");
  const [pick, setPick] = useState<string | null>(null);
  const open = api.useMutation("post", "/v1/bilaterals", {
    onSuccess: (b) => {
      void queries.invalidateQueries();
      onChoose(b.partner);
    },
  });
  const followed = usable.find((b) => b.partner === chosen) ?? usable.find((b) => b.state === "opening") ?? usable[0];
  return (
    <>
      <Text size="sm">{t("partnerText")}</Text>
      {may("open-bilateral") && (
        <form
          onSubmit={(e) => {
            e.preventDefault();
            if (pick) open.mutate({ body: { partner: pick } });
          }}
        >
          <Group align="flex-end">
            <Select
              label={t("partner")}
              searchable
              w={300}
              data={members.rows.filter((m) => m.code !== me && !usable.some((b) => b.partner === m.code)).map((m) => ({ value: m.code, label: `${m.code} – ${m.legal_name}` }))}
              value={pick}
              onChange={setPick}
              nothingFoundMessage={t("noMatch")}
            />
            <Button type="submit" loading={open.isPending} disabled={!pick}>
              {t("open")}
            </Button>
          </Group>
        </form>
      )}
      <ProblemAlert error={open.error} />
      {followed && <Opening partner={followed.partner} />}
    </>
  );
}

// Opening follows a Bilateral while both nodes bind themselves to it.
function Opening({ partner }: { partner: string }) {
  const { t } = useTranslation("partners");
  const bilateral = api.useQuery("get", "/v1/bilaterals/{partner}", { params: { path: { partner } } }, { refetchInterval: (q) => (q.state.data?.state === "opening" ? 1500 : false) });
  return (
    <Loaded of={bilateral} lines={3}>
      {(b) => {
        const stage = opening(b);
        const active = { announced: 0, lapsed: 0, binding: 1, halted: 2, open: 2 }[stage];
        return (
          <div role="status">
            <Group gap="xs" mb="sm">
              <Text fw={600}>{t("with", { partner })}</Text>
              <StateBadge state={b.state} />
            </Group>
            <Timeline active={active} bulletSize={20} lineWidth={2}>
              <Timeline.Item title={t("stage.announced")}>
                <Text size="sm">{t("stage.announcedText", { opener: b.opener })}</Text>
              </Timeline.Item>
              <Timeline.Item title={t("stage.binding")}>
                <Text size="sm">{t(b.opener === partner ? "stage.bindingUs" : "stage.bindingThem", { partner })}</Text>
              </Timeline.Item>
              <Timeline.Item title={t("stage.open")}>
                <Text size="sm">{t("stage.openText")}</Text>
              </Timeline.Item>
            </Timeline>
            {stage === "lapsed" && <Alert color="yellow">{t("stage.lapsed", { partner })}</Alert>}
            {b.problem && <Alert color="red">{b.problem}</Alert>}
          </div>
        );
      }}
    </Loaded>
  );
}

function FirstAgreement({ partners, agreements, chosen }: { partners: string[]; agreements: (Schema<"Agreement"> & { partner: string })[]; chosen: string | undefined }) {
  const { t } = useTranslation("partners");
  const may = useMay();
  const navigate = useNavigate();
  const me = useSession()?.carrier;
  const [pick, setPick] = useState<string | null>(chosen && partners.includes(chosen) ? chosen : null);
  if (!partners.length) return <Alert color="blue">{t("agreementFirstPartner")}</Alert>;
  const partner = pick ?? partners[0]!;
  return (
    <>
      <Text size="sm">{t("agreementText")}</Text>
      {agreements.map((a) => (
        <Group key={a.partner + a.id} gap="xs">
          <GoTo to={`/agreements/${encodeURIComponent(a.partner)}/${encodeURIComponent(a.id)}`}>
            {a.partner} {a.id}
          </GoTo>
          <StateBadge state={a.state} />
          <Text size="sm" c="dimmed">
            {a.state === "proposed" ? t(a.proposer === me ? "waitsForThem" : "waitsForUs", { partner: a.partner }) : ""}
          </Text>
        </Group>
      ))}
      {may("propose-agreement") ? (
        <Group align="flex-end">
          <Select label={t("partner")} data={partners} value={partner} onChange={setPick} allowDeselect={false} w={240} />
          <Button onClick={() => void navigate({ to: "/agreements/new", search: { partner } as never })}>{t("proposeAgreement")}</Button>
        </Group>
      ) : (
        <Text size="sm" c="dimmed">
          {t("productManagerProposes")}
        </Text>
      )}
    </>
  );
}
