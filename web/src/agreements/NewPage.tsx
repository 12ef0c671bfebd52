import { Button, Card, Group, Select, SimpleGrid, Stack, TagsInput, Text, Textarea, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, queries } from "@/api/client";
import { sha256 } from "@/lib/sha256";
import { isProblem } from "@/api/problem";
import { FileDrop } from "@/ui/FileDrop";
import { Loaded, Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";

import { termsOf, valuesOf, type Values } from "./form";
import { amountChecks, TermsFields } from "./TermsFields";
import { edge, freeId, type Terms } from "./terms";

// NewPage proposes an agreement: the usual terms to begin with, in a form.
export function NewPage() {
  const { t } = useTranslation("agreements");
  const terms = api.useQuery("get", "/v1/terms", {}, { staleTime: Infinity });
  return (
    <Page title={t("propose")} lead={t("proposeLead")} crumbs={[{ text: t("title"), to: "/agreements" }]}>
      <Loaded of={terms}>{(base) => <Proposal base={base} />}</Loaded>
    </Page>
  );
}

const clauses = ["governing_law", "jurisdiction", "indemnity", "liability", "force_majeure", "taxes", "term", "obligations", "definitions"] as const;

function Proposal({ base }: { base: Terms }) {
  const { t } = useTranslation("agreements");
  const navigate = useNavigate();
  const search: { partner?: string } = useSearch({ strict: false });
  const bilaterals = api.useQuery("get", "/v1/bilaterals", { params: { query: { limit: 1000 } } });
  const partners = [...new Set((bilaterals.data?.items ?? []).filter((b) => b.state === "open").map((b) => b.partner))];
  const partner = search.partner ?? partners[0] ?? "";
  const form = useForm<Values>({ initialValues: valuesOf(base), validate: amountChecks(t("amountsBad")) });
  const frame = useForm({
    initialValues: { id: "", lines: ["voice"], from: edge(new Date()), until: "", document: "", ...(Object.fromEntries(clauses.map((c) => [c, ""])) as Record<(typeof clauses)[number], string>) },
  });
  const agreements = api.useQuery("get", "/v1/bilaterals/{partner}/agreements", { params: { path: { partner }, query: { limit: 1000 } } }, { enabled: Boolean(partner) });
  const free = freeId((agreements.data?.items ?? []).map((a) => a.id));
  const [unreadable, setUnreadable] = useState<unknown>();
  const propose = api.useMutation("post", "/v1/bilaterals/{partner}/agreements", {
    onSuccess: (d) => {
      notifications.show({ color: "teal", message: t("isProposed", { partner }) });
      void queries.invalidateQueries();
      void navigate({ to: `/agreements/${encodeURIComponent(partner)}/${encodeURIComponent(d.record.id)}` });
    },
    onError: (err) => {
      if (!isProblem(err) || !err.field) return;
      const field = err.field.replace(/^(terms|legal)\./, "");
      if (field in form.values) form.setFieldError(field, err.detail);
      if (field in frame.values) frame.setFieldError(field, err.detail);
    },
  });
  const send = () => {
    const v = frame.values;
    const ok = !form.validate().hasErrors && !frame.validate().hasErrors;
    if (!ok) return;
    propose.mutate({
      params: { path: { partner } },
      body: {
        id: v.id || free,
        type: "msa",
        lines: v.lines,
        from: `${v.from}T00:00:00Z`,
        until: v.until ? `${v.until}T00:00:00Z` : undefined,
        legal: { document: v.document, ...(Object.fromEntries(clauses.map((c) => [c, v[c]])) as Record<(typeof clauses)[number], string>) },
        terms: termsOf(form.values, base),
      },
    });
  };
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        send();
      }}
    >
      <Stack>
        <Card withBorder component="section" aria-label={t("frame")}>
          <Stack gap="sm">
            <Title order={2} size="h4">
              {t("frame")}
            </Title>
            <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
              <Select label={t("partner")} required allowDeselect={false} searchable data={partners} value={partner || null} onChange={(v) => void navigate({ to: "/agreements/new", search: { partner: v } as never, replace: true })} />
              <TextInput label={t("id")} description={t("idText")} placeholder={free} maxLength={40} {...frame.getInputProps("id")} />
              <TagsInput label={t("lines")} {...frame.getInputProps("lines")} />
              <TextInput type="date" label={t("fromDay")} required {...frame.getInputProps("from")} />
              <TextInput type="date" label={t("untilDay")} {...frame.getInputProps("until")} />
            </SimpleGrid>
          </Stack>
        </Card>
        <Card withBorder component="section" aria-label={t("legal")}>
          <Stack gap="sm">
            <Title order={2} size="h4">
              {t("legal")}
            </Title>
            <Text size="sm">{t("legalText")}</Text>
            <FileDrop label={t("contractFile")} hint={t("contractHint")} onFiles={([f]) => f && sha256(f).then((h) => frame.setFieldValue("document", h), setUnreadable)} />
            <TextInput label={t("documentHash")} required {...frame.getInputProps("document")} />
            <SimpleGrid cols={{ base: 1, sm: 2 }}>
              {clauses.map((c) => (
                <Textarea key={c} label={t(`clause.${c}`)} required autosize minRows={1} maxLength={4000} {...frame.getInputProps(c)} />
              ))}
            </SimpleGrid>
          </Stack>
        </Card>
        <TermsFields form={form} />
        <ProblemAlert error={unreadable ?? propose.error} />
        <Group>
          <Button type="submit" loading={propose.isPending} disabled={!partner}>
            {t("propose")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
