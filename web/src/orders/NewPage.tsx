import { Button, Card, FileButton, Group, NumberInput, SegmentedControl, Select, SimpleGrid, Stack, Switch, Text, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, queries } from "@/api/client";
import { usePartners } from "@/api/partners";
import { problemOf } from "@/api/problem";
import { sent } from "@/api/sent";
import { useSession } from "@/api/session";
import { product } from "@/lib/names";
import { Empty } from "@/ui/Empty";
import { Page } from "@/ui/Page";
import { Prices } from "@/ui/Prices";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { cleaned, fresh, type Json, type JsonSchema } from "@/ui/schema";
import { SchemaForm } from "@/ui/SchemaForm";
import { TimeInput } from "@/ui/TimeInput";

import { base64, byHand, schedulesOf, type ByHand, type Way } from "./byHand";
import type { NewSearch } from "./routes";

const ways: Way[] = ["schedule", "quote", "session", "standing"];

// NewPage places an order with one partner by hand: by a schedule of the agreement, by a
// signed quote, a session of a product that stands, or a standing order for traffic.
export function NewPage() {
  const { t } = useTranslation("orders");
  const search = useSearch({ strict: false }) as NewSearch;
  const navigate = useNavigate();
  const { partners, error, busy, retry } = usePartners();
  const partner = search.partner ?? partners[0];
  const way = search.way ?? "schedule";
  const set = (change: NewSearch) => void navigate({ to: "/orders/new", search: { partner, way, ...change } as never, replace: true });
  return (
    <Page title={t("new")} lead={t("newLead")} crumbs={[{ text: t("title"), to: "/orders" }]}>
      {error ? (
        <ProblemAlert error={error} retry={retry} />
      ) : !busy && !partner ? (
        <Empty title={t("noPartner")}>{t("noPartnerText")}</Empty>
      ) : (
        <Card withBorder>
          <Stack>
            <Group align="flex-end">
              <Select label={t("partner")} data={partners} value={partner ?? null} onChange={(v) => set({ partner: v ?? undefined })} allowDeselect={false} searchable w={180} />
              <Select label={t("orderBy")} data={ways.map((w) => ({ value: w, label: t(`ways.${w}`) }))} value={way} onChange={(v) => set({ way: (v ?? undefined) as Way | undefined })} allowDeselect={false} w={320} maw="100%" />
            </Group>
            {partner && <OrderForm key={`${partner} ${way}`} partner={partner} way={way} />}
          </Stack>
        </Card>
      )}
    </Page>
  );
}

