import { Alert, Button, Card, Group, Select, Stack, Stepper, Text, Title } from "@mantine/core";
import { IconCheck, IconHourglass, IconUserCheck } from "@tabler/icons-react";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { useMay } from "@/api/session";
import { Loaded, Page } from "@/ui/Page";

import { FirstPartner } from "./FirstPartner";
import { FirstAgreement, FirstPeriod, FirstRates } from "./FirstTrade";
import { Keys, Organisation } from "./Joining";
import { current, progress, turn, type Known } from "./onboarding";
import { useKnown } from "./queries";
import { steps, type Step } from "./search";

// OnboardingPage leads a new carrier to its first settled period, and a partner of it on
// the other side. It keeps nothing: what is done is what the node says is done.
export function OnboardingPage() {
  const { t } = useTranslation("partners");
  const navigate = useNavigate();
  const search: { step?: Step; partner?: string } = useSearch({ strict: false });
  const { known, application, status, ready } = useKnown(search.partner);
  const done = progress(known);
  const step = search.step ?? current(done, steps);
  const go = (s: Step, partner = search.partner) => void navigate({ to: "/onboarding", search: { step: s, partner } as never, replace: true, resetScroll: false });
  const index = steps.indexOf(step);
  const partner = known.partner;
  const trade = step === "agreement" || step === "rates" || step === "period";
  const usable = known.bilaterals.filter((b) => b.state === "open").map((b) => b.partner);
  return (
    <Page title={t("onboarding")} lead={t("onboardingLead")} crumbs={[{ text: t("title"), to: "/partners" }]}>
      {!ready ? (
        <Loaded of={{ ...status, data: undefined }}>{() => null}</Loaded>
      ) : (
        <>
          <Stepper active={index} onStepClick={(i) => go(steps[i]!)} size="sm" wrap={false} className="steps">
            {steps.map((s) => (
              <Stepper.Step key={s} label={t(`step.${s}`)} description={t(done[s] ? "stepDone" : "stepOpen")} icon={done[s] && s !== step ? <IconCheck size={16} aria-hidden /> : undefined} completedIcon={done[s] ? <IconCheck size={16} aria-hidden /> : <IconHourglass size={16} aria-hidden />} color={done[s] ? "teal" : undefined} />
            ))}
          </Stepper>
          <Card withBorder component="section" aria-label={t(`step.${step}`)} padding="lg">
            <Stack>
              <Group justify="space-between" align="flex-end">
                <Title order={2} size="h4">
                  {t(`step.${step}`)}
                </Title>
                {trade && usable.length > 1 && <Select label={t("partner")} size="xs" w={160} allowDeselect={false} data={usable} value={partner ?? null} onChange={(p) => p && go(step, p)} />}
              </Group>
              <Next step={step} known={known} />
              {step === "organisation" && <Organisation me={known.me} member={known.member} application={application} />}
              {step === "keys" && <Keys me={known.me} member={known.member} application={application} />}
              {step === "partner" && <FirstPartner known={known} onChoose={(p) => go("partner", p)} />}
              {trade && !usable.includes(partner ?? "") && <Text size="sm">{t("agreementFirstPartner")}</Text>}
              {step === "agreement" && partner && usable.includes(partner) && <FirstAgreement known={known} partner={partner} />}
              {step === "rates" && partner && usable.includes(partner) && <FirstRates known={known} partner={partner} />}
              {step === "period" && partner && usable.includes(partner) && <FirstPeriod known={known} partner={partner} />}
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
        </>
      )}
    </Page>
  );
}

// needed is the operation without which somebody cannot do what comes next.
const needed: Record<string, string> = { administrator: "add-delegate", "product-manager": "propose-agreement", engineer: "import-usage", finance: "advise-payment" };

// Next says what comes next, and who has to act.
function Next({ step, known }: { step: Step; known: Known }) {
  const { t } = useTranslation("partners");
  const may = useMay();
  const x = turn(step, known);
  const role = x.role && t(`ui:roles.${x.role}`);
  const who = x.who === "us" && x.role ? (may(needed[x.role] ?? "") ? t("who.you") : t("who.us", { role })) : x.who === "them" ? t("who.them", { partner: known.partner, role }) : x.who === "members" ? t("who.members") : x.who === "node" ? t("who.node") : "";
  return (
    <Alert color={x.who === "done" ? "teal" : "blue"} icon={x.who === "done" ? <IconCheck aria-hidden /> : <IconUserCheck aria-hidden />} title={x.who === "done" ? t("stepDone") : who} role="status">
      {t(`turn.${x.what}`, { partner: known.partner, me: known.me, have: (known.member?.vouchers ?? []).length })}
    </Alert>
  );
}
