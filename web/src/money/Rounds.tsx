import { Alert, Button, Drawer, Group, NumberInput, Radio, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconTopologyRing } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { useMay, useSession } from "@/api/session";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Money } from "@/ui/Money";
import { Loaded } from "@/ui/Page";
import { StateBadge } from "@/ui/StateBadge";
import { Countdown, When } from "@/ui/When";

import { positive } from "./amount";
import { AmountInput, Facts, FormModal, Hint, MemberInput, Opens, StateSelect, useAddress, useFieldProblem, useKey, useRenewed } from "./common";
import { BeforeAfter } from "./DebtGraph";
import { names, ofRound } from "./graph";

type Round = Schema<"Round">;

// Rounds offset debts among many members.
export function Rounds() {
  const { t } = useTranslation("money");
  const may = useMay();
  const [{ state, id }, change] = useAddress();
  const rows = usePages("/v1/rounds", { query: state ? { state: state as "joining" } : {} });
  const [calling, setCalling] = useState(false);
  const columns: Column<Round>[] = [
    { id: "id", header: t("netting.round"), width: "160px", cell: (r) => <Opens onClick={() => change({ id: r.id })}>{r.id.slice(0, 12)}…</Opens>, value: (r) => r.id },
    { id: "state", header: t("state"), width: "120px", cell: (r) => <StateBadge state={r.state} />, value: (r) => r.state },
    { id: "caller", header: t("netting.caller"), width: "120px", cell: (r) => r.caller, value: (r) => r.caller },
    { id: "method", header: t("method"), width: "150px", cell: (r) => t(`netting.method.${r.method}`), value: (r) => r.method },
    { id: "offered", header: t("netting.offered"), width: "180px", right: true, cell: (r) => <Money amount={r.offered} currency={r.currency} size="sm" />, value: (r) => r.offered },
    { id: "currency", header: t("currency"), value: (r) => r.currency },
    { id: "join", header: t("netting.joinBy"), width: "230px", cell: (r) => <When at={r.join_by} size="sm" />, value: (r) => r.join_by },
    { id: "sign", header: t("netting.signBy"), width: "230px", cell: (r) => <When at={r.sign_by} size="sm" />, value: (r) => r.sign_by },
    { id: "missing", header: t("netting.missing"), width: "140px", right: true, cell: (r) => r.missing ?? "–", value: (r) => r.missing },
  ];
  return (
    <Stack gap="sm">
      <DataTable
        label={t("netting.rounds")}
        columns={columns}
        rows={rows}
        rowKey={(r) => r.id}
        file="rounds"
        empty={<Empty title={t("netting.roundsNone")} icon={<IconTopologyRing />}>{t("netting.roundsNoneText")}</Empty>}
        toolbar={
          <Group gap="sm" align="flex-end">
            <StateSelect of={["joining", "signing", "agreed", "lapsed"]} />
            {may("call-round") && <Button onClick={() => setCalling(true)}>{t("netting.call")}</Button>}
          </Group>
        }
      />
      <Hint>{t("netting.roundsHint")}</Hint>
      <CallForm opened={calling} onClose={() => setCalling(false)} />
      <Drawer opened={Boolean(id)} onClose={() => change({ id: undefined })} position="right" size="xl" title={t("netting.roundTitle", { id: id?.slice(0, 12) })} closeButtonProps={{ "aria-label": t("ui:close") }}>
        {id && <One id={id} />}
      </Drawer>
    </Stack>
  );
}

