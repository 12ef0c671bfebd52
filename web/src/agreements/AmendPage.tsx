import { Button, Card, Group, Stack, Text, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, queries } from "@/api/client";
import { isProblem } from "@/api/problem";
import { Loaded, Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";

import { termsOf, valuesOf, type Values } from "./form";
import { amountChecks, TermsFields } from "./TermsFields";
import { edge, type Terms } from "./terms";
import { TermsView } from "./TermsView";

// AmendPage proposes other terms, from an edge of a period on.
export function AmendPage() {
  const { t } = useTranslation("agreements");
  const { partner, id } = useParams({ strict: false }) as { partner: string; id: string };
  const agreement = api.useQuery("get", "/v1/bilaterals/{partner}/agreements/{id}", { params: { path: { partner, id } } });
  return (
    <Page title={t("amendTitle", { id })} lead={t("amendLead", { partner })} crumbs={[{ text: t("title"), to: "/agreements" }, { text: id, to: `/agreements/${encodeURIComponent(partner)}/${encodeURIComponent(id)}` }]}>
      <Loaded of={agreement}>{(a) => <Amendment partner={partner} id={id} base={a.versions.at(-1)?.terms ?? a.pending?.terms} />}</Loaded>
    </Page>
  );
}

function Amendment({ partner, id, base: given }: { partner: string; id: string; base: Terms | undefined }) {
  const { t } = useTranslation("agreements");
  const navigate = useNavigate();
  // What came first is edited: an answer that comes later does not overwrite it.
  const [base] = useState(given);
  const [from, setFrom] = useState(() => edge(new Date()));
  const [look, setLook] = useState(false);
  const form = useForm<Values>({ initialValues: valuesOf(base!), validate: amountChecks(t("amountsBad")) });
  const amend = api.useMutation("post", "/v1/bilaterals/{partner}/agreements/{id}/amend", {
    onSuccess: () => {
      notifications.show({ color: "teal", message: t("isProposed", { partner }) });
      void queries.invalidateQueries();
      void navigate({ to: `/agreements/${encodeURIComponent(partner)}/${encodeURIComponent(id)}` });
    },
    onError: (err) => {
      const field = isProblem(err) ? err.field?.replace(/^terms\./, "") : undefined;
      if (isProblem(err) && field && field in form.values) form.setFieldError(field, err.detail);
    },
  });
  return (
    <form onSubmit={form.onSubmit((v) => amend.mutate({ params: { path: { partner, id } }, body: { from: `${from}T00:00:00Z`, terms: termsOf(v, base!) } }))}>
      <Stack>
        <TermsFields form={form} />
        {look && (
          <Stack gap="sm">
            <Title order={2} size="h4">
              {t("lookTitle")}
            </Title>
            <TermsView terms={termsOf(form.values, base!)} before={base} />
          </Stack>
        )}
        <Card withBorder>
          <Stack gap="sm">
            <Text size="sm">{t("edgeText")}</Text>
            <ProblemAlert error={amend.error} />
            <Group align="flex-end">
              <TextInput type="date" label={t("fromDay")} required value={from} onChange={(e) => setFrom(e.currentTarget.value)} />
              <Button variant="default" onClick={() => setLook(!look)} aria-expanded={look}>
                {t("look")}
              </Button>
              <Button type="submit" loading={amend.isPending}>
                {t("propose")}
              </Button>
            </Group>
          </Stack>
        </Card>
      </Stack>
    </form>
  );
}
