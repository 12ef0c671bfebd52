import { Badge, Button, Card, Group, SimpleGrid, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { useMay } from "@/api/session";
import { span } from "@/lib/time";
import { Empty } from "@/ui/Empty";
import { Loaded } from "@/ui/Page";
import { Ago } from "@/ui/When";

import { FormModal, useFieldProblem, useRenewed } from "./common";

const tones: Record<string, string> = { counts: "teal", deviates: "yellow", stale: "yellow", silent: "gray" };

// Rates are those of exchange that sources state, and which of them count.
export function Rates() {
  const { t } = useTranslation("money");
  const may = useMay();
  const list = api.useQuery("get", "/v1/feeds", { params: { query: { limit: 1000 } } });
  const [stating, setStating] = useState<string>();
  return (
    <Loaded of={list}>
      {({ items }) =>
        items.length ? (
          <SimpleGrid cols={{ base: 1, lg: 2 }}>
            {items.map((f) => (
              <Feed key={f.pair} of={f} onState={may("state-rate") ? () => setStating(f.pair) : undefined} />
            ))}
            {stating && <StateForm pair={stating} onClose={() => setStating(undefined)} />}
          </SimpleGrid>
        ) : (
          <Card withBorder>
            <Empty title={t("rates.none")}>{t("rates.noneText")}</Empty>
          </Card>
        )
      }
    </Loaded>
  );
}

function Feed({ of, onState }: { of: Schema<"Feed">; onState?: () => void }) {
  const { t, i18n } = useTranslation("money");
  const counting = of.sources.filter((s) => s.standing === "counts").length;
  return (
    <Card withBorder component="section" aria-label={of.pair}>
      <Stack gap="xs">
        <Group justify="space-between">
          <Title order={2} size="h4">
            {of.pair}
          </Title>
          {onState && (
            <Button size="compact-sm" variant="default" onClick={onState}>
              {t("rates.state")}
            </Button>
          )}
        </Group>
        {of.rate ? (
          <Text fz={26} fw={650} className="numbers">
            {of.rate}
          </Text>
        ) : (
          <Text fw={600} c="var(--mantine-color-error)">
            {t("rates.noRate")} {of.problem}
          </Text>
        )}
        <Text size="sm" c="dimmed">
          {t("rates.rule", { counting, quorum: of.quorum, fresh: span(of.stale_ms), deviation: (of.deviation_ppm / 10_000).toLocaleString(i18n.language) })}
        </Text>
        <Table.ScrollContainer minWidth={360}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("rates.source")}</Table.Th>
                <Table.Th ta="right">{t("rates.rate")}</Table.Th>
                <Table.Th>{t("rates.said")}</Table.Th>
                <Table.Th>{t("rates.standing")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {of.sources.map((s) => (
                <Table.Tr key={s.key}>
                  <Table.Td>
                    <code title={s.key}>{s.key.slice(0, 10)}…</code>
                  </Table.Td>
                  <Table.Td ta="right" className="numbers">
                    {s.rate ?? "–"}
                  </Table.Td>
                  <Table.Td>{s.at ? <Ago at={s.at} /> : "–"}</Table.Td>
                  <Table.Td>
                    <Badge variant="light" className="state" color={tones[s.standing] ?? "gray"}>
                      {t(`rates.standings.${s.standing}`, { defaultValue: s.standing })}
                    </Badge>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      </Stack>
    </Card>
  );
}

function StateForm({ pair, onClose }: { pair: string; onClose: () => void }) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const [base = "", quote = ""] = pair.split("/");
  const form = useForm({ initialValues: { rate: "" }, validate: { rate: (v) => (/^\d{1,9}(\.\d{1,9})?$/.test(v) && Number(v) > 0 ? null : t("rates.badRate")) } });
  const state = api.useMutation("post", "/v1/feeds/{base}/{quote}/state", renewed(t("rates.done"), onClose));
  useFieldProblem(form, state.error);
  return (
    <FormModal
      opened
      onClose={onClose}
      title={t("rates.stateTitle", { pair })}
      submit={t("rates.state")}
      busy={state.isPending}
      error={state.error}
      onSubmit={form.onSubmit((v) => state.mutate({ params: { path: { base, quote } }, body: { rate: v.rate, at: new Date().toISOString() } }))}
    >
      <TextInput label={t("rates.rate")} description={t("rates.rateText", { base, quote })} required inputMode="decimal" autoComplete="off" {...form.getInputProps("rate")} />
    </FormModal>
  );
}
