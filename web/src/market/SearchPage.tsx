import { Alert, Button, Card, Group, List, SegmentedControl, Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { usePlaces } from "@/api/places";
import { useMay } from "@/api/session";
import { product } from "@/lib/names";
import { bandwidth, latency, metres, percent } from "@/lib/units";
import { DataTable } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { fixedRows } from "@/ui/fixedRows";
import { GoTo } from "@/ui/GoTo";
import { Money } from "@/ui/Money";
import { Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { When } from "@/ui/When";
import type { MapLine, MapPoint } from "@/ui/WorldMap";

import { ends } from "./ends";
import { Fields } from "./Fields";
import { Near } from "./Near";
import { matchKey, type Wish } from "./wish";

const WorldMap = lazy(() => import("@/ui/WorldMap"));

type Match = Schema<"CatalogMatch">;

// SearchPage finds what the carrier's own catalogue can answer, on a map and in a table.
export function SearchPage() {
  const { t, i18n } = useTranslation("market");
  const wish = useSearch({ strict: false }) as Wish;
  const navigate = useNavigate();
  const may = useMay();
  const places = usePlaces();
  const [draft, setDraft] = useState<Wish>(wish);
  const go = (w: Wish) => void navigate({ to: "/market", search: w as never });
  const { compare, ...query } = wish;
  const selling = api.useQuery("get", "/v1/catalog/offerings", { params: { query: { state: "launched", limit: 300 } } });
  const sold = useMemo(() => ends((selling.data?.items ?? []).map((e) => e.item)), [selling.data]);
  const found = api.useQuery("get", "/v1/catalog/search", { params: { query: { ...query, limit: 200 } } }, { enabled: Boolean(wish.a || wish.z) });
  const matches = found.data?.matches ?? [];
  const chosen = new Set((compare ?? "").split(",").filter(Boolean));
  const compared = matches.filter((m) => chosen.has(matchKey(m)));
  const spot = (s: Schema<"CatalogSpot"> | undefined) => (s ? [s.place && (places.get(s.place)?.name ?? s.place), s.neighbour && t("enni", { neighbour: s.neighbour })].filter(Boolean).join(" · ") : "–");
  const choose = (keys: Set<string>) => go({ ...wish, compare: [...keys].join(",") || undefined });
  return (
    <Page
      title={t("title")}
      lead={t("lead")}
      actions={
        may("inquire") && (
          <Button component={Link} to="/inquiry" search={{ ...wish, a_neighbour: undefined, z_neighbour: undefined, compare: undefined } as never}>
            {t("askNeighbours")}
          </Button>
        )
      }
    >
      <Card withBorder component="form" onSubmit={(e: React.FormEvent) => (e.preventDefault(), go({ ...draft, compare: undefined }))}>
        <Stack>
          <Fields value={draft} onChange={setDraft} sold={sold} />
          <Group>
            <Button type="submit">{t("search")}</Button>
            <Button
              variant="default"
              onClick={() => {
                setDraft({});
                go({});
              }}
            >
              {t("clear")}
            </Button>
          </Group>
        </Stack>
      </Card>
      <MarketMap
        wish={wish}
        matches={matches}
        chosen={chosen}
        onPlace={(id) => {
          const next = !wish.a || wish.z ? { ...draft, a: id, a_neighbour: undefined, z: undefined, z_neighbour: undefined } : { ...draft, a: wish.a, z: id, z_neighbour: sold.some((e) => e.id === id && !e.neighbour) ? undefined : sold.find((e) => e.id === id)?.neighbour };
          setDraft(next);
          go({ ...next, compare: undefined });
        }}
        onMatch={(key) => {
          const keys = new Set(chosen);
          if (!keys.delete(key)) keys.add(key);
          choose(keys);
        }}
      />
      {!wish.a && !wish.z ? (
        <Empty title={t("start")}>{t("startText")}</Empty>
      ) : found.error ? (
        <ProblemAlert error={found.error} retry={() => void found.refetch()} />
      ) : (
        <>
          {compared.length > 0 && <Compared of={compared} spot={spot} />}
          <DataTable<Match>
            label={t("offers")}
            rows={fixedRows(matches, found.isFetching)}
            rowKey={matchKey}
            file="offers"
            selected={chosen}
            onSelect={choose}
            toolbar={
              <Title order={2} size="h4">
                {t("offers")}
              </Title>
            }
            empty={
              <Empty title={t("none")}>
                {t("noneText")}
                <Passed of={found.data?.passed} />
                <Near
                  of={found.data?.near}
                  asked={wish}
                  onChoose={(end, spot) => {
                    const next = { ...wish, [end]: spot.place, [`${end}_neighbour`]: spot.neighbour, compare: undefined };
                    setDraft(next);
                    go(next);
                  }}
                />
              </Empty>
            }
            columns={[
              { id: "name", header: t("offer"), width: "minmax(180px, 2fr)", cell: (m) => <GoTo to={`/catalogue/offerings/${m.answer.offering}`}>{m.answer.name}</GoTo>, value: (m) => m.answer.name },
              { id: "type", header: t("product"), cell: (m) => product(m.answer.type), value: (m) => m.answer.type },
              { id: "a", header: t("a"), cell: (m) => spot(m.answer.a), value: (m) => spot(m.answer.a) },
              { id: "z", header: t("z"), cell: (m) => spot(m.answer.z), value: (m) => spot(m.answer.z) },
              { id: "price", header: t("total"), right: true, width: "160px", cell: (m) => <Money {...m.answer.cost.total} />, value: (m) => m.answer.cost.total.amount },
              { id: "currency", header: t("currency"), value: (m) => m.answer.cost.total.currency },
              { id: "latency", header: t("latency"), right: true, width: "110px", cell: (m) => latency(m.answer.latency, i18n.language), value: (m) => m.answer.latency },
              { id: "availability", header: t("availability"), right: true, width: "130px", cell: (m) => percent(m.answer.availability, i18n.language), value: (m) => m.answer.availability },
              { id: "free", header: t("free"), right: true, width: "120px", cell: (m) => bandwidth(m.free, i18n.language), value: (m) => m.free },
              { id: "from", header: t("from"), width: "220px", cell: (m) => <When at={m.answer.from} />, value: (m) => m.answer.from },
            ]}
          />
          {matches.length > 0 && <Passed of={found.data?.passed} />}
        </>
      )}
    </Page>
  );
}

// Passed says how many offerings at the places do not answer, and what kept them from it.
function Passed({ of }: { of: Record<string, number> | undefined }) {
  const { t } = useTranslation("market");
  const all = Object.entries(of ?? {});
  if (!all.length) return null;
  return (
    <Alert color="gray" title={t("passed")} ta="left" mt="sm">
      <List size="sm">
        {all.map(([field, n]) => (
          <List.Item key={field}>
            {t(`fields.${field}`, { defaultValue: field })}: {n}
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}

// Compared shows the chosen offers side by side.
function Compared({ of, spot }: { of: Match[]; spot: (s: Schema<"CatalogSpot"> | undefined) => string }) {
  const { t, i18n } = useTranslation("market");
  const rows: [string, (m: Match) => React.ReactNode][] = [
    [t("a"), (m) => spot(m.answer.a)],
    [t("z"), (m) => spot(m.answer.z)],
    [t("total"), (m) => <Money {...m.answer.cost.total} fw={600} />],
    [
      t("charges"),
      (m) => (
        <Stack gap={2}>
          {m.answer.cost.charges.map((c, i) => (
            <Text size="sm" key={i}>
              {c.price}: <Money {...c.amount} size="sm" />
            </Text>
          ))}
          {(m.answer.cost.by_use ?? []).map((name) => (
            <Text size="sm" key={name} c="dimmed">
              {t("byUse", { name })}
            </Text>
          ))}
        </Stack>
      ),
    ],
    [t("latency"), (m) => latency(m.answer.latency, i18n.language)],
    [t("availability"), (m) => percent(m.answer.availability, i18n.language)],
    [t("length"), (m) => metres(m.answer.metres, i18n.language)],
    [t("free"), (m) => bandwidth(m.free, i18n.language)],
    [t("early"), (m) => percent(m.answer.early, i18n.language)],
    [t("guarantees"), (m) => (m.answer.guarantees ?? []).map((g) => g.metric).join(", ") || "–"],
  ];
  return (
    <Card withBorder component="section">
      <Title order={2} size="h4" mb="sm">
        {t("sideBySide")}
      </Title>
      <Table.ScrollContainer minWidth={of.length * 190 + 140}>
        <Table aria-label={t("sideBySide")}>
          <Table.Thead>
            <Table.Tr>
              <Table.Td />
              {of.map((m) => (
                <Table.Th key={matchKey(m)} scope="col">
                  {m.answer.name}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map(([name, cell]) => (
              <Table.Tr key={name}>
                <Table.Th scope="row">{name}</Table.Th>
                {of.map((m) => (
                  <Table.Td key={matchKey(m)}>{cell(m)}</Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Card>
  );
}

interface MapProps {
  wish: Wish;
  matches: Match[];
  chosen: Set<string>;
  onPlace: (id: string) => void;
  onMatch: (key: string) => void;
}

// MarketMap shows what answers; before anything is asked, all that is for sale.
function MarketMap({ wish, matches, chosen, onPlace, onMatch }: MapProps) {
  const { t } = useTranslation("market");
  const places = usePlaces();
  const [shown, setShown] = useState("map");
  const asked = Boolean(wish.a || wish.z);
  const { data } = api.useQuery("get", "/v1/catalog/offerings", { params: { query: { state: "launched", limit: 300 } } });
  const { points, lines } = useMemo(() => {
    const ends = new Set<string>();
    const lines: MapLine[] = [];
    const add = (id: string, name: string, a: string | undefined, z: string | undefined, marked: boolean) => {
      for (const end of [a, z]) if (end && places.has(end)) ends.add(end);
      const from = a && places.get(a);
      const to = z && places.get(z);
      if (from && to && a !== z) lines.push({ id, name: `${name}: ${from.name} – ${to.name}`, from: from.at, to: to.at, marked });
    };
    if (asked) {
      for (const m of matches) {
        const key = matchKey(m);
        add(key, m.answer.name, m.answer.a.place, m.answer.z?.place, chosen.has(key));
      }
      for (const end of [wish.a, wish.z]) if (end && places.has(end)) ends.add(end);
    } else {
      for (const { item: o } of data?.items ?? []) {
        o.legs?.forEach((l, i) => add(`${o.id}~${i}`, o.name, l.a.place, l.z.place, false));
        o.coverage?.places?.forEach((p) => places.has(p) && ends.add(p));
      }
    }
    const points: MapPoint[] = [...ends].map((id) => {
      const p = places.get(id)!;
      return { id, name: p.name, at: p.at, marked: id === wish.a || id === wish.z };
    });
    return { points, lines };
    // What is chosen is compared by what it holds.
    // eslint-disable-next-line
  }, [asked, matches, [...chosen].join(), data, places, wish.a, wish.z]);
  if (!points.length) return null;
  return (
    <section aria-label={t("onMap")}>
      <Group justify="space-between" mb="xs">
        <Text size="sm" c="dimmed">
          {t(asked ? "mapFound" : "mapAll")}
        </Text>
        <SegmentedControl
          size="xs"
          aria-label={t("onMap")}
          value={shown}
          onChange={setShown}
          data={[
            { value: "map", label: t("map") },
            { value: "list", label: t("list") },
          ]}
        />
      </Group>
      {shown === "map" ? (
        <Suspense fallback={<Skeleton height={320} />}>
          <WorldMap label={t("onMap")} points={points} lines={lines} onPoint={onPlace} onLine={asked ? onMatch : undefined} />
        </Suspense>
      ) : (
        <Group gap="xs">
          {points.map((p) => (
            <Button key={p.id} size="compact-sm" variant={p.marked ? "filled" : "default"} aria-pressed={p.marked} onClick={() => onPlace(p.id)}>
              {p.name}
            </Button>
          ))}
        </Group>
      )}
    </section>
  );
}
