import { Button, SimpleGrid, Stack, Title } from "@mantine/core";
import { Link, useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api, client } from "@/api/client";
import { sent } from "@/api/sent";
import { useMay, useSession } from "@/api/session";
import { product } from "@/lib/names";
import { Action } from "@/ui/Action";
import { DataTable } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Facts } from "@/ui/Facts";
import { fixedRows } from "@/ui/fixedRows";
import { GoTo } from "@/ui/GoTo";
import { Course } from "@/ui/History";
import { Money } from "@/ui/Money";
import { Loaded, Page } from "@/ui/Page";
import { Prices } from "@/ui/Prices";
import { Section } from "@/ui/Section";
import { StateBadge } from "@/ui/StateBadge";
import { Between, When } from "@/ui/When";

import { Measurements } from "./Measurements";
import { StateMeasurement } from "./StateMeasurement";

// ProductPage shows one product of the inventory: what it is, what it costs, what was measured.
export function ProductPage() {
  const { t } = useTranslation("inventory");
  const { partner = "", id = "" } = useParams({ strict: false }) as { partner?: string; id?: string };
  const may = useMay();
  const self = useSession()?.carrier;
  const params = { path: { partner, id } };
  const of = api.useQuery("get", "/v1/bilaterals/{partner}/products/{id}", { params });
  const p = of.data;
  const phase = p?.phases?.at(-1);
  const why = [{ name: "why", label: t("why"), kind: "long" as const, most: 255 }];
  return (
    <Page
      title={t("productId", { id })}
      lead={t("with", { partner })}
      crumbs={[{ text: t("title"), to: "/inventory" }]}
      actions={
        p &&
        (
          <>
            {p.buyer === self && p.activated && may("open-ticket") && (
              <Button variant="default" component={Link} to="/tickets" search={{ tab: "own", partner, open: id } as never}>
                {t("openTicket")}
              </Button>
            )}
            {p.activated && phase && may("state-measurement") && <StateMeasurement of={p} partner={partner} />}
            {p.allowed.includes("end") && may("place-order") && (
              <Action
                label={t("end")}
                color="red"
                text={t("endText")}
                asks={[{ name: "from", label: t("endAt"), kind: "time", hint: t("endNow") }]}
                done={t("endDone")}
                run={(v) => sent(client.POST("/v1/bilaterals/{partner}/orders", { params: { path: { partner } }, body: { kind: "product", agreement: p.agreement, line: phase!.offer.line, from: v.from ? String(v.from) : new Date().toISOString(), product: { action: "delete", id: p.id } } }))}
              />
            )}
            {p.allowed.includes("suspend") && may("suspend-product") && <Action label={t("suspend")} color="red" text={t("suspendText")} asks={why} done={t("suspended")} run={(v) => sent(client.POST("/v1/bilaterals/{partner}/products/{id}/suspend", { params, body: { why: v.why ? String(v.why) : undefined } }))} />}
            {p.allowed.includes("resume") && may("resume-product") && <Action label={t("resume")} text={t("resumeText")} asks={why} done={t("resumed")} run={(v) => sent(client.POST("/v1/bilaterals/{partner}/products/{id}/resume", { params, body: { why: v.why ? String(v.why) : undefined } }))} />}
          </>
        )
      }
    >
      <Loaded of={of}>
        {(p) => (
          <Stack gap="lg">
            <SimpleGrid cols={{ base: 1, md: 2 }}>
              <Section title={t("facts")}>
                <Facts
                  of={[
                    [t("state"), <StateBadge key="s" state={p.state} />],
                    [t("what"), phase ? product(phase.offer.type) : p.name],
                    [t("buyer"), p.buyer],
                    [t("seller"), p.seller],
                    [t("agreement"), `${p.agreement} · ${p.clause}`],
                    [t("orderedBy"), <GoTo key="o" to={`/orders/${partner}/${p.ordered_by}`}>{p.ordered_by}</GoTo>],
                    ...(p.order ? [[t("inFlight"), <GoTo key="f" to={`/orders/${partner}/${p.order}`}>{p.order}</GoTo>] as [ReactNode, ReactNode]] : []),
                    [t("activated"), <When key="a" at={p.activated} />],
                    ...(p.committed ? [[t("committed"), <When key="c" at={p.committed} />] as [ReactNode, ReactNode]] : []),
                    ...(p.ends ?? p.deadline ? [[t("ends"), <When key="e" at={p.ends ?? p.deadline} />] as [ReactNode, ReactNode]] : []),
                    [t("billed"), <When key="b" at={p.billed} />],
                    ...(p.standing ? [[t("sessionOf"), <GoTo key="st" to={`/inventory/${partner}/${p.standing}`}>{p.standing}</GoTo>] as [ReactNode, ReactNode]] : []),
                    ...(p.account ? [[t("account"), p.account] as [ReactNode, ReactNode]] : []),
                  ]}
                />
              </Section>
              <Course title={t("course")} of={p.history.map((m) => ({ state: m.state, time: m.time }))} />
            </SimpleGrid>
            {phase && (
              <Section title={t("prices")}>
                <Prices of={phase.offer.prices} label={t("prices")} />
              </Section>
            )}
            {(p.due?.length ?? 0) > 0 && (
              <section>
                <DataTable
                  label={t("due")}
                  height={300}
                  rows={fixedRows(p.due!)}
                  rowKey={(c) => `${c.price} ${c.kind} ${c.interval} ${c.amount.amount}`}
                  toolbar={
                    <Title order={2} size="h4">
                      {t("due")}
                    </Title>
                  }
                  empty={<Empty title={t("nothingDue")} />}
                  columns={[
                    { id: "price", header: t("price"), cell: (c) => c.price, value: (c) => c.price },
                    { id: "interval", header: t("interval"), width: "minmax(300px, 1.6fr)", cell: (c) => <Between interval={c.interval} />, value: (c) => c.interval },
                    { id: "quantity", header: t("quantity"), right: true, cell: (c) => c.quantity, value: (c) => c.quantity },
                    { id: "amount", header: t("amount"), right: true, cell: (c) => <Money {...c.amount} />, value: (c) => c.amount.amount },
                  ]}
                />
              </section>
            )}
            {may("list-measurements") && (
              <Measurements
                partner={partner}
                product={id}
                height={420}
                toolbar={
                  <Title order={2} size="h4">
                    {t("measurements")}
                  </Title>
                }
              />
            )}
          </Stack>
        )}
      </Loaded>
    </Page>
  );
}
