import { Alert, Button, Group, Select, Stack, Text, TextInput, Timeline, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, queries } from "@/api/client";
import { sent } from "@/api/sent";
import { useMay } from "@/api/session";
import { amounts } from "@/lib/amounts";
import { Facts } from "@/ui/Facts";
import { Loaded } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { StateBadge } from "@/ui/StateBadge";

import { opening, unregistered, type Known } from "./onboarding";
import { useMembers } from "./queries";

// FirstPartner opens a Bilateral, and has it know the keys that the two nodes act with.
export function FirstPartner({ known, onChoose }: { known: Known; onChoose: (partner: string) => void }) {
  const { t } = useTranslation("partners");
  const may = useMay();
  const members = useMembers("active");
  const usable = known.bilaterals.filter((b) => b.state !== "lapsed");
  const [pick, setPick] = useState<string | null>(null);
  const open = api.useMutation("post", "/v1/bilaterals", {
    onSuccess: (b) => {
      void queries.invalidateQueries();
      setPick(null);
      onChoose(b.partner);
    },
  });
  if (known.member?.state !== "active") return null;
  const followed = known.bilaterals.find((b) => b.partner === known.partner);
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
              maw="100%"
              data={members.rows.filter((m) => m.code !== known.me && !usable.some((b) => b.partner === m.code)).map((m) => ({ value: m.code, label: `${m.code} – ${m.legal_name}` }))}
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
      {followed?.state === "open" && <NodeKeys known={known} partner={followed.partner} />}
    </>
  );
}

// NodeKeys has a Bilateral know the keys with which our node acts, up to a limit.
function NodeKeys({ known, partner }: { known: Known; partner: string }) {
  const { t } = useTranslation("partners");
  const may = useMay();
  const left = unregistered(known);
  const theirs = known.delegates.filter((d) => d.member === partner && !d.revoked).length;
  const form = useForm({ initialValues: { limits: "EUR 100000" }, validate: { limits: (v) => (amounts(v) ? null : t("limitsBad")) } });
  const register = useMutation({
    mutationFn: async (limits: string) => {
      for (const k of left) {
        await sent(client.POST("/v1/bilaterals/{partner}/delegates", { params: { path: { partner } }, body: { key: k.key, name: `node, ${k.role}`, roles: [k.role], limits: amounts(limits) } }));
      }
    },
    onSuccess: () => notifications.show({ color: "teal", message: t("registered", { partner }) }),
    onSettled: () => void queries.invalidateQueries(), // some may be registered when one is not
  });
  return (
    <Stack gap="sm">
      <Title order={3} size="h6">
        {t("nodeKeys")}
      </Title>
      <Text size="sm">{t("nodeKeysText")}</Text>
      <Facts
        of={[
          [t("ours"), t("registeredOf", { n: known.own.length - left.length, of: known.own.length })],
          [t("theirs", { partner }), t(theirs ? "registeredN" : "registeredNone", { count: theirs })],
        ]}
      />
      {left.length > 0 && may("add-delegate") && (
        <form onSubmit={form.onSubmit((v) => register.mutate(v.limits))}>
          <Group align="flex-start">
            <TextInput label={t("limitsText")} description={t("limitsNode")} w={320} maw="100%" {...form.getInputProps("limits")} />
          </Group>
          <Button type="submit" mt="sm" loading={register.isPending}>
            {t("register")}
          </Button>
        </form>
      )}
      <ProblemAlert error={register.error} />
    </Stack>
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