function One({ id }: { id: string }) {
  const { t } = useTranslation("money");
  const may = useMay();
  const own = useSession()?.carrier ?? "";
  const one = api.useQuery("get", "/v1/rounds/{id}", { params: { path: { id } } });
  const [joining, setJoining] = useState(false);
  return (
    <Loaded of={one}>
      {(r) => {
        const name = names(r.pairs, { code: own, key: r.key });
        const until = r.state === "joining" ? r.join_by : r.state === "signing" ? r.sign_by : undefined;
        return (
          <Stack>
            <Group justify="space-between">
              <StateBadge state={r.state} size="lg" />
              {until && (
                <Text size="sm">
                  {t(r.state === "joining" ? "netting.joinLeft" : "netting.signLeft")} <Countdown to={new Date(until).getTime()} fw={650} />
                </Text>
              )}
            </Group>
            <Alert color={r.state === "lapsed" ? "yellow" : "blue"}>{t(`netting.says.${r.state}`)}</Alert>
            {r.state === "joining" && may("join-round") && (
              <Group>
                <Button onClick={() => setJoining(true)}>{t("netting.join")}</Button>
              </Group>
            )}
            <Facts
              of={[
                [t("netting.caller"), r.caller],
                [t("method"), `${t(`netting.method.${r.method}`)}: ${t(`netting.methodText.${r.method}`)}`],
                [t("netting.joinBy"), <When key="j" at={r.join_by} />],
                [t("netting.signBy"), <When key="s" at={r.sign_by} />],
                ...(r.missing === undefined ? [] : [[t("netting.missing"), String(r.missing)] as [string, string]]),
                ...(r.result ? [[t("netting.resultHash"), <code key="r">{r.result}</code>] as [string, React.ReactNode]] : []),
              ]}
            />
            <Title order={2} size="h5">
              {t("netting.board")}
            </Title>
            {r.debts.length ? <BeforeAfter {...ofRound(r, name)} currency={r.currency} own={own} /> : <Empty title={t("netting.noOffers")}>{t("netting.noOffersText")}</Empty>}
            {r.payments.length > 0 && (
              <>
                <Title order={2} size="h5">
                  {t("netting.positions")}
                </Title>
                <Table aria-label={t("netting.positions")}>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>{t("payer")}</Table.Th>
                      <Table.Th>{t("payee")}</Table.Th>
                      <Table.Th ta="right">{t("amount")}</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {r.payments.map((p) => (
                      <Table.Tr key={`${p.payer} ${p.payee}`}>
                        <Table.Td>{name(p.payer)}</Table.Td>
                        <Table.Td>{name(p.payee)}</Table.Td>
                        <Table.Td ta="right">
                          <Money amount={p.amount} currency={r.currency} size="sm" />
                        </Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </>
            )}
            <Title order={2} size="h5">
              {t("netting.ours")}
            </Title>
            {r.pairs.length ? (
              <Table.ScrollContainer minWidth={420}>
                <Table aria-label={t("netting.ours")}>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>{t("partner")}</Table.Th>
                      <Table.Th ta="right">{t("netting.boundDebts")}</Table.Th>
                      <Table.Th>{t("netting.signed")}</Table.Th>
                      <Table.Th>{t("netting.applied")}</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {r.pairs.map((p) => (
                      <Table.Tr key={p.partner}>
                        <Table.Td>{p.partner}</Table.Td>
                        <Table.Td ta="right">{p.obligations.length}</Table.Td>
                        <Table.Td>{t(p.signed ? "yes" : "no")}</Table.Td>
                        <Table.Td>{t(p.applied ? "yes" : "no")}</Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
            ) : (
              <Text size="sm" c="dimmed">
                {t("netting.notIn")}
              </Text>
            )}
            <Hint>{t("netting.keys")}</Hint>
            <JoinForm id={id} currency={r.currency} method={r.method} opened={joining} onClose={() => setJoining(false)} />
          </Stack>
        );
      }}
    </Loaded>
  );
}

function CallForm({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const key = useKey(opened);
  const form = useForm({
    initialValues: { currency: "", method: "compression", join: 60, sign: 60 },
    validate: { currency: (v) => (v.trim() ? null : t("ui:required")), join: (v) => (v > 0 ? null : t("ui:required")), sign: (v) => (v > 0 ? null : t("ui:required")) },
  });
  const call = api.useMutation("post", "/v1/rounds", renewed(t("netting.called"), () => (form.reset(), onClose())));
  useFieldProblem(form, call.error);
  return (
    <FormModal
      opened={opened}
      onClose={onClose}
      title={t("netting.call")}
      submit={t("netting.call")}
      busy={call.isPending}
      error={call.error}
      onSubmit={form.onSubmit((v) => {
        const join = Date.now() + v.join * 60_000;
        call.mutate({
          params: { header: { "Idempotency-Key": key } },
          body: { currency: v.currency.trim().toUpperCase(), method: v.method as "compression", join_by: new Date(join).toISOString(), sign_by: new Date(join + v.sign * 60_000).toISOString() },
        });
      })}
    >
      <TextInput label={t("currency")} required maxLength={8} {...form.getInputProps("currency")} />
      <Radio.Group label={t("method")} {...form.getInputProps("method")}>
        <Stack gap="xs" mt="xs">
          {(["compression", "multilateral"] as const).map((m) => (
            <Radio key={m} value={m} label={t(`netting.method.${m}`)} description={t(`netting.methodText.${m}`)} />
          ))}
        </Stack>
      </Radio.Group>
      <Group grow align="flex-start">
        <NumberInput label={t("netting.joinFor")} suffix={` ${t("minutes")}`} min={1} max={43_200} allowNegative={false} required {...form.getInputProps("join")} />
        <NumberInput label={t("netting.signFor")} suffix={` ${t("minutes")}`} min={1} max={43_200} allowNegative={false} required {...form.getInputProps("sign")} />
      </Group>
    </FormModal>
  );
}

function JoinForm({ id, currency, method, opened, onClose }: { id: string; currency: string; method: string; opened: boolean; onClose: () => void }) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const form = useForm({ initialValues: { limit: "", partner: "" }, validate: { limit: (v) => (!v || positive(v) ? null : t("badAmount")) } });
  const join = api.useMutation("post", "/v1/rounds/{id}/join", renewed(t("netting.joined"), onClose));
  useFieldProblem(form, join.error);
  return (
    <FormModal
      opened={opened}
      onClose={onClose}
      title={t("netting.join")}
      submit={t("netting.join")}
      busy={join.isPending}
      error={join.error}
      onSubmit={form.onSubmit((v) => join.mutate({ params: { path: { id } }, body: { ...(v.limit ? { limit: v.limit } : {}), ...(v.partner ? { partner: v.partner } : {}) } }))}
    >
      <Text size="sm">{t("netting.joinText")}</Text>
      {method === "multilateral" && <Alert color="yellow">{t("netting.newHolder")}</Alert>}
      <AmountInput label={`${t("netting.limit")} (${currency})`} description={t("netting.limitText")} {...form.getInputProps("limit")} />
      <MemberInput label={t("partner")} description={t("netting.partnerText")} {...form.getInputProps("partner")} />
    </FormModal>
  );
}
