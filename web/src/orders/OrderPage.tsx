import { SimpleGrid, Stack } from "@mantine/core";
import { useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api, client, type Schema } from "@/api/client";
import { sent } from "@/api/sent";
import { useMay } from "@/api/session";
import { plain } from "@/lib/base64";
import { product, spaced } from "@/lib/names";
import { measure } from "@/lib/units";
import { Action, type Ask } from "@/ui/Action";
import { Facts } from "@/ui/Facts";
import { GoTo } from "@/ui/GoTo";
import { Course } from "@/ui/History";
import { Json } from "@/ui/Json";
import { Money } from "@/ui/Money";
import { Loaded, Page } from "@/ui/Page";
import { Prices } from "@/ui/Prices";
import { Section } from "@/ui/Section";
import { StateBadge } from "@/ui/StateBadge";
import { Countdown, When } from "@/ui/When";

import { course, operation } from "./course";

type Order = Schema<"Order">;

// OrderPage shows one order on a Bilateral: what it is, its course, what can be done now.
export function OrderPage() {
  const { t } = useTranslation("orders");
  const { partner = "", id = "" } = useParams({ strict: false }) as { partner?: string; id?: string };
  const of = api.useQuery("get", "/v1/bilaterals/{partner}/orders/{id}", { params: { path: { partner, id } } });
  return (
    <Page title={t("orderId", { id })} lead={t("with", { partner })} crumbs={[{ text: t("title"), to: "/orders" }]} actions={of.data && <Steps order={of.data} partner={partner} />}>
      <Loaded of={of}>
        {(o) => (
          <Stack gap="lg">
            <SimpleGrid cols={{ base: 1, md: 2 }}>
              <Section title={t("facts")}>
                <Facts
                  of={[
                    [t("state"), <StateBadge key="s" state={o.state} />],
                    [t("what"), o.product ? product(o.product.offer.type) : o.name],
                    [t("buyer"), o.buyer],
                    [t("seller"), o.seller],
                    [t("agreement"), o.product ? `${o.agreement} · ${o.product.clause}` : o.agreement],
                    ...(o.product
                      ? ([
                          [t("action"), t(`actions.${o.product.action}`, { defaultValue: o.product.action })],
                          [t("product"), <GoTo key="p" to={`/inventory/${partner}/${o.product.id}`}>{o.product.id}</GoTo>],
                          [t("by"), o.product.quoted ?? o.product.schedule ?? o.product.standing ?? "–"],
                        ] as [ReactNode, ReactNode][])
                      : ([
                          [t("line"), o.line],
                          [t("sheet"), o.sheet ?? "–"],
                        ] as [ReactNode, ReactNode][])),
                    [t("from"), <When key="f" at={o.from} />],
                    ...(o.until ?? o.product?.until ? [[t("until"), <When key="u" at={o.until ?? o.product?.until} />] as [ReactNode, ReactNode]] : []),
                    ...(o.value ?? []).map((v, i) => [t("value"), <Money key={i} {...v} />] as [ReactNode, ReactNode]),
                    ...(o.product?.deadline
                      ? [
                          [
                            t("deadline"),
                            <span key="d">
                              <When at={o.product.deadline} /> (<Countdown to={Date.parse(o.product.deadline)} />)
                            </span>,
                          ] as [ReactNode, ReactNode],
                        ]
                      : []),
                    ...(o.scope ? [[t("scope"), o.scope.join(", ")] as [ReactNode, ReactNode]] : []),
                    ...(o.why ? [[t("why"), o.why] as [ReactNode, ReactNode]] : []),
                  ]}
                />
              </Section>
              <Course of={course(o)} title={t("course")} />
            </SimpleGrid>
            {o.product && <About of={o.product} />}
          </Stack>
        )}
      </Loaded>
    </Page>
  );
}