function OrderForm({ partner, way }: { partner: string; way: Way }) {
  const { t } = useTranslation("orders");
  const navigate = useNavigate();
  const self = useSession()?.carrier ?? "";
  const params = { path: { partner } };
  const agreements = api.useQuery("get", "/v1/bilaterals/{partner}/agreements", { params });
  const sheets = api.useQuery("get", "/v1/bilaterals/{partner}/sheets", { params }, { enabled: way === "standing" });
  const products = api.useQuery("get", "/v1/bilaterals/{partner}/products", { params: { ...params, query: { state: "active", direction: `${self}>${partner}` } } }, { enabled: way === "session" });
  const inForce = (agreements.data?.items ?? []).filter((a) => a.state === "active");
  const form = useForm<ByHand>({ initialValues: { way, value: "", currency: "" } });
  const v = form.values;
  const agreement = inForce.find((a) => a.id === v.agreement) ?? inForce[0];
  // A list leaves terms out.
  const whole = api.useQuery("get", "/v1/bilaterals/{partner}/agreements/{id}", { params: { path: { partner, id: agreement?.id ?? "" } } }, { enabled: Boolean(agreement) && way === "schedule" });
  const schedules = schedulesOf(whole.data);
  const schedule = schedules.find((s) => s.name === v.schedule);
  const sheet = sheets.data?.items.find((s) => s.id === v.sheet);
  const stands = (products.data?.items ?? []).filter((p) => p.phases?.at(-1)?.offer.sessions?.length);
  const place = useMutation({
    mutationFn: () => sent(client.POST("/v1/bilaterals/{partner}/orders", { params, body: byHand(v, agreement!, schedule, stands.find((p) => p.id === v.session), sheet) })),
    onSuccess: (done) => {
      notifications.show({ color: "teal", message: t("placedDone") });
      void queries.invalidateQueries();
      void navigate({ to: `/orders/${partner}/${done.record.id}` });
    },
    onError: (err) => {
      const field = problemOf(err).field?.split(".").at(-1);
      if (field && field in form.values) form.setFieldError(field, problemOf(err).detail);
    },
  });
  if (agreements.error) return <ProblemAlert error={agreements.error} retry={() => void agreements.refetch()} />;
  if (whole.error) return <ProblemAlert error={whole.error} retry={() => void whole.refetch()} />;
  if (agreements.data && !agreement) return <Empty title={t("noAgreement")}>{t("noAgreementText")}</Empty>;
  const metered = way === "standing" || Boolean(schedule?.prices.some((p) => !["recurring", "one-time", "distance"].includes(p.kind)));
  return (
    <form
      noValidate
      onSubmit={(e) => {
        e.preventDefault();
        const lacks: Record<string, string> = {};
        if (way === "schedule" && !schedule) lacks.schedule = t("ui:required");
        if (way === "quote" && !v.quote) lacks.quote = t("ui:required");
        if (way === "session" && !v.session) lacks.session = t("ui:required");
        if (way === "standing" && !v.sheet) lacks.sheet = t("ui:required");
        if (metered && !v.value) lacks.value = t("ui:required");
        form.setErrors(lacks);
        if (!Object.keys(lacks).length && agreement) place.mutate();
      }}
    >
      <Stack>
        <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
          <Select label={t("agreement")} data={inForce.map((a) => a.id)} value={agreement?.id ?? null} onChange={(x) => form.setValues({ agreement: x ?? undefined, schedule: undefined })} allowDeselect={false} required error={form.errors.agreement} />
          {way === "schedule" && (
            <Select
              label={t("schedule")}
              description={schedules.length || whole.isPending ? t("scheduleHint") : t("noSchedules")}
              data={schedules.map((s) => ({ value: s.name, label: `${s.name} · ${product(s.type)}` }))}
              value={v.schedule ?? null}
              onChange={(x) => form.setValues({ schedule: x ?? undefined, payload: undefined, currency: schedules.find((s) => s.name === x)?.prices[0]?.currency ?? "" })}
              required
              error={form.errors.schedule}
            />
          )}
          {way === "session" && <Select label={t("ofProduct")} description={stands.length ? undefined : t("noneStands")} data={stands.map((p) => p.id)} value={v.session ?? null} onChange={(x) => form.setFieldValue("session", x ?? undefined)} required error={form.errors.session} />}
          {way === "standing" && (
            <Select
              label={t("sheet")}
              description={t("sheetHint")}
              data={(sheets.data?.items ?? []).filter((s) => s.state === "accepted" && s.direction === `${self}>${partner}`).map((s) => s.id)}
              value={v.sheet ?? null}
              onChange={(x) => form.setFieldValue("sheet", x ?? undefined)}
              required
              error={form.errors.sheet}
            />
          )}
          {way !== "standing" && <TextInput label={t("productId")} description={t("productIdHint")} maxLength={40} {...form.getInputProps("id")} value={v.id ?? ""} />}
          <TimeInput label={t("from")} description={t("atOnce")} value={v.from} onChange={(x) => form.setFieldValue("from", x)} error={form.errors.from} />
          {way !== "standing" && <TimeInput label={t("until")} description={t("withoutEnd")} value={v.until} onChange={(x) => form.setFieldValue("until", x)} error={form.errors.until} />}
          {way === "schedule" && <NumberInput label={t("pieces")} min={1} allowDecimal={false} value={v.pieces ?? ""} onChange={(x) => form.setFieldValue("pieces", Number(x) || undefined)} error={form.errors.pieces} />}
          {metered && <TextInput label={t("value")} description={t("valueHint")} required {...form.getInputProps("value")} />}
          {metered && <TextInput label={t("currency")} maxLength={8} {...form.getInputProps("currency")} />}
        </SimpleGrid>
        {way === "quote" && (
          <>
            <Textarea label={t("quote")} description={t("quoteHint")} autosize minRows={3} maxRows={8} required spellCheck={false} {...form.getInputProps("quote")} value={v.quote ?? ""} />
            <Group>
              <FileButton onChange={(f) => f && void f.arrayBuffer().then((b) => form.setFieldValue("quote", base64(new Uint8Array(b))))}>
                {(props) => (
                  <Button {...props} variant="default" size="xs">
                    {t("quoteFile")}
                  </Button>
                )}
              </FileButton>
            </Group>
          </>
        )}
        {schedule && <Prices of={schedule.prices} label={t("prices")} />}
        {way !== "standing" && way !== "session" && <Switch label={t("test")} description={t("testHint")} checked={Boolean(v.test)} onChange={(e) => form.setFieldValue("test", e.currentTarget.checked)} />}
        {(way === "quote" || schedule) && <Payload type={schedule?.type} value={v.payload} onChange={(p) => form.setFieldValue("payload", p)} error={form.errors.payload} />}
        <ProblemAlert error={place.error} />
        <Group>
          <Button type="submit" loading={place.isPending}>
            {t("place")}
          </Button>
          <Text size="sm" c="dimmed">
            {t("placeText")}
          </Text>
        </Group>
      </Stack>
    </form>
  );
}

