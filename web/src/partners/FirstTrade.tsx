import { Button, Group, List, Select, Stack, Text, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api, queries, type Schema } from "@/api/client";
import { isProblem } from "@/api/problem";
import { useMay } from "@/api/session";
import { amounts } from "@/lib/amounts";
import { GoTo } from "@/ui/GoTo";
import { Money } from "@/ui/Money";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { StateBadge } from "@/ui/StateBadge";
import { useBilled } from "@/ui/useBilled";
import { Between } from "@/ui/When";

import type { Known } from "./onboarding";

interface Props {
  known: Known;
  partner: string;
}

// few is how many records of a kind the first steps show.
const few = 5;

// Records lists what there is of a kind, each with a link to its page, and leads to the
// others where there are many.
function Records({ title, children, none, all }: { title: string; children: ReactNode[]; none: string; all: { to: string; search: Record<string, unknown> } }) {
  const { t } = useTranslation("partners");
  return (
    <div>
      <Title order={3} size="h6" mb={4}>
        {title}
      </Title>
      {children.length ? (
        <Stack gap="xs">
          {children.slice(0, few)}
          {children.length > few && (
            <GoTo to={all.to} search={all.search}>
              {t("allOfThem")}
            </GoTo>
          )}
        </Stack>
      ) : (
        <Text size="sm" c="dimmed">
          {none}
        </Text>
      )}
    </div>
  );
}

const at = (noun: string, partner: string, id: string) => `/${noun}/${encodeURIComponent(partner)}/${encodeURIComponent(id)}`;

export function FirstAgreement({ known, partner }: Props) {
  const { t } = useTranslation("partners");
  const may = useMay();
  const navigate = useNavigate();
  return (
    <>
      <Text size="sm">{t("agreementText")}</Text>
      <Records title={t("agreements")} none={t("noAgreements")} all={{ to: "/agreements", search: { partner } }}>
        {known.agreements.map((a) => (
          <Group key={a.id} gap="xs">
            <GoTo to={at("agreements", partner, a.id)}>{a.id}</GoTo>
            <StateBadge state={a.state} />
            {a.state === "proposed" && <Text size="sm">{t(a.proposer === known.me ? "waitsForThem" : "waitsForUs", { partner })}</Text>}
          </Group>
        ))}
      </Records>
      {may("propose-agreement") && (
        <Group>
          <Button variant={known.agreements.length ? "default" : "filled"} onClick={() => void navigate({ to: "/agreements/new", search: { partner } as never })}>
            {t("proposeAgreement")}
          </Button>
        </Group>
      )}
    </>
  );
}

// FirstRates is prices for calls in a direction, and the standing order under them.
export function FirstRates({ known, partner }: Props) {
  const { t } = useTranslation("partners");
  const may = useMay();
  const navigate = useNavigate();
  const accept = api.useMutation("post", "/v1/bilaterals/{partner}/orders/{id}/accept", {
    onSuccess: (d) => {
      notifications.show({ color: "teal", message: t("orderAccepted", { id: d.record.id }) });
      void queries.invalidateQueries();
    },
  });
  const agreed = known.agreements.find((a) => a.state === "active");
  if (!agreed) return null;
  const sheets = known.sheets.filter((s) => s.state !== "rejected");
  const ours = known.sheets.filter((s) => s.state === "accepted" && s.direction.startsWith(`${known.me}>`));
  return (
    <>
      <Text size="sm">{t("ratesText")}</Text>
      <Records title={t("sheets")} none={t("noSheets")} all={{ to: "/sheets", search: { partner } }}>
        {sheets.map((s) => (
          <Group key={s.id} gap="xs">
            <GoTo to={at("sheets", partner, s.id)}>{s.id}</GoTo>
            <Text size="sm">{s.direction.replace(">", " → ")}</Text>
            <StateBadge state={s.state} />
          </Group>
        ))}
      </Records>
      {may("propose-sheet") && (
        <Group>
          <Button variant={sheets.length ? "default" : "filled"} onClick={() => void navigate({ to: "/sheets/upload", search: { partner } as never })}>
            {t("uploadSheet")}
          </Button>
        </Group>
      )}
      <Records title={t("standing")} none={t("noStanding")} all={{ to: "/orders", search: { partner } }}>
        {known.orders.map((o) => (
          <Group key={o.id} gap="xs">
            <GoTo to={at("orders", partner, o.id)}>{o.id}</GoTo>
            <Text size="sm">{o.direction.replace(">", " → ")}</Text>
            <StateBadge state={o.state} />
            {o.allowed.includes("accept") && may("accept-order") && (
              <Button size="compact-sm" loading={accept.isPending} onClick={() => accept.mutate({ params: { path: { partner, id: o.id } }, body: {} })} aria-label={t("acceptOrder", { id: o.id })}>
                {t("accept")}
              </Button>
            )}
          </Group>
        ))}
      </Records>
      <ProblemAlert error={accept.error} />
      {ours.length > 0 && may("place-order") && <Place partner={partner} agreement={agreed} sheets={ours} />}
    </>
  );
}