function About({ of: p }: { of: Schema<"OrderedProduct"> }) {
  const { t, i18n } = useTranslation("orders");
  const charges = [...(p.asked ? [{ ...p.asked, waits: true }] : []), ...(p.charges ?? []).map((c) => ({ ...c, waits: false }))];
  return (
    <>
      {[...(p.wish ? [p.wish] : []), ...(p.wishes ?? [])].length > 0 && (
        <Section title={t("wishes")}>
          <Facts
            of={[...(p.wish ? [p.wish] : []), ...(p.wishes ?? [])].map((w) => [
              <When key="a" at={w.asked.time} />,
              <span key="w">
                {w.expedite ? t("haste") : ""} <When at={w.start} /> <StateBadge state={w.outcome ?? "waiting"} /> {w.why}
              </span>,
            ])}
          />
        </Section>
      )}
      {charges.length > 0 && (
        <Section title={t("charges")}>
          <Facts
            of={charges.map((c, i) => [
              c.price,
              <span key={i}>
                <Money {...c.amount} /> <StateBadge state={c.waits ? "waiting" : "agreed"} /> {c.why}
              </span>,
            ])}
          />
        </Section>
      )}
      <Section title={t("prices")}>
        <Prices of={p.offer.prices} label={t("prices")} />
      </Section>
      {p.delivery && (
        <Section title={t("delivery")}>
          <Facts
            of={[
              [t("deliveredAt"), <When key="w" at={p.delivery.at} />],
              ...(p.delivery.totals ?? []).map((x) => [spaced(x.metric), measure(x.metric, Number(x.value), i18n.language)] as [ReactNode, ReactNode]),
              ...(p.delivery.record ? [[t("record"), <code key="r">{p.delivery.record}</code>] as [ReactNode, ReactNode]] : []),
            ]}
          />
        </Section>
      )}
      {p.payload && (
        <Section title={t("payload")}>
          <Json text={plain(p.payload)} label={t("payload")} />
        </Section>
      )}
    </>
  );
}

const red = ["reject", "cancel", "fail", "terminate"];

function Steps({ order: o, partner }: { order: Order; partner: string }) {
  const { t } = useTranslation("orders");
  const may = useMay();
  const params = { path: { partner, id: o.id } };
  const text = (v: unknown) => (typeof v === "string" ? v : undefined);
  const why: Ask = { name: "why", label: t("why"), kind: "long", most: 255 };
  const asks: Record<string, Ask[] | undefined> = {
    accept: [],
    deliver: [
      { name: "at", label: t("deliveredAt"), kind: "time", hint: t("lastBlock") },
      { name: "record", label: t("record"), hint: t("recordHint"), most: 64 },
    ],
    charge: [
      { name: "name", label: t("chargeName"), required: true, most: 64 },
      { name: "amount", label: t("amount"), required: true },
      { name: "currency", label: t("currency"), required: true, value: o.product?.offer.prices?.[0]?.currency ?? "" },
      why,
    ],
    reschedule: [
      { name: "start", label: t("start"), kind: "time", hint: t("stays") },
      { name: "expedite", label: t("haste"), kind: "yes" },
    ],
  };
  const run: Record<string, ((v: Record<string, unknown>) => Promise<unknown>) | undefined> = {
    accept: () => sent(client.POST("/v1/bilaterals/{partner}/orders/{id}/accept", { params, body: {} })),
    reject: (v) => sent(client.POST("/v1/bilaterals/{partner}/orders/{id}/reject", { params, body: { why: text(v.why) } })),
    cancel: (v) => sent(client.POST("/v1/bilaterals/{partner}/orders/{id}/cancel", { params, body: { why: text(v.why) } })),
    deliver: (v) => sent(client.POST("/v1/bilaterals/{partner}/orders/{id}/deliver", { params, body: { at: text(v.at), record: text(v.record) } })),
    fail: (v) => sent(client.POST("/v1/bilaterals/{partner}/orders/{id}/fail", { params, body: { why: text(v.why) } })),
    charge: (v) => sent(client.POST("/v1/bilaterals/{partner}/orders/{id}/charge", { params, body: { name: String(v.name), amount: { amount: String(v.amount), currency: String(v.currency) }, why: text(v.why) } })),
    reschedule: (v) => sent(client.POST("/v1/bilaterals/{partner}/orders/{id}/reschedule", { params, body: { start: text(v.start), expedite: v.expedite === true || undefined } })),
    suspend: (v) => sent(client.POST("/v1/bilaterals/{partner}/orders/{id}/suspend", { params, body: { why: text(v.why) } })),
    resume: (v) => sent(client.POST("/v1/bilaterals/{partner}/orders/{id}/resume", { params, body: { why: text(v.why) } })),
    terminate: (v) => sent(client.POST("/v1/bilaterals/{partner}/orders/{id}/terminate", { params, body: { why: text(v.why) } })),
  };
  return (
    <>
      {o.allowed
        .filter((s) => run[s] && may(operation[s] ?? ""))
        .map((s) => (
          <Action key={s} label={t(`steps.${s}`)} variant={s === "accept" || s === "deliver" ? "filled" : "default"} color={red.includes(s) ? "red" : undefined} text={t(`stepTexts.${s}`)} asks={asks[s] ?? [why]} done={t("stepDone", { step: t(`steps.${s}`) })} run={run[s]!} />
        ))}
    </>
  );
}
