import { Alert, Anchor, Button, Card, Checkbox, Group, Stack, Table, Text, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconEye, IconLock } from "@tabler/icons-react";
import { useQueries } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { problemOf } from "@/api/problem";
import { useMay, useSession } from "@/api/session";
import { Empty } from "@/ui/Empty";
import { Money } from "@/ui/Money";
import { Loaded, Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { StateBadge } from "@/ui/StateBadge";
import { Countdown, When } from "@/ui/When";

import { positive } from "./amount";
import { AmountInput, FormModal, Hint, MemberInput, PartnerSelect, StateSelect, TokenSelect, useAddress, useFieldProblem, usePartners, useRenewed } from "./common";

type Deposit = Schema<"Deposit">;
type Asked = { kind: "open" } | { kind: "topUp" | "release" | "exit"; partner: string; of: Deposit };

// DepositsPage shows the tokens that are locked with each partner, out of which the two pay.
export function DepositsPage() {
  const { t } = useTranslation("money");
  const may = useMay();
  const [{ partner, state }] = useAddress();
  const partners = usePartners();
  const chosen = (partners.codes ?? []).filter((p) => !partner || p === partner);
  const lists = useQueries({
    queries: chosen.map((p) => ({
      ...api.queryOptions("get", "/v1/bilaterals/{partner}/deposits", { params: { path: { partner: p }, query: { limit: 1000, ...(state ? { state: state as "locked" } : {}) } } }),
      staleTime: 15_000,
    })),
  });
  const [asked, ask] = useState<Asked>();
  const close = () => ask(undefined);
  const own = useSession()?.carrier;
  const failed = lists.find((l) => l.error);
  const found = chosen.map((p, i) => ({ partner: p, items: lists[i]?.data?.items ?? [] })).filter((x) => x.items.length);
  const pending = lists.some((l) => l.isPending);
  return (
    <Page
      title={t("deposits.title")}
      lead={t("deposits.lead")}
      actions={
        may("open-deposit") && (
          <Button leftSection={<IconLock size={18} aria-hidden />} onClick={() => ask({ kind: "open" })}>
            {t("deposits.open")}
          </Button>
        )
      }
    >
      <Group gap="sm" align="flex-end">
        <PartnerSelect />
        <StateSelect of={["locked", "leaving", "closed", "claimed"]} />
      </Group>
      <Loaded of={partners}>
        {() => (
          <>
            {failed && <ProblemAlert error={failed.error} retry={() => void failed.refetch()} />}
            {found.map((x) => (
              <Card withBorder key={x.partner} component="section" aria-label={x.partner}>
                <Title order={2} size="h4" mb="xs">
                  {x.partner}
                </Title>
                <Table.ScrollContainer minWidth={860}>
                  <Table>
                    <Table.Thead>
                      <Table.Tr>
                        <Table.Th>{t("deposits.lock")}</Table.Th>
                        <Table.Th>{t("owner")}</Table.Th>
                        <Table.Th ta="right">{t("deposits.locked")}</Table.Th>
                        <Table.Th ta="right">{t("deposits.ours")}</Table.Th>
                        <Table.Th ta="right">{t("deposits.theirs")}</Table.Th>
                        <Table.Th>{t("state")}</Table.Th>
                        <Table.Th>{t("actions")}</Table.Th>
                      </Table.Tr>
                    </Table.Thead>
                    <Table.Tbody>
                      {x.items.map((d) => (
                        <Table.Tr key={d.id}>
                          <Table.Td>
                            <code title={d.id}>{d.id.slice(0, 10)}…</code>
                          </Table.Td>
                          <Table.Td>{d.owner === own ? t("deposits.us", { code: d.owner }) : d.owner}</Table.Td>
                          <Table.Td ta="right">
                            <Money amount={d.amount.amount} currency={d.amount.token} size="sm" />
                          </Table.Td>
                          <Table.Td ta="right">
                            <Money amount={d.ours} currency={d.amount.token} size="sm" />
                          </Table.Td>
                          <Table.Td ta="right">
                            <Money amount={d.theirs} currency={d.amount.token} size="sm" />
                          </Table.Td>
                          <Table.Td>
                            <StateBadge state={d.state} miw={86} />
                            {d.contest_until && d.state === "leaving" && (
                              <Text size="xs" c="dimmed">
                                {t("deposits.contest")} <Countdown to={new Date(d.contest_until).getTime()} />
                              </Text>
                            )}
                            {d.stopped_until && (
                              <Text size="xs" c="dimmed">
                                {t("deposits.stopped")} <When at={d.stopped_until} size="xs" />
                              </Text>
                            )}
                            {d.stale && <Text size="xs">{t("deposits.stale")}</Text>}
                          </Table.Td>
                          <Table.Td>
                            {d.state === "locked" && (
                              <Group gap={6}>
                                {d.owner === own && may("top-up-deposit") && (
                                  <Button size="compact-sm" variant="default" onClick={() => ask({ kind: "topUp", partner: x.partner, of: d })}>
                                    {t("deposits.topUp")}
                                  </Button>
                                )}
                                {may("release-deposits") && (
                                  <Button size="compact-sm" variant="default" onClick={() => ask({ kind: "release", partner: x.partner, of: d })}>
                                    {t("deposits.release")}
                                  </Button>
                                )}
                                {may("exit-deposits") && (
                                  <Button size="compact-sm" variant="subtle" color="red" onClick={() => ask({ kind: "exit", partner: x.partner, of: d })}>
                                    {t("deposits.leave")}
                                  </Button>
                                )}
                              </Group>
                            )}
                          </Table.Td>
                        </Table.Tr>
                      ))}
                    </Table.Tbody>
                  </Table>
                </Table.ScrollContainer>
              </Card>
            ))}
            {!found.length && !failed && !pending && (
              <Card withBorder>
                <Empty title={t("deposits.none")} icon={<IconLock />}>
                  {t("deposits.noneText")}
                </Empty>
              </Card>
            )}
            {pending && <Text c="dimmed" role="status">{t("ui:loading")}</Text>}
          </>
        )}
      </Loaded>
      <Hint>{t("deposits.hint")}</Hint>
      {asked?.kind === "open" && <OpenForm partner={partner ?? ""} onClose={close} />}
      {asked?.kind === "topUp" && <TopUpForm partner={asked.partner} of={asked.of} onClose={close} />}
      {asked?.kind === "release" && <ReleaseForm partner={asked.partner} of={asked.of} onClose={close} onLeave={() => ask({ ...asked, kind: "exit" })} />}
      {asked?.kind === "exit" && <ExitForm partner={asked.partner} of={asked.of} onClose={close} />}
    </Page>
  );
}

function OpenForm({ partner, onClose }: { partner: string; onClose: () => void }) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const form = useForm({
    initialValues: { partner, token: "", amount: "" },
    validate: { partner: (v) => (v ? null : t("ui:required")), token: (v) => (v ? null : t("ui:required")), amount: (v) => (positive(v) ? null : t("badAmount")) },
  });
  const open = api.useMutation("post", "/v1/bilaterals/{partner}/deposits", renewed(t("deposits.opened"), onClose));
  useFieldProblem(form, open.error);
  return (
    <FormModal
      opened
      onClose={onClose}
      title={t("deposits.open")}
      submit={t("deposits.openDo")}
      busy={open.isPending}
      error={open.error}
      onSubmit={form.onSubmit((v) => open.mutate({ params: { path: { partner: v.partner } }, body: { amount: { token: v.token, amount: v.amount } } }))}
    >
      <Text size="sm">{t("deposits.openText")}</Text>
      <MemberInput label={t("partner")} required {...form.getInputProps("partner")} />
      <Group grow align="flex-start">
        <TokenSelect label={t("token")} required {...form.getInputProps("token")} />
        <AmountInput label={t("amount")} required {...form.getInputProps("amount")} />
      </Group>
    </FormModal>
  );
}

