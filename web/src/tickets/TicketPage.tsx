import { Card, SimpleGrid, Text, Title } from "@mantine/core";
import { useParams } from "@tanstack/react-router";
import type { TFunction } from "i18next";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api, client, type Schema } from "@/api/client";
import { sent } from "@/api/sent";
import { useMay } from "@/api/session";
import { Action, type Ask } from "@/ui/Action";
import { Facts } from "@/ui/Facts";
import { History } from "@/ui/History";
import { Loaded, Page } from "@/ui/Page";
import { StateBadge } from "@/ui/StateBadge";
import { When } from "@/ui/When";

import { course, steps, type Step } from "./steps";

// TicketPage shows one ticket of a partner with all that was said about it.
export function TicketPage() {
  const { t } = useTranslation("tickets");
  const { id = "" } = useParams({ strict: false }) as { id?: string };
  const of = api.useQuery("get", "/v1/tickets/{id}", { params: { path: { id } } });
  return (
    <Page title={t("ticketId", { id })} lead={of.data?.about} crumbs={[{ text: t("title"), to: "/tickets" }]} actions={of.data && <Steps of={of.data} />}>
      <Loaded of={of}>
        {(x) => (
          <SimpleGrid cols={{ base: 1, md: 2 }}>
            <Card withBorder component="section">
              <Title order={2} size="h4" mb="sm">
                {t("facts")}
              </Title>
              <Text mb="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
                {x.description}
              </Text>
              <Facts
                of={[
                  [t("status"), <StateBadge key="s" state={x.status} />],
                  [t("partner"), x.partner],
                  [t("about"), x.about],
                  [t("impact"), t(`impacts.${x.impact}`, { defaultValue: x.impact })],
                  [t("priority"), both(t, "priorities", x.priority, x.own_priority)],
                  [t("severity"), both(t, "severities", x.severity, x.own_severity)],
                  ...(x.external ? [[t("external"), x.external] as [ReactNode, ReactNode]] : []),
                  [t("began"), <When key="b" at={x.began} />],
                  [t("created"), <When key="c" at={x.created} />],
                  [t("expected"), <When key="e" at={x.expected} />],
                  ...(x.resolved ? [[t("resolvedAt"), <When key="r" at={x.resolved} />] as [ReactNode, ReactNode]] : []),
                ]}
              />
            </Card>
            <Card withBorder component="section">
              <Title order={2} size="h4" mb="sm">
                {t("course")}
              </Title>
              <History of={course(x)} label={t("course")} />
            </Card>
          </SimpleGrid>
        )}
      </Loaded>
    </Page>
  );
}

function both(t: TFunction<"tickets">, kind: string, theirs: string, own: string | undefined): string {
  const name = (v: string) => t(`${kind}.${v}`, { defaultValue: v });
  return own && own !== theirs ? t("seenAs", { theirs: name(theirs), own: name(own) }) : name(theirs);
}

function Steps({ of: x }: { of: Schema<"Ticket"> }) {
  const { t } = useTranslation("tickets");
  const may = useMay();
  const params = { path: { id: x.id } };
  const choice = (kind: string, names: string[]) => names.map((value) => ({ value, label: t(`${kind}.${value}`) }));
  const note: Ask = { name: "note", label: t("note"), kind: "long", most: 4000 };
  const own: Ask[] = [
    { name: "expected", label: t("expected"), kind: "time", value: x.expected },
    { name: "priority", label: t("ownPriority"), kind: "choice", choices: choice("priorities", ["low", "medium", "high", "critical"]), value: x.own_priority },
    { name: "severity", label: t("ownSeverity"), kind: "choice", choices: choice("severities", ["minor", "moderate", "significant", "extensive"]), value: x.own_severity },
  ];
  const why: Ask = { name: "why", label: t("why"), most: 255 };
  const asks: Record<Step, Ask[]> = { acknowledge: [note, ...own], ask: [{ ...note, required: true }, why], progress: [note, ...own, why], resolve: [note, why], close: [note, why] };
  const run = (s: Step, v: Record<string, unknown>) => {
    const body = v as Schema<"TicketAnswer">;
    switch (s) {
      case "acknowledge":
        return sent(client.POST("/v1/tickets/{id}/acknowledge", { params, body }));
      case "ask":
        return sent(client.POST("/v1/tickets/{id}/ask", { params, body }));
      case "progress":
        return sent(client.POST("/v1/tickets/{id}/progress", { params, body }));
      case "resolve":
        return sent(client.POST("/v1/tickets/{id}/resolve", { params, body }));
      case "close":
        return sent(client.POST("/v1/tickets/{id}/close", { params, body }));
    }
  };
  return (
    <>
      {steps(x)
        .filter((s) => may(`${s}-ticket`))
        .map((s) => (
          <Action key={s} label={t(`steps_.${s}`)} variant={s === "resolve" ? "filled" : "default"} text={t(`stepTexts.${s}`)} asks={asks[s]} done={t("answered")} run={(v) => run(s, v)} />
        ))}
    </>
  );
}
