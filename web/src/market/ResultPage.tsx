import { Badge, Button, Card, Group, List, Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { lazy, Suspense, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { client, queries, type Schema } from "@/api/client";
import { usePlaces } from "@/api/places";
import { sent } from "@/api/sent";
import { useMay, useSession } from "@/api/session";
import { product } from "@/lib/names";
import { bandwidth, latency, percent } from "@/lib/units";
import { Empty } from "@/ui/Empty";
import { Money } from "@/ui/Money";
import { Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { Countdown, useNow, When } from "@/ui/When";

import { kept } from "./asked";
import { bests, type Row } from "./compare";

const WorldMap = lazy(() => import("@/ui/WorldMap"));

type Offer = Schema<"Offer">;

// ResultPage compares what an inquiry brought, and orders of it.
export function ResultPage() {
  const { t, i18n } = useTranslation("market");
  const { id = "" } = useParams({ strict: false }) as { id?: string };
  const places = usePlaces();
  const asked = kept().find((a) => a.answer.id === id);
  if (!asked) {
    return (
      <Page title={t("result")} crumbs={[{ text: t("inquiry"), to: "/inquiry" }]}>
        <Empty title={t("gone")}>
          {t("keptText")}{" "}
          <Button component={Link} to="/inquiry" mt="sm">
            {t("askAgain")}
          </Button>
        </Empty>
      </Page>
    );
  }
  const { inquiry: q, answer } = asked;
  const offers = [...(answer.best ? [answer.best] : []), ...answer.alternatives];
  const a = places.get(q.a);
  const z = places.get(q.z);
  return (
    <Page
      title={`${a?.name ?? q.a} – ${z?.name ?? q.z}`}
      lead={t("resultLead", { product: product(q.type), bandwidth: bandwidth(q.bandwidth, i18n.language), count: offers.length })}
      crumbs={[
        { text: t("title"), to: "/market" },
        { text: t("inquiry"), to: "/inquiry" },
      ]}
      actions={
        <Button variant="default" component={Link} to="/inquiry" search={{ ...q, ceiling: q.ceiling && `${q.ceiling.currency}:${q.ceiling.amount}` } as never}>
          {t("askAgain")}
        </Button>
      }
    >
      {offers.length === 0 ? <Empty title={t("nothing")}>{t(answer.asked ? "nothingText" : "nothingAlone")}</Empty> : <Offers offers={offers} best={answer.best?.quote} />}
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
        <When at={asked.at} /> · {t("took", { find: Math.round(answer.inquiry_ms), quote: Math.round(answer.quote_ms) })} {t(answer.asked ? "neighboursAsked" : "nobodyAsked")} {t("keptText")}
      </Text>
    </Page>
  );
}

function Offers({ offers, best }: { offers: Offer[]; best?: string }) {
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
    [
      t("paidOn"),
      undefined,
      (o) =>
        o.seller ? (
          <Stack gap={2}>
            {o.bought_once && (
              <Text size="sm">
                {t("once")}: <Money {...o.bought_once} size="sm" />
              </Text>
            )}
            {o.bought_each && (
              <Text size="sm">
                <Money {...o.bought_each} size="sm" /> / {o.period}
              </Text>
            )}
            {o.bought_hour && (
              <Text size="sm">
                {t("hour")}: <Money {...o.bought_hour} size="sm" />
              </Text>
            )}
          </Stack>
        ) : (
          "–"
        ),
    ],
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
      <Table.ScrollContainer minWidth={offers.length * 220 + 140}>
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
                      disabled={Date.parse(o.until) <= now || (order.isPending && order.variables !== o.quote)}
                      loading={order.isPending && order.variables === o.quote}
                      onClick={() => order.mutate(o.quote)}
                      aria-label={t("orderNumber", { number: i + 1 })}
                    >
                      {t("order")}
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