// Payload is the configuration of what is ordered: by the schema of its type, where the
// catalogue has one, or as JSON.
function Payload({ type, value, onChange, error }: { type?: string; value: string | undefined; onChange: (v: string | undefined) => void; error?: React.ReactNode }) {
  const { t } = useTranslation("orders");
  const { data: known } = api.useQuery("get", "/v1/catalog/schemas", { params: { query: { limit: 1000 } } }, { staleTime: 600_000, meta: { still: true } });
  const [chosen, choose] = useState<string>();
  const wanted = type ?? chosen;
  const has = known?.items.some((s) => s.type === wanted);
  const schema = useQuery({ queryKey: ["schema", wanted], enabled: Boolean(has), staleTime: Infinity, meta: { still: true }, queryFn: () => sent(client.GET("/v1/catalog/schemas/{type}", { params: { path: { type: wanted! } } })) as Promise<unknown> as Promise<JsonSchema> });
  const [way, setWay] = useState<"fields" | "json">("fields");
  const parsed = (): Json => {
    try {
      return value ? (JSON.parse(value) as Json) : undefined;
    } catch {
      return undefined;
    }
  };
  return (
    <Stack gap="sm">
      <Group align="flex-end">
        {!type && <Select label={t("type")} data={(known?.items ?? []).map((s) => ({ value: s.type, label: s.title ?? s.type }))} value={chosen ?? null} onChange={(x) => choose(x ?? undefined)} clearable w={320} maw="100%" />}
        {schema.data && (
          <SegmentedControl
            aria-label={t("payload")}
            value={way}
            onChange={(x) => setWay(x as "fields" | "json")}
            data={[
              { value: "fields", label: t("byFields") },
              { value: "json", label: "JSON" },
            ]}
          />
        )}
      </Group>
      {schema.data && way === "fields" ? (
        <SchemaForm schema={schema.data} root={schema.data} value={parsed() ?? fresh(schema.data, schema.data)} onChange={(x) => onChange(JSON.stringify(cleaned(x)))} />
      ) : (
        <Textarea label={t("payload")} description={t("payloadHint")} autosize minRows={3} maxRows={16} spellCheck={false} value={value ?? ""} onChange={(e) => onChange(e.currentTarget.value || undefined)} error={error} />
      )}
    </Stack>
  );
}