interface OneProps {
  partner: string;
  of: Deposit;
  onClose: () => void;
}

function TopUpForm({ partner, of, onClose }: OneProps) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const form = useForm({ initialValues: { amount: "" }, validate: { amount: (v) => (positive(v) ? null : t("badAmount")) } });
  const put = api.useMutation("post", "/v1/bilaterals/{partner}/deposits/top-up", renewed(t("deposits.toppedUp"), onClose));
  useFieldProblem(form, put.error);
  return (
    <FormModal
      opened
      onClose={onClose}
      title={t("deposits.topUpTitle", { partner })}
      submit={t("deposits.topUp")}
      busy={put.isPending}
      error={put.error}
      onSubmit={form.onSubmit((v) => put.mutate({ params: { path: { partner } }, body: { deposit: of.id, amount: { token: of.amount.token, amount: v.amount } } }))}
    >
      <Text size="sm">
        {t("deposits.now")} <Money amount={of.amount.amount} currency={of.amount.token} />
      </Text>
      <AmountInput label={t("deposits.more", { token: of.amount.token })} required {...form.getInputProps("amount")} />
    </FormModal>
  );
}

function ReleaseForm({ partner, of, onClose, onLeave }: OneProps & { onLeave: () => void }) {
  const { t } = useTranslation("money");
  const may = useMay();
  const renewed = useRenewed();
  const form = useForm({ initialValues: { keep: "", reveals: false }, validate: { keep: (v) => (!v || positive(v) ? null : t("badAmount")) } });
  const release = api.useMutation("post", "/v1/bilaterals/{partner}/deposits/release", renewed(t("deposits.released"), onClose));
  useFieldProblem(form, release.error);
  const shows = Boolean(release.error) && problemOf(release.error).code === "reveals-the-pair";
  return (
    <FormModal
      opened
      onClose={onClose}
      title={t("deposits.releaseTitle", { partner })}
      submit={t("deposits.release")}
      busy={release.isPending}
      error={release.error}
      onSubmit={form.onSubmit((v) =>
        release.mutate({ params: { path: { partner } }, body: { token: of.amount.token, ...(v.keep ? { keep: v.keep } : {}), ...(v.reveals ? { reveals: true } : {}) } }),
      )}
    >
      <Text size="sm">{t("deposits.releaseText", { token: of.amount.token })}</Text>
      <AmountInput label={t("deposits.keep")} description={t("deposits.keepText")} {...form.getInputProps("keep")} />
      {(shows || form.values.reveals) && (
        <>
          <Alert color="yellow" icon={<IconEye aria-hidden />} title={t("deposits.seen")}>
            {t("deposits.seenText", { partner })}
          </Alert>
          <Checkbox label={t("deposits.mayBeSeen")} {...form.getInputProps("reveals", { type: "checkbox" })} />
        </>
      )}
      {may("exit-deposits") && (
        <Text size="sm">
          {t("deposits.silent")}{" "}
          <Anchor component="button" type="button" size="sm" onClick={onLeave}>
            {t("deposits.leaveAlone")}
          </Anchor>
        </Text>
      )}
    </FormModal>
  );
}

function ExitForm({ partner, of, onClose }: OneProps) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const form = useForm({ initialValues: { reveals: false } });
  const exit = api.useMutation("post", "/v1/bilaterals/{partner}/deposits/exit", renewed(t("deposits.left"), onClose));
  return (
    <FormModal
      opened
      danger
      onClose={onClose}
      title={t("deposits.exitTitle", { partner })}
      submit={t("deposits.leave")}
      disabled={!form.values.reveals}
      busy={exit.isPending}
      error={exit.error}
      onSubmit={form.onSubmit(() => exit.mutate({ params: { path: { partner } }, body: { deposit: of.id, reveals: true } }))}
    >
      <Stack gap={4}>
        <Text size="sm">
          {t("deposits.share")} <Money amount={of.ours} currency={of.amount.token} fw={600} />
        </Text>
        <Text size="sm">{t("deposits.exitText", { partner })}</Text>
      </Stack>
      <Alert color="red" icon={<IconEye aria-hidden />} title={t("deposits.reveals", { partner })}>
        {t("deposits.revealsText", { partner })}
      </Alert>
      <Checkbox label={t("deposits.understood")} {...form.getInputProps("reveals", { type: "checkbox" })} />
    </FormModal>
  );
}
