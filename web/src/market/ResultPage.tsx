import { Alert, Badge, Button, Card, Group, List, Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { lazy, Suspense, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api, client, queries, type Schema } from "@/api/client";
import { usePlaces } from "@/api/places";
import { sent } from "@/api/sent";
import { useMay, useSession } from "@/api/session";
import { product } from "@/lib/names";
import { bandwidth, latency, percent } from "@/lib/units";
import { Empty } from "@/ui/Empty";
import { GoTo } from "@/ui/GoTo";
import { Money } from "@/ui/Money";
import { Loaded, Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { Countdown, useNow, When } from "@/ui/When";

import { bests, type Row } from "./compare";
import { Near } from "./Near";

const WorldMap = lazy(() => import("@/ui/WorldMap"));

type Offer = Schema<"Offer">;

// ResultPage compares what an inquiry brought, and orders of it. The node keeps inquiries.
export function ResultPage() {
  const { t, i18n } = useTranslation("market");
  const { id = "" } = useParams({ strict: false }) as { id?: string };
  const places = usePlaces();
  const of = api.useQuery("get", "/v1/inquiries/{id}", { params: { path: { id } } });
  const x = of.data;
  const q = x?.inquiry;
  const spot = (p: string) => places.get(p)?.name ?? p;
  const offers = x ? offersOf(x) : [];
  return (
    <Page
      title={q ? `${spot(q.a)} – ${spot(q.z)}` : t("result")}
      lead={q && t("resultLead", { product: product(q.type), bandwidth: bandwidth(q.bandwidth, i18n.language), count: offers.length })}
      crumbs={[
        { text: t("title"), to: "/market" },
        { text: t("inquiry"), to: "/inquiry" },
      ]}
      actions={
        q && (
          <Button variant="default" component={Link} to="/inquiry" search={{ ...q, ceiling: q.ceiling && `${q.ceiling.currency}:${q.ceiling.amount}` } as never}>
            {t("askAgain")}
          </Button>
        )
      }
    >
      <Loaded of={of}>{(x) => <Found of={x} />}</Loaded>
    </Page>
  );
}

const offersOf = (x: Schema<"Inquiry">): Offer[] => [...(x.found.best ? [x.found.best] : []), ...x.found.alternatives];

function Found({ of: x }: { of: Schema<"Inquiry"> }) {
  const { t } = useTranslation("market");
  const places = usePlaces();
  const { inquiry: q, found } = x;
  const offers = offersOf(x);
  const a = places.get(q.a);
  const z = places.get(q.z);
  return (
    <>
      {x.service && (
        <Alert color="teal" title={t("wasOrdered")}>
          <GoTo to={`/services/${x.service}`}>{t("toService")}</GoTo>
        </Alert>
      )}
      {offers.length === 0 ? <Nothing of={x} /> : <Offers offers={offers} best={found.best?.quote} ordered={x.service} />}
      {a && z && (
        <Suspense fallback={<Skeleton height={300} />}>
          <WorldMap
            label={`${a.name} – ${z.name}`}
            points={[
              { ...a, marked: true },
              { ...z, marked: true },
            ]}
            lines={[{ id: "way", name: `${a.name} – ${z.name}`, from: a.at, to: z.at, marked: true }]}
          />
        </Suspense>
      )}
      <Text size="sm" c="dimmed">
        <When at={x.asked} /> {x.by && `· ${x.by}`} · {t("took", { find: Math.round(found.inquiry_ms), quote: Math.round(found.quote_ms) })} {t(found.asked ? "neighboursAsked" : "nobodyAsked")}
      </Text>
    </>
  );
}

// Nothing says what there is instead, as far as this carrier knows.
function Nothing({ of: x }: { of: Schema<"Inquiry"> }) {
  const { t } = useTranslation("market");
  const navigate = useNavigate();
  const q = x.inquiry;
  const { data } = api.useQuery("get", "/v1/catalog/search", { params: { query: { a: q.a, z: q.z, type: q.type, limit: 1 } } });
  return (
    <Empty title={t("nothing")}>
      {t(x.found.asked ? "nothingText" : "nothingAlone")}
      <Near
        of={data?.near?.filter((n) => !n.spot.neighbour)}
        asked={q}
        onChoose={(end, spot) => void navigate({ to: "/inquiry", search: { ...q, ceiling: q.ceiling && `${q.ceiling.currency}:${q.ceiling.amount}`, [end]: spot.place } as never })}
      />
    </Empty>
  );
}

function Offers({ offers, best, ordered }: { offers: Offer[]; best?: string; ordered?: string }) {
  const { t, i18n } = useTranslation("market");
  const may = useMay();
  const navigate = useNavigate();
  const now = useNow();
  const self = useSession()?.carrier ?? "";
  const marks = bests(offers);
  const order = useMutation({
    mutationFn: (quote: string) => sent(client.POST("/v1/services", { body: { quote } })),
    onSuccess: (s) => {
      notifications.show({ color: "teal", message: t("ordered") });
      void queries.invalidateQueries();
      void navigate({ to: `/services/${s.id}` });
    },
  });
  const rows: [string, Row | undefined, (o: Offer) => ReactNode][] = [
    [t("once"), "once", (o) => <Money {...o.once} />],
    [
      t("recurring"),
      "each",
      (o) => (
        <>
          <Money {...o.each} fw={600} /> / {o.period}
        </>
      ),
    ],
    ...(offers.some((o) => o.hour) ? [[t("hour"), "hour", (o) => (o.hour ? <Money {...o.hour} /> : "–")] as [string, Row, (o: Offer) => ReactNode]] : []),
    [t("latency"), "latency", (o) => latency(o.latency, i18n.language)],
    [t("availability"), "availability", (o) => percent(o.availability, i18n.language)],
    ...(offers.some((o) => o.months) ? [[t("months"), undefined, (o) => o.months ?? "–"] as [string, undefined, (o: Offer) => ReactNode]] : []),
    [t("chain"), undefined, (o) => <Chain of={o} self={self} />],
    [t("madeOf"), undefined, (o) => <MadeOf of={o} self={self} />],
    [
      t("valid"),
      undefined,
      (o) => (
        <Stack gap={2}>
          {Date.parse(o.until) > now ? <Countdown to={Date.parse(o.until)} fw={600} /> : <Badge color="red" variant="light">{t("expired")}</Badge>}
          <When at={o.until} size="sm" c="dimmed" />
        </Stack>
      ),
    ],
  ];
  return (
    <Card withBorder component="section">
      <Title order={2} size="h4" mb="sm">
        {t("sideBySide")}
      </Title>
      <Table.ScrollContainer minWidth={offers.length * 330 + 140}>
        <Table aria-label={t("sideBySide")} verticalSpacing="sm">
          <Table.Thead>
            <Table.Tr>
              <Table.Td />
              {offers.map((o, i) => (
                <Table.Th key={o.quote} scope="col">
                  <Group gap="xs">
                    {t("offerNumber", { number: i + 1 })}
                    {o.quote === best && <Badge variant="light">{t("best")}</Badge>}
                  </Group>
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map(([name, row, cell]) => (
              <Table.Tr key={name}>
                <Table.Th scope="row">{name}</Table.Th>
                {offers.map((o) => (
                  <Table.Td key={o.quote}>
                    {cell(o)}{" "}
                    {row && marks[row].has(o.quote) && (
                      <Badge size="sm" color="teal" variant="light">
                        {t("lead1")}
                      </Badge>
                    )}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
            {may("order-service") && (
              <Table.Tr>
                <Table.Th scope="row">{t("order")}</Table.Th>
                {offers.map((o, i) => (
                  <Table.Td key={o.quote}>
                    <Button
                      size="sm"
                      variant={o.quote === best ? "filled" : "default"}
                      disabled={ordered === o.quote || Date.parse(o.until) <= now || (order.isPending && order.variables !== o.quote)}
                      loading={order.isPending && order.variables === o.quote}
                      onClick={() => order.mutate(o.quote)}
                      aria-label={t("orderNumber", { number: i + 1 })}
                    >
                      {t(ordered === o.quote ? "orderedOf" : "order")}
                    </Button>
                  </Table.Td>
                ))}
              </Table.Tr>
            )}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <ProblemAlert error={order.error} />
    </Card>
  );
}

// MadeOf shows what a price is the sum of: own legs, what the neighbour asks, and the
// mark-up on that.
function MadeOf({ of: o, self }: { of: Offer; self: string }) {
  const { t } = useTranslation("market");
  const lines: [string, Schema<"MoneyAmount"> | undefined, Schema<"MoneyAmount"> | undefined][] = [
    [t("ownLegs", { carrier: self }), o.own_once, o.own_each],
    ...(o.seller ? ([[t("boughtOf", { seller: o.seller }), o.bought_once, o.bought_each], [t("markup"), o.markup_once, o.markup_each]] as typeof lines) : []),
  ];
  return (
    <Table withRowBorders={false} verticalSpacing={2} horizontalSpacing={4} aria-label={t("madeOf")}>
      <Table.Thead>
        <Table.Tr>
          <Table.Td />
          <Table.Th ta="right">{t("once")}</Table.Th>
          <Table.Th ta="right">{o.period}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {lines.map(([name, once, each]) => (
          <Table.Tr key={name}>
            <Table.Th scope="row" fw={400}>
              {name}
            </Table.Th>
            <Table.Td ta="right">{once ? <Money {...once} size="sm" /> : "–"}</Table.Td>
            <Table.Td ta="right">{each ? <Money {...each} size="sm" /> : "–"}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

// Chain lists who carries an offer, as far as it says: own legs by name; what is bought is
// one leg of the neighbour, whoever is behind it.
function Chain({ of, self }: { of: Offer; self: string }) {
  const { t, i18n } = useTranslation("market");
  return (
    <List size="sm" type="ordered">
      {of.legs.map((l, i) => (
        <List.Item key={i}>
          {l.own ? `${self}: ${l.name ?? ""}` : t("beyond", { seller: of.seller })}
          <Text size="xs" c="dimmed">
            {latency(l.latency, i18n.language)} · {percent(l.availability, i18n.language)}
          </Text>
        </List.Item>
      ))}
    </List>
  );
}
