import { Autocomplete, Card, Group, NumberInput, Select, SimpleGrid, Stack, Switch, Table, Text, Textarea, TextInput, Title } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { amounts } from "@/lib/amounts";
import { zones } from "@/lib/time";

import type { Values } from "./form";

export type Form = UseFormReturnType<Values>;

const outcomes = ["lapsed", "stated-stands", "no-claim", "no-proof", "accepted", "escalated", "manual", "overdue", "ended", "presumed-received"];

// amountFields refuse what is no list of amounts before it is sent.
export const amountChecks = (bad: string) => Object.fromEntries(["line_threshold", "open_threshold", "exposure", "unattested"].map((f) => [f, (v: string) => (amounts(v) ? null : bad)]));

// TermsFields are the inputs for terms.
export function TermsFields({ form }: { form: Form }) {
  const { t } = useTranslation("agreements");
  const label = (key: string) => t(`terms.${key}`);
  const words = (...all: string[]) => all.map((value) => ({ value, label: t(`words.${value}`) }));
  const part = (key: string, children: ReactNode) => (
    <Card withBorder component="section" aria-label={t(`sections.${key}`)}>
      <Stack gap="sm">
        <Title order={2} size="h4">
          {t(`sections.${key}`)}
        </Title>
        {children}
      </Stack>
    </Card>
  );
  const amount = (f: "line_threshold" | "open_threshold" | "exposure" | "unattested") => <TextInput label={label(f)} placeholder="EUR 5000, USD 2500" {...form.getInputProps(f)} />;
  const onOff = (f: "netting" | "net_by_day" | "whole_payments" | "verified_payments" | "past_periods" | "destroy_old_keys") => <Switch label={label(f)} {...form.getInputProps(f, { type: "checkbox" })} />;
  return (
    <Stack>
      {part(
        "periods",
        <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
          <Autocomplete label={label("cycle")} required data={["15s", "1m", "1h", "1d", "1mo"]} {...form.getInputProps("cycle")} />
          <Select label={label("zone")} searchable allowDeselect={false} data={zones()} {...form.getInputProps("zone")} />
          <Select label={label("period_by")} allowDeselect={false} data={words("end", "start")} {...form.getInputProps("period_by")} />
          <NumberInput label={t("graceSeconds")} min={0} {...form.getInputProps("grace_seconds")} />
          {onOff("past_periods")}
        </SimpleGrid>,
      )}
      {part(
        "comparison",
        <>
          <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
            <Select label={label("compare")} allowDeselect={false} data={words("before-invoice", "after-invoice")} {...form.getInputProps("compare")} />
            <NumberInput label={t("startTolerance")} min={0} {...form.getInputProps("start_tolerance_millis")} />
            <NumberInput label={t("secondsTolerance")} min={0} {...form.getInputProps("seconds_tolerance")} />
            {amount("line_threshold")}
            {amount("open_threshold")}
          </SimpleGrid>
          <Textarea label={label("rule")} description={t("ruleText")} autosize minRows={4} maxLength={8192} styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }} spellCheck={false} {...form.getInputProps("rule")} />
        </>,
      )}
      {part(
        "moneyPart",
        <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
          <TextInput label={t("methodName")} required {...form.getInputProps("method")} />
          <NumberInput label={t("dueDays")} min={0} {...form.getInputProps("due_days")} />
          {amount("exposure")}
          {amount("unattested")}
          {onOff("netting")}
          {onOff("net_by_day")}
          {onOff("whole_payments")}
          {onOff("verified_payments")}
        </SimpleGrid>,
      )}
      {part(
        "notices",
        <>
          <Switch label={t("hasNotice")} {...form.getInputProps("notice", { type: "checkbox" })} />
          {form.values.notice && (
            <SimpleGrid cols={{ base: 1, sm: 3 }}>
              <NumberInput label={t("increaseDays")} min={0} {...form.getInputProps("increase_days")} />
              <NumberInput label={t("decreaseDays")} min={0} {...form.getInputProps("decrease_days")} />
              <Select label={label("short")} allowDeselect={false} data={words("refuse", "later")} {...form.getInputProps("short")} />
            </SimpleGrid>
          )}
        </>,
      )}
      {part(
        "deadlines",
        <Table.ScrollContainer minWidth={520} type="native" tabIndex={0}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("stageName")}</Table.Th>
                <Table.Th>{t("hours")}</Table.Th>
                <Table.Th>{t("outcomeName")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {form.values.deadlines.map((d, i) => (
                <Table.Tr key={d.stage}>
                  <Table.Td>
                    <Text size="sm">{t(`terms.stage.${d.stage}`, { defaultValue: d.stage })}</Text>
                  </Table.Td>
                  <Table.Td>
                    <NumberInput w={110} min={0} aria-label={t("hoursOf", { stage: d.stage })} {...form.getInputProps(`deadlines.${i}.hours`)} />
                  </Table.Td>
                  <Table.Td>
                    <Select w={240} allowDeselect={false} aria-label={t("outcomeOf", { stage: d.stage })} data={outcomes.map((value) => ({ value, label: t(`outcome.${value}`) }))} {...form.getInputProps(`deadlines.${i}.outcome`)} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>,
      )}
      {part(
        "records",
        <Group align="flex-end">
          <NumberInput label={t("retentionDays")} min={1} {...form.getInputProps("retention_days")} />
          {onOff("destroy_old_keys")}
        </Group>,
      )}
    </Stack>
  );
}
