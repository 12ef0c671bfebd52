import { Alert, Button, Group, SimpleGrid, Stack, Table, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, queries, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { usePlaces } from "@/api/places";
import { sent } from "@/api/sent";
import { useMay, useSession } from "@/api/session";
import { product } from "@/lib/names";
import { latency, megabits, percent, scaled } from "@/lib/units";
import { Action } from "@/ui/Action";
import { DataTable } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Facts } from "@/ui/Facts";
import { GoTo } from "@/ui/GoTo";
import { History } from "@/ui/History";
import { Money } from "@/ui/Money";
import { Loaded, Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { Section } from "@/ui/Section";
import { StateBadge } from "@/ui/StateBadge";
import { Countdown, When } from "@/ui/When";

import { CascadeGraph } from "./CascadeGraph";
import { moving, running, stages } from "./stages";

type Service = Schema<"Service">;
type Offer = Schema<"Offer">;

// ServicePage shows one service: how far it is, what it costs, over whom it goes.
export function ServicePage() {
  const { t, i18n } = useTranslation("services");
  const { id = "" } = useParams({ strict: false }) as { id?: string };
  const places = usePlaces();
  const spot = (x: string) => places.get(x)?.name ?? x;
  const of = api.useQuery("get", "/v1/services/{id}", { params: { path: { id } } }, { refetchInterval: (q) => (q.state.data && moving(q.state.data as Service) ? 1500 : 15_000) });
  const [change, setChange] = useState<Offer>();
  const s = of.data;
  return (
    <Page
      title={s ? `${spot(s.a)} – ${spot(s.z)}` : t("service")}
      lead={<span style={{ overflowWrap: "anywhere" }}>{id}</span>}
      crumbs={[{ text: t("title"), to: "/services" }]}
      actions={s && <Actions service={s} onChange={setChange} />}
    >
      <Loaded of={of}>
        {(s) => (
          <Stack gap="lg">
            {change && <ChangeOffer offer={change} onDone={() => setChange(undefined)} />}
            {s.why && running(s) && <Alert color="yellow" title={s.why} />}
            <Section title={t("cascade")}>
              <Cascade service={s} spot={spot} />
            </Section>
            <SimpleGrid cols={{ base: 1, md: 2 }}>
              <Section title={t("facts")}>
                <Facts
                  of={[
                    [t("state"), <StateBadge key="s" state={s.state} />],
                    [t("product"), product(s.type)],
                    [t("once"), <Money key="o" {...s.offer.once} />],
                    [t("eachPeriod", { period: s.offer.period }), <Money key="e" {...s.offer.each} />],
                    ...(s.offer.hour ? [[t("hour"), <Money key="h" {...s.offer.hour} />] as [string, React.ReactNode]] : []),
                    ...(s.offer.own_each ? [[t("ownEach", { period: s.offer.period }), <Money key="oe" {...s.offer.own_each} />] as [string, React.ReactNode]] : []),
                    ...(s.offer.bought_each ? [[t("bought", { seller: s.seller, period: s.offer.period }), <Money key="b" {...s.offer.bought_each} />] as [string, React.ReactNode]] : []),
                    ...(s.offer.markup_each && s.seller ? [[t("markupEach", { period: s.offer.period }), <Money key="me" {...s.offer.markup_each} />] as [string, React.ReactNode]] : []),
                    ...(s.offer.bought_once ? [[t("boughtOnce", { seller: s.seller }), <Money key="bo" {...s.offer.bought_once} />] as [string, React.ReactNode]] : []),
                    [t("latency"), latency(s.offer.latency, i18n.language)],
                    [t("availability"), percent(s.offer.availability, i18n.language)],
                    ...(s.offer.months ? [[t("term"), t("months", { count: s.offer.months })] as [string, string]] : []),
                    [t("begins"), <When key="w" at={s.begins} />],
                    [t("since"), <When key="si" at={s.since} />],
                    ...(s.until ? [[t("until"), <When key="u" at={s.until} />] as [string, React.ReactNode]] : []),
                    ...(s.ended ? [[t("ended"), <When key="en" at={s.ended} />] as [string, React.ReactNode]] : []),
                    ...(s.exit ? [[t("exit"), <Money key="ex" {...s.exit} />] as [string, React.ReactNode]] : []),
                    ...(s.date
                      ? [
                          [
                            t("date"),
                            <Group key="d" gap="xs">
                              <When at={s.date.start} />
                              <StateBadge state={s.date.outcome ?? "waiting"} />
                              {s.date.why}
                            </Group>,
                          ] as [string, React.ReactNode],
                        ]
                      : []),
                    ...(s.buyer && s.sold_product ? [[t("soldProduct"), <GoTo key="sp" to={`/inventory/${s.buyer}/${s.sold_product}`}>{s.sold_product}</GoTo>] as [string, React.ReactNode]] : []),
                    ...(s.seller && s.bought_product ? [[t("boughtProduct"), <GoTo key="bp" to={`/inventory/${s.seller}/${s.bought_product}`}>{s.bought_product}</GoTo>] as [string, React.ReactNode]] : []),
                  ]}
                />
              </Section>
              <Course service={s} />
            </SimpleGrid>
            <Section title={t("legs")}>
              <Legs offer={s.offer} seller={s.seller} />
            </Section>
            {s.offer.hour && <Sessions service={s} />}
          </Stack>
        )}
      </Loaded>
    </Page>
  );
}

function Cascade({ service, spot }: { service: Service; spot: (id: string) => string }) {
  const self = useSession()?.carrier ?? "";
  return <CascadeGraph service={service} self={self} spot={spot} />;
}

// Course is the service's timeline, with the orders on either Bilateral that belong to it.
function Course({ service: s }: { service: Service }) {
  const { t } = useTranslation("services");
  const may = useMay();
  const orders = (partner: string | undefined, product: string | undefined) => ({ params: { path: { partner: partner ?? "" }, query: { kind: "product" as const, product } } });
  const bought = api.useQuery("get", "/v1/bilaterals/{partner}/orders", orders(s.seller, s.bought_product), { enabled: Boolean(s.seller && s.bought_product) && may("list-orders") });
  const sold = api.useQuery("get", "/v1/bilaterals/{partner}/orders", orders(s.buyer, s.sold_product), { enabled: Boolean(s.buyer && s.sold_product) && may("list-orders") });
  const first = bought.data?.items[0] ?? sold.data?.items[0];
  const sides = [
    { partner: s.buyer, list: sold.data?.items ?? [] },
    { partner: s.seller, list: bought.data?.items ?? [] },
  ];
  return (
    <Section title={t("course")}>
      <History of={stages(s, first)} label={t("course")} />
      {sides.map(({ partner, list }) =>
        list.map((o) => (
          <div key={o.id}>
            <Title order={3} size="h6" mt="lg" mb="xs">
              {t("orderWith", { partner })} <GoTo to={`/orders/${partner}/${o.id}`}>{o.id}</GoTo>
            </Title>
            <History of={(o.product?.history ?? []).map((m) => ({ state: m.state, time: m.time }))} label={t("orderWith", { partner })} />
          </div>
        )),
      )}
    </Section>
  );
}

// Legs lists the legs of an offer. What is bought is one leg, behind which nobody sees.
function Legs({ offer, seller }: { offer: Offer; seller?: string }) {
  const { t, i18n } = useTranslation("services");
  const own = offer.legs.filter((l) => l.own).length;
  return (
    <Table.ScrollContainer minWidth={420}>
      <Table aria-label={t("legs")}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("leg")}</Table.Th>
            <Table.Th>{t("whose")}</Table.Th>
            <Table.Th ta="right">{t("latency")}</Table.Th>
            <Table.Th ta="right">{t("availability")}</Table.Th>
            <Table.Th ta="right">{t("eachPeriod", { period: offer.period })}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {offer.legs.map((l, i) => (
            <Table.Tr key={i}>
              <Table.Td>{l.name || t("theRest")}</Table.Td>
              <Table.Td>{l.own ? t("ours") : (seller ?? "–")}</Table.Td>
              <Table.Td ta="right">{latency(l.latency, i18n.language)}</Table.Td>
              <Table.Td ta="right">{percent(l.availability, i18n.language)}</Table.Td>
              <Table.Td ta="right">
                <Money {...((l.own ? own === 1 && offer.own_each : offer.bought_each) || { amount: undefined, currency: undefined })} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

// ChangeOffer shows the firm price of a change, which is made by ordering it.
function ChangeOffer({ offer, onDone }: { offer: Offer; onDone: () => void }) {
  const { t, i18n } = useTranslation("services");
  const order = useMutation({
    mutationFn: () => sent(client.POST("/v1/services", { body: { quote: offer.quote } })),
    onSuccess: () => {
      notifications.show({ color: "teal", message: t("changeOrdered") });
      void queries.invalidateQueries();
      onDone();
    },
  });
  return (
    <Alert color="lake" title={t("changeOffer")}>
      <Stack gap="sm">
        <Facts
          of={[
            [t("once"), <Money key="o" {...offer.once} />],
            [t("eachPeriod", { period: offer.period }), <Money key="e" {...offer.each} />],
            [t("latency"), latency(offer.latency, i18n.language)],
            [t("availability"), percent(offer.availability, i18n.language)],
            [t("validFor"), <Countdown key="c" to={Date.parse(offer.until)} />],
          ]}
        />
        <ProblemAlert error={order.error} />
        <Group>
          <Button loading={order.isPending} onClick={() => order.mutate()}>
            {t("orderChange")}
          </Button>
          <Button variant="default" onClick={onDone}>
            {t("leave")}
          </Button>
        </Group>
      </Stack>
    </Alert>
  );
}

function Actions({ service: s, onChange }: { service: Service; onChange: (o: Offer) => void }) {
  const { t } = useTranslation("services");
  const may = useMay();
  const can = (step: string, operation: string) => s.allowed.includes(step) && may(operation);
  const path = { path: { id: s.id } };
  const text = (v: unknown) => (typeof v === "string" ? v : undefined);
  const amount = (v: unknown) => (typeof v === "string" || typeof v === "number" ? v : undefined);
  return (
    <>
      {s.seller && s.bought_product && s.state !== "released" && may("open-ticket") && (
        <Button variant="default" component={Link} to="/tickets" search={{ tab: "own", partner: s.seller, open: s.bought_product } as never}>
          {t("openTicket")}
        </Button>
      )}
      {can("build", "build-service") && (
        <>
          <Action
            label={t("build")}
            variant="filled"
            text={t("buildText")}
            done={t("built")}
            asks={[
              { name: "latency", label: t("latencyMs"), kind: "number", hint: t("asQuoted") },
              { name: "bandwidth", label: t("bandwidthMbit"), kind: "number", hint: t("asQuoted") },
              { name: "availability", label: t("availabilityPercent"), kind: "number", hint: t("asQuoted") },
              { name: "loss", label: t("lossPercent"), kind: "number", hint: t("asQuoted") },
            ]}
            run={(v) => {
              const measured = {
                latency: scaled(amount(v.latency), 1000),
                bandwidth: megabits(amount(v.bandwidth)),
                availability: scaled(amount(v.availability), 10_000),
                loss: scaled(amount(v.loss), 10_000),
              };
              const any = Object.values(measured).some((x) => x !== undefined);
              return sent(client.POST("/v1/services/{id}/build", { params: path, body: any ? { measured } : {} }));
            }}
          />
          <Action label={t("buildFailed")} color="red" text={t("buildFailedText")} done={t("released")} run={() => sent(client.POST("/v1/services/{id}/build", { params: path, body: { failed: true } }))} />
        </>
      )}
      {can("change", "change-service") && (
        <Action
          label={t("change")}
          text={t("changeText")}
          done={t("priced")}
          asks={[
            { name: "bandwidth", label: t("bandwidthMbit"), kind: "number" },
            { name: "latency", label: t("latencyMost"), kind: "number" },
            { name: "availability", label: t("availabilityLeast"), kind: "number" },
            ...(s.until ? [{ name: "until", label: t("laterEnd"), kind: "time" as const }] : []),
          ]}
          run={(v) =>
            sent(
              client.POST("/v1/services/{id}/change", {
                params: path,
                body: { bandwidth: megabits(amount(v.bandwidth)), latency: scaled(amount(v.latency), 1000), availability: scaled(amount(v.availability), 10_000), until: text(v.until) },
              }),
            )
          }
          then={(o) => onChange(o as Offer)}
        />
      )}
      {can("reschedule", "reschedule-service") && (
        <Action
          label={t("reschedule")}
          text={t("rescheduleText")}
          done={t("asked")}
          asks={[
            { name: "start", label: t("newStart"), kind: "time" },
            { name: "expedite", label: t("expedite"), kind: "yes" },
          ]}
          run={(v) => sent(client.POST("/v1/services/{id}/reschedule", { params: path, body: { start: text(v.start), expedite: v.expedite === true || undefined } }))}
        />
      )}
      {can("withdraw", "withdraw-service") && (
        <Action label={t("withdraw")} color="red" text={t("withdrawText")} done={t("withdrawn")} run={() => sent(client.POST("/v1/services/{id}/withdraw", { params: path }))} />
      )}
      {can("end", "end-service") && (
        <Action
          label={t("end")}
          color="red"
          text={
            <>
              {t("endText")} {s.exit && <Money {...s.exit} />}
            </>
          }
          done={t("endOrdered")}
          asks={[{ name: "at", label: t("endAt"), kind: "time", hint: t("endNow") }]}
          run={(v) => sent(client.POST("/v1/services/{id}/end", { params: path, body: { at: text(v.at) } }))}
        />
      )}
    </>
  );
}

function Sessions({ service: s }: { service: Service }) {
  const { t } = useTranslation("services");
  const may = useMay();
  const rows = usePages("/v1/services/{id}/sessions", { path: { id: s.id } });
  return (
    <section>
      <Title order={2} size="h4" mb="sm">
        {t("sessions")}
      </Title>
      <DataTable
        label={t("sessions")}
        rows={rows}
        rowKey={(x) => x.id}
        file="sessions"
        height={360}
        toolbar={
          s.allowed.includes("open") &&
          may("open-session") && (
            <Action
              label={t("open")}
              done={t("opened")}
              asks={[{ name: "key", label: t("key"), hint: t("keyText"), most: 80 }]}
              run={(v) => sent(client.POST("/v1/services/{id}/sessions", { params: { path: { id: s.id } }, body: { key: typeof v.key === "string" ? v.key : undefined } }))}
            />
          )
        }
        empty={<Empty title={t("noSessions")}>{t("noSessionsText")}</Empty>}
        columns={[
          { id: "id", header: t("id"), width: "150px", cell: (x) => x.id.slice(0, 12), value: (x) => x.id },
          { id: "state", header: t("state"), width: "120px", cell: (x) => <StateBadge state={x.state} />, value: (x) => x.state },
          { id: "opened", header: t("openedAt"), cell: (x) => <When at={x.opened} />, value: (x) => x.opened ?? "" },
          { id: "closed", header: t("closedAt"), cell: (x) => <When at={x.closed} />, value: (x) => x.closed ?? "" },
          { id: "why", header: t("why"), cell: (x) => <Text size="sm" span>{x.why}</Text>, value: (x) => x.why ?? "" },
          {
            id: "act",
            header: t("step"),
            width: "130px",
            cell: (x) =>
              x.allowed.includes("close") && may("close-session") ? (
                <Action label={t("close")} size="compact-sm" text={t("closeText")} done={t("closed")} run={() => sent(client.POST("/v1/services/{id}/sessions/{session}/close", { params: { path: { id: s.id, session: x.id } } }))} />
              ) : null,
            value: () => "",
          },
        ]}
      />
    </section>
  );
}
