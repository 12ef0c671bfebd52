import { SimpleGrid, Text } from "@mantine/core";
import { useParams } from "@tanstack/react-router";
import type { TFunction } from "i18next";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api, client, type Schema } from "@/api/client";
import { sent } from "@/api/sent";
import { useMay } from "@/api/session";
import { Action, type Ask } from "@/ui/Action";
import { Facts } from "@/ui/Facts";
import { GoTo } from "@/ui/GoTo";
import { Course } from "@/ui/History";
import { Loaded, Page } from "@/ui/Page";
import { Section } from "@/ui/Section";
import { StateBadge } from "@/ui/StateBadge";
import { When } from "@/ui/When";

import { course, productOf } from "./course";

type Ticket = Schema<"Ticket">;

// TicketPage shows one ticket of a partner with all that was said about it.
export function TicketPage() {
  const { id = "" } = useParams({ strict: false }) as { id?: string };
  const of = api.useQuery("get", "/v1/tickets/{id}", { params: { path: { id } } });
  return <Shown of={of} id={id} />;
}

// OwnTicketPage shows one that this carrier has opened with a partner, as the partner has
// it: it is asked again while it is not over.
export function OwnTicketPage() {
  const { partner = "", id = "" } = useParams({ strict: false }) as { partner?: string; id?: string };
  const of = api.useQuery("get", "/v1/bilaterals/{partner}/tickets/{id}", { params: { path: { partner, id } } }, { refetchInterval: (q) => ((q.state.data as Ticket | undefined)?.allowed.length === 0 ? false : 5000) });
  return <Shown of={of} id={id} />;
}

interface Of {
  data: Ticket | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

function Shown({ of, id }: { of: Of; id: string }) {
  const { t } = useTranslation("tickets");
  const x = of.data;
  return (
    <Page
      title={t("ticketId", { id })}
      lead={x && (x.own ? t("openedWith", { partner: x.partner }) : t("openedBy", { partner: x.partner }))}
      crumbs={[{ text: t("title"), to: x?.own ? "/tickets?tab=own" : "/tickets" }]}
      actions={x && (x.own ? <OwnSteps of={x} /> : <Steps of={x} />)}
    >
      <Loaded of={of}>
        {(x) => (
          <SimpleGrid cols={{ base: 1, md: 2 }}>
            <Section title={t("facts")}>
              <Text mb="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
                {x.description}
              </Text>
              <Facts
                of={[
                  [t("status"), <StateBadge key="s" state={x.status} />],
                  [t("partner"), x.partner],
                  [t("about"), productOf(x) ? <GoTo key="p" to={`/inventory/${x.partner}/${productOf(x)}`}>{productOf(x)}</GoTo> : x.about],
                  [t("impact"), t(`impacts.${x.impact}`, { defaultValue: x.impact })],
                  [t("priority"), both(t, "priorities", x)],
                  [t("severity"), both(t, "severities", x)],
                  ...(x.external ? [[t(x.own ? "ourNumber" : "external"), x.external] as [ReactNode, ReactNode]] : []),
                  [t("began"), <When key="b" at={x.began} />],
                  [t("created"), <When key="c" at={x.created} />],
                  [t("expected"), <When key="e" at={x.expected} />],
                  ...(x.resolved ? [[t("resolvedAt"), <When key="r" at={x.resolved} />] as [ReactNode, ReactNode]] : []),
                ]}
              />
            </Section>
            <Course of={course(x)} title={t("course")} />
          </SimpleGrid>
        )}
      </Loaded>
    </Page>
  );
}

// both says how each side sees it, where they differ.
function both(t: TFunction<"tickets">, kind: "priorities" | "severities", x: Ticket): string {
  const [opener, resolver] = kind === "priorities" ? [x.priority, x.own_priority] : [x.severity, x.own_severity];
  const name = (v: string) => t(`${kind}.${v}`, { defaultValue: v });
  if (!resolver || resolver === opener) return name(opener);
  return x.own ? t("seenAs", { theirs: name(resolver), own: name(opener) }) : t("seenAs", { theirs: name(opener), own: name(resolver) });
}

// OwnSteps are what can be done about a ticket of our own.
function OwnSteps({ of: x }: { of: Ticket }) {
  const { t } = useTranslation("tickets");
  const may = useMay();
  const params = { path: { partner: x.partner, id: x.id } };
  const why: Ask = { name: "why", label: t("why"), kind: "long", required: true, most: 255 };
  const asks: Record<string, Ask[]> = { note: [{ name: "note", label: t("note"), kind: "long", required: true, most: 4000 }], reopen: [why] };
  const run: Record<string, (v: Record<string, unknown>) => Promise<unknown>> = {
    note: (v) => sent(client.POST("/v1/bilaterals/{partner}/tickets/{id}/note", { params, body: { note: String(v.note) } })),
    close: () => sent(client.POST("/v1/bilaterals/{partner}/tickets/{id}/close", { params, body: {} })),
    reopen: (v) => sent(client.POST("/v1/bilaterals/{partner}/tickets/{id}/reopen", { params, body: { why: String(v.why) } })),
    cancel: () => sent(client.POST("/v1/bilaterals/{partner}/tickets/{id}/cancel", { params, body: {} })),
  };
  return (
    <>
      {x.allowed
        .filter((s) => run[s] && may(`${s}-own-ticket`))
        .map((s) => (
          <Action key={s} label={t(`ownSteps.${s}`)} variant={s === "close" ? "filled" : "default"} color={s === "cancel" ? "red" : undefined} text={t(`ownStepTexts.${s}`)} asks={asks[s] ?? []} done={t("answered")} run={run[s]!} />
        ))}
    </>
  );
}

function Steps({ of: x }: { of: Ticket }) {
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
  const asks: Record<string, Ask[]> = { acknowledge: [note, ...own], ask: [{ ...note, required: true }, why], progress: [note, ...own, why], resolve: [note, why], close: [note, why] };
  const run = (s: string, v: Record<string, unknown>): Promise<unknown> => {
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
      default:
        return sent(client.POST("/v1/tickets/{id}/close", { params, body }));
    }
  };
  return (
    <>
      {x.allowed
        .filter((s) => asks[s] && may(`${s}-ticket`))
        .map((s) => (
          <Action key={s} label={t(`steps_.${s}`)} variant={s === "resolve" ? "filled" : "default"} text={t(`stepTexts.${s}`)} asks={asks[s]!} done={t("answered")} run={(v) => run(s, v)} />
        ))}
    </>
  );
}
