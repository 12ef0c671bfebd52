import { Accordion, Alert, Button, Card, Group, List, NumberInput, SimpleGrid, Stack, Text, Textarea, TextInput, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { client, queries, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { usePlaces } from "@/api/places";
import { problemOf } from "@/api/problem";
import { sent } from "@/api/sent";
import { useMay } from "@/api/session";
import { product } from "@/lib/names";
import { bandwidth } from "@/lib/units";
import { DataTable } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { GoTo } from "@/ui/GoTo";
import { Money } from "@/ui/Money";
import { Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { useZone, When } from "@/ui/When";

import { Fields } from "./Fields";
import { inquire, ofIntent, type Terms } from "./wish";

// InquiryPage asks own legs and neighbours for a service: in words, or by a form. Words
// fill the form, so that what was understood can be corrected before anybody is asked.
export function InquiryPage() {
  const { t } = useTranslation("market");
  const from = useSearch({ strict: false }) as Terms;
  const navigate = useNavigate();
  const may = useMay();
  const { zone } = useZone();
  const [terms, setTerms] = useState<Terms>(from);
  const [intent, setIntent] = useState<Schema<"Intent">>();
  const share = (next: Terms) => void navigate({ to: "/inquiry", search: next as never, replace: true });
  const read = useMutation({
    mutationFn: (text: string) => sent(client.GET("/v1/inquiry", { params: { query: { text, zone } } })),
    onSuccess: (i) => {
      const next = { ...terms, ...ofIntent(i) };
      setIntent(i);
      setTerms(next);
      share(next);
    },
  });
  const ask = useMutation({
    mutationFn: (inquiry: Schema<"Inquire">) => sent(client.POST("/v1/inquiries", { body: inquiry })),
    onSuccess: (found) => {
      void queries.invalidateQueries();
      void navigate({ to: `/inquiry/${found.id}` });
    },
  });
  const [missing, setMissing] = useState<Record<string, string>>({});
  const problem = ask.error ? problemOf(ask.error) : undefined;
  const errors = { ...missing, ...(problem?.field ? { [problem.field.split(".")[0]!]: problem.detail } : {}) };
  const send = () => {
    const inquiry = inquire(terms);
    const lacks = Object.fromEntries((["a", "z", "type", "bandwidth"] as const).filter((k) => !terms[k]).map((k) => [k, t("ui:required")]));
    setMissing(lacks);
    share(terms);
    if (inquiry) ask.mutate(inquiry);
  };
  return (
    <Page title={t("inquiry")} lead={t("inquiryLead")} crumbs={[{ text: t("title"), to: "/market" }]}>
      <Card withBorder component="section">
        <form
          onSubmit={(e) => {
            e.preventDefault();
            if (terms.text) read.mutate(terms.text);
          }}
        >
          <Stack>
            <Title order={2} size="h4">
              {t("inWords")}
            </Title>
            <Textarea label={t("sentence")} description={t("sentenceHint")} autosize minRows={1} maxLength={500} value={terms.text ?? ""} onChange={(e) => setTerms({ ...terms, text: e.currentTarget.value || undefined })} />
            <Group>
              <Button type="submit" variant="default" loading={read.isPending} disabled={!terms.text}>
                {t("understand")}
              </Button>
            </Group>
            <ProblemAlert error={read.error} />
            {intent && <Understood of={intent} />}
          </Stack>
        </form>
      </Card>
      <Card withBorder component="section">
        <form
          noValidate
          onSubmit={(e) => {
            e.preventDefault();
            send();
          }}
        >
          <Stack>
            <Title order={2} size="h4">
              {t("byForm")}
            </Title>
            <Fields value={terms} onChange={setTerms} errors={errors} needed />
            <Accordion variant="separated" order={3}>
              <Accordion.Item value="more">
                <Accordion.Control>{t("more")}</Accordion.Control>
                <Accordion.Panel>
                  <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }}>
                    <NumberInput label={t("months")} description={t("monthsHint")} min={0} value={terms.months ?? ""} onChange={(v) => setTerms({ ...terms, months: Number(v) || undefined })} error={errors.months} />
                    <NumberInput label={t("hours")} description={t("hoursHint")} min={0} value={terms.hours ?? ""} onChange={(v) => setTerms({ ...terms, hours: Number(v) || undefined })} error={errors.hours} />
                    <TextInput label={t("period")} description={t("periodHint")} value={terms.period ?? ""} onChange={(e) => setTerms({ ...terms, period: e.currentTarget.value || undefined })} error={errors.period} />
                    <TextInput label={t("currency")} description={t("currencyHint")} value={terms.currency ?? ""} onChange={(e) => setTerms({ ...terms, currency: e.currentTarget.value.toUpperCase() || undefined })} error={errors.currency} />
                    <TextInput label={t("rule")} description={t("ruleHint")} placeholder="price + latency / 1000" value={terms.rule ?? ""} onChange={(e) => setTerms({ ...terms, rule: e.currentTarget.value || undefined })} error={errors.rule} />
                  </SimpleGrid>
                </Accordion.Panel>
              </Accordion.Item>
            </Accordion>
            <ProblemAlert error={ask.error} />
            {may("inquire") ? (
              <Group>
                <Button type="submit" loading={ask.isPending}>
                  {t("ask")}
                </Button>
                {ask.isPending && (
                  <Text size="sm" c="dimmed" role="status">
                    {t("asking")}
                  </Text>
                )}
              </Group>
            ) : (
              <Text size="sm" c="dimmed">
                {t("mayNotAsk")}
              </Text>
            )}
          </Stack>
        </form>
      </Card>
      {may("list-inquiries") && <Earlier />}
    </Page>
  );
}

// Understood shows how the words were read, and what was taken for granted.
function Understood({ of }: { of: Schema<"Intent"> }) {
  const { t } = useTranslation("market");
  return (
    <Alert color="lake" title={t("understood")} role="status">
      <Text size="sm" fw={600}>
        {of.sentence}
      </Text>
      {of.assumptions.length > 0 && (
        <>
          <Text size="sm" mt="xs">
            {t("assumed")}
          </Text>
          <List size="sm">
            {of.assumptions.map((a, i) => (
              <List.Item key={i}>{a.word ? `${a.word}: ${a.means}` : a.means}</List.Item>
            ))}
          </List>
        </>
      )}
    </Alert>
  );
}

// Earlier lists the inquiries that the node keeps.
function Earlier() {
  const { t, i18n } = useTranslation("market");
  const places = usePlaces();
  const rows = usePages("/v1/inquiries", { query: {} });
  const spot = (id: string) => places.get(id)?.name ?? id;
  const way = (x: Schema<"Inquiry">) => `${spot(x.inquiry.a)} – ${spot(x.inquiry.z)}`;
  const count = (x: Schema<"Inquiry">) => (x.found.best ? 1 : 0) + x.found.alternatives.length;
  return (
    <DataTable<Schema<"Inquiry">>
      label={t("earlier")}
      rows={rows}
      rowKey={(x) => x.id}
      file="inquiries"
      height={420}
      toolbar={
        <Title order={2} size="h4">
          {t("earlier")}
        </Title>
      }
      empty={<Empty title={t("noEarlier")}>{t("noEarlierText")}</Empty>}
      columns={[
        { id: "way", header: t("way"), width: "minmax(200px, 1.6fr)", cell: (x) => <GoTo to={`/inquiry/${x.id}`}>{way(x)}</GoTo>, value: way },
        { id: "asked", header: t("askedAt"), width: "220px", cell: (x) => <When at={x.asked} />, value: (x) => x.asked },
        { id: "by", header: t("by"), cell: (x) => x.by ?? "", value: (x) => x.by ?? "" },
        { id: "product", header: t("product"), width: "110px", cell: (x) => product(x.inquiry.type), value: (x) => x.inquiry.type },
        { id: "bandwidth", header: t("bandwidthOf"), right: true, width: "120px", cell: (x) => bandwidth(x.inquiry.bandwidth, i18n.language), value: (x) => x.inquiry.bandwidth },
        { id: "count", header: t("offers"), right: true, width: "90px", cell: count, value: count },
        { id: "best", header: t("best"), right: true, width: "180px", cell: (x) => (x.found.best ? <Money {...x.found.best.each} /> : "–"), value: (x) => x.found.best?.each.amount ?? "" },
        { id: "service", header: t("orderedOf"), width: "150px", cell: (x) => (x.service ? <GoTo to={`/services/${x.service}`}>{x.service.slice(0, 12)}</GoTo> : "–"), value: (x) => x.service ?? "" },
      ]}
    />
  );
}