// Place orders calls under a sheet, until further notice.
function Place({ partner, agreement, sheets }: { partner: string; agreement: Schema<"Agreement">; sheets: Schema<"Sheet">[] }) {
  const { t } = useTranslation("partners");
  const form = useForm({
    initialValues: { sheet: sheets[0]!.id, value: "EUR 5000" },
    validate: { value: (v) => (amounts(v)?.length ? null : t("limitsBad")) },
  });
  const place = api.useMutation("post", "/v1/bilaterals/{partner}/orders", {
    onSuccess: (d) => {
      notifications.show({ color: "teal", message: t("ordered", { id: d.record.id, partner }) });
      void queries.invalidateQueries();
    },
    onError: (err) => {
      if (isProblem(err) && err.field && err.field in form.values) form.setFieldError(err.field, err.detail);
    },
  });
  return (
    <form
      onSubmit={form.onSubmit((v) => {
        const sheet = sheets.find((s) => s.id === v.sheet)!;
        place.mutate({ params: { path: { partner } }, body: { kind: "standing", agreement: agreement.id, sheet: sheet.id, line: sheet.line, from: sheet.from, value: amounts(v.value) } });
      })}
    >
      <Group align="flex-start">
        {sheets.length > 1 && <Select label={t("sheet")} allowDeselect={false} data={sheets.map((s) => s.id)} {...form.getInputProps("sheet")} />}
        <TextInput label={t("orderValue")} description={t("orderValueText")} w={320} maw="100%" {...form.getInputProps("value")} />
      </Group>
      <ProblemAlert error={place.error} />
      <Button type="submit" mt="sm" loading={place.isPending}>
        {t("placeOrder")}
      </Button>
    </form>
  );
}

// FirstPeriod is usage of both sides, what it comes to, and its payment.
export function FirstPeriod({ known, partner }: Props) {
  const { t } = useTranslation("partners");
  const named = useBilled();
  const may = useMay();
  const navigate = useNavigate();
  const close = api.useMutation("post", "/v1/bilaterals/{partner}/usage/close", {
    onSuccess: () => {
      notifications.show({ color: "teal", message: t("closed") });
      void queries.invalidateQueries();
    },
  });
  return (
    <>
      <Text size="sm">{t("periodText", { partner })}</Text>
      <List size="sm">
        <List.Item>{t("periodImports", { count: known.imports })}</List.Item>
      </List>
      <Group>
        {may("import-usage") && (
          <Button variant={known.imports ? "default" : "filled"} onClick={() => void navigate({ to: "/usage", search: { partner } as never })}>
            {t("importUsage")}
          </Button>
        )}
        {may("close-periods") && (
          <Button variant={known.imports && !known.periods.length ? "filled" : "default"} disabled={!known.imports} loading={close.isPending} onClick={() => close.mutate({ params: { path: { partner } }, body: {} })}>
            {t("closePeriods")}
          </Button>
        )}
      </Group>
      <ProblemAlert error={close.error} />
      <Records title={t("periods")} none={t("noPeriods")} all={{ to: "/periods", search: { partner } }}>
        {known.periods.map((p) => (
          <Group key={p.order + p.interval} gap="xs">
            <GoTo to={at("periods", partner, p.order) + `/${encodeURIComponent(p.interval.split("/")[0] ?? "")}`}>
              <Between interval={p.interval} />
            </GoTo>
            <Text size="sm">{p.direction.replace(">", " → ")}</Text>
            <StateBadge state={p.state} />
          </Group>
        ))}
      </Records>
      <Records title={t("invoices")} none={t("noInvoices")} all={{ to: "/invoices", search: { partner } }}>
        {known.invoices.map((i) => (
          <Group key={i.id} gap="xs">
            <GoTo to={at("invoices", partner, i.id)}>
              {named(i.order, i.seller)} · <Between interval={i.interval} inherit />
            </GoTo>
            <Text size="sm">
              {i.seller} → {i.buyer}
            </Text>
            <Money amount={i.total} currency={i.currency} size="sm" />
            <StateBadge state={i.state} />
          </Group>
        ))}
      </Records>
      <Records title={t("debts")} none={t("noDebts")} all={{ to: "/statements", search: { tab: "obligations", partner } }}>
        {known.obligations.map((o) => (
          <Group key={o.id} gap="xs">
            <GoTo to="/statements" search={{ tab: "obligations", partner, id: o.id }}>
              {o.id}
            </GoTo>
            <Text size="sm">
              {o.payer} → {o.payee}
            </Text>
            <Money amount={o.amount.amount} currency={o.amount.currency} size="sm" />
            <StateBadge state={o.state} />
          </Group>
        ))}
      </Records>
    </>
  );
}
