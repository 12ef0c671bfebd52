import { Alert, Button, Group, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconDownload } from "@tabler/icons-react";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api, queries, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { useMay } from "@/api/session";
import { download } from "@/lib/csv";
import { Facts } from "@/ui/Facts";
import { FileDrop } from "@/ui/FileDrop";
import { Hash } from "@/ui/Hash";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { StateBadge } from "@/ui/StateBadge";

import { useMembers } from "./queries";

interface Joining {
  me: string;
  member: Schema<"Member"> | undefined;
  application: Schema<"PartySigned"> | undefined;
}

// Organisation is how the network knows this carrier, or is to know it.
export function Organisation({ me, member: m, application }: Joining) {
  const { t } = useTranslation("partners");
  const may = useMay();
  const member = m?.state === "active";
  const network = api.useQuery("get", "/v1/network", {}, { enabled: m !== undefined });
  const needed = network.data?.vouchers;
  const applicants = useMembers("applied").rows;
  const a = application?.application;
  return (
    <>
      <Text size="sm">{t("organisationText")}</Text>
      {m ? (
        <Facts
          of={[
            [t("code"), m.code],
            [t("legalName"), m.legal_name],
            [t("country"), m.country],
            [t("state"), <StateBadge state={m.state} key="s" />],
            [t("exchange"), m.exchange],
            [t("aliases"), (m.aliases ?? []).map((x) => `${x.scheme} ${x.value}`).join(", ") || "–"],
            [t("sponsor"), m.sponsor ?? "–"],
            [t("vouchers"), (m.vouchers ?? []).join(", ") || "–"],
          ]}
        />
      ) : a ? (
        <>
          <Facts
            of={[
              [t("code"), a.code],
              [t("legalName"), a.legal_name],
              [t("country"), a.country],
              [t("exchange"), a.exchange],
              [t("aliases"), (a.aliases ?? []).map((x) => `${x.scheme} ${x.value}`).join(", ") || "–"],
            ]}
          />
          <Text size="sm">{t("applicationText")}</Text>
          <Group>
            <Button leftSection={<IconDownload size={16} aria-hidden />} onClick={() => download(`application-${me}.json`, new Blob([JSON.stringify(application, null, 2)], { type: "application/json" }))}>
              {t("applicationSave")}
            </Button>
          </Group>
        </>
      ) : (
        <Alert color="yellow">{t("applicationNone")}</Alert>
      )}
      {applicants.length > 0 && member && may("vouch-member") && (
        <Stack gap="xs">
          <Title order={3} size="h6">
            {t("applicants")}
          </Title>
          {applicants.map((x) => (
            <Applicant key={x.code} applicant={x} me={me} needed={needed} />
          ))}
        </Stack>
      )}
      {may("propose-member") && member && <Sponsor />}
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

// Keys are those by which others know this carrier.
export function Keys({ me, member: m, application }: Joining) {
  const { t } = useTranslation("partners");
  const may = useMay();
  const delegates = usePages("/v1/network/delegates", { query: { member: me } }, { enabled: m !== undefined && may("list-network-delegates") });
  const ours = delegates.rows.filter((d) => d.member === me && !d.revoked);
  const a = application?.application;
  const key = (label: string, value: string): [string, ReactNode] => [label, <Hash value={value} label={label} length={20} key={value} />];
  return (
    <>
      <Text size="sm">{t("keysText")}</Text>
      {m ? (
        <Facts of={[...m.member_keys.map((k) => key(t("memberKey"), k.key)), ...m.node_keys.map((k) => key(t("nodeKey"), k.key)), key(t("recoveryKey"), m.recovery), [t("networkDelegates"), ours.length ? ours.map((d) => `${d.name} (${d.roles.join(", ")})`).join("; ") : t("none")]]} />
      ) : (
        a && <Facts of={[key(t("memberKey"), a.member), key(t("nodeKey"), a.node), key(t("recoveryKey"), a.recovery)]} />
      )}
      <Text size="sm" c="dimmed">
        {t("keysDelegates")}
      </Text>
    </>
  );
}
