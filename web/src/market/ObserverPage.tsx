import { Box, Card, Group, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { json } from "@/api/http";
import { usePlaces } from "@/api/places";
import { DataTable } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { fixedRows } from "@/ui/fixedRows";
import { Money } from "@/ui/Money";
import { Loaded, Page } from "@/ui/Page";
import { StateBadge } from "@/ui/StateBadge";
import { When } from "@/ui/When";

import { between, chains, pairs, ring, type Chain, type Mesh } from "./mesh";

const width = 900;
const height = 480;

// ObserverPage shows the whole mesh, which only a sandbox can.
export function ObserverPage() {
  const { t } = useTranslation("market");
  const { chain: chosen } = useSearch({ strict: false }) as { chain?: string };
  const navigate = useNavigate();
  const places = usePlaces();
  const mesh = useQuery({ queryKey: ["sandbox", "mesh"], queryFn: () => json<Mesh>("GET", "/sandbox/mesh"), refetchInterval: 2000, retry: 1 });
  const spot = (id: string) => places.get(id)?.name ?? id;
  return (
    <Page title={t("observer")} lead={t("observerLead")}>
      <Loaded of={mesh}>
        {(m) => {
          const all = chains(m.services).sort((x, y) => (y.hops[0]!.since ?? "9").localeCompare(x.hops[0]!.since ?? "9"));
          const picked = all.find((c) => c.id === chosen);
          return (
            <Stack gap="lg">
              <Card withBorder component="section">
                <Title order={2} size="h4" mb="sm">
                  {t("wholeMesh")}
                </Title>
                {m.neighbours.length ? <MeshGraph mesh={m} all={all} picked={picked} /> : <Empty title={t("noMesh")}>{t("noMeshText")}</Empty>}
              </Card>
              {picked && <Hops of={picked} />}
              <DataTable<Chain>
                label={t("cascades")}
                rows={fixedRows(all)}
                rowKey={(c) => c.id}
                file="cascades"
                height={420}
                selected={new Set(chosen ? [chosen] : [])}
                onSelect={(keys) => void navigate({ to: "/observer", search: { chain: [...keys].filter((k) => k !== chosen).at(-1) } as never })}
                toolbar={
                  <Title order={2} size="h4">
                    {t("cascades")}
                  </Title>
                }
                empty={<Empty title={t("noCascades")}>{t("noCascadesText")}</Empty>}
                columns={[
                  { id: "chain", header: t("chain"), width: "minmax(240px, 2fr)", cell: (c) => chainText(c), value: chainText },
                  { id: "state", header: t("state"), width: "130px", cell: (c) => <StateBadge state={c.hops[0]!.state} />, value: (c) => c.hops[0]!.state },
                  { id: "a", header: t("a"), cell: (c) => spot(c.hops[0]!.a), value: (c) => c.hops[0]!.a },
                  { id: "z", header: t("z"), cell: (c) => spot(c.hops[0]!.z), value: (c) => c.hops[0]!.z },
                  { id: "each", header: t("recurring"), right: true, width: "170px", cell: (c) => <Money {...c.hops[0]!.offer.each} />, value: (c) => c.hops[0]!.offer.each.amount },
                  { id: "period", header: t("period"), width: "100px", cell: (c) => c.hops[0]!.offer.period, value: (c) => c.hops[0]!.offer.period },
                  { id: "since", header: t("since"), width: "220px", cell: (c) => <When at={c.hops[0]!.since} />, value: (c) => c.hops[0]!.since ?? "" },
                ]}
              />
              <Table.ScrollContainer minWidth={460}>
                <Table aria-label={t("links")}>
                  <Table.Caption>{t("links")}</Table.Caption>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>{t("enniName")}</Table.Th>
                      <Table.Th>{t("carriers")}</Table.Th>
                      <Table.Th>{t("where")}</Table.Th>
                      <Table.Th>{t("state")}</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {m.neighbours.map((n) => (
                      <Table.Tr key={n.enni}>
                        <Table.Td>{n.enni}</Table.Td>
                        <Table.Td>
                          {n.a} – {n.b}
                        </Table.Td>
                        <Table.Td>
                          {n.place}, {spot(n.city)}
                        </Table.Td>
                        <Table.Td>
                          <StateBadge state={n.cut ? "failed" : "running"} />
                        </Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
            </Stack>
          );
        }}
      </Loaded>
    </Page>
  );
}

const chainText = (c: Chain) => [...c.hops.map((h) => h.carrier), ...(c.hops.at(-1)!.seller ? [c.hops.at(-1)!.seller!] : [])].join(" → ");

function Hops({ of }: { of: Chain }) {
  const { t } = useTranslation("market");
  return (
    <Card withBorder component="section">
      <Title order={2} size="h4" mb="sm">
        {chainText(of)}
      </Title>
      <Stack gap="xs">
        {of.hops.map((h) => (
          <Group key={h.carrier} gap="sm">
            <Text fw={600} w={100}>
              {h.carrier}
            </Text>
            <StateBadge state={h.state} />
            <Text size="sm">
              {t("sells")} <Money {...h.offer.each} size="sm" /> / {h.offer.period}
            </Text>
            {h.offer.bought_each && (
              <Text size="sm" c="dimmed">
                {t("buysOf", { seller: h.seller })} <Money {...h.offer.bought_each} size="sm" />
              </Text>
            )}
            {h.why && <Text size="sm">{h.why}</Text>}
          </Group>
        ))}
      </Stack>
    </Card>
  );
}

// MeshGraph draws carriers, their interconnections, and the cascades that run over them.
function MeshGraph({ mesh: m, all, picked }: { mesh: Mesh; all: Chain[]; picked?: Chain }) {
  const { t } = useTranslation("market");
  const at = new Map(ring(m.carriers.length, width, height).map((p, i) => [m.carriers[i]!.code, p]));
  const alive = all.filter((c) => c.hops[0]!.state !== "ended" && c.hops[0]!.state !== "released");
  const loads = new Map<string, number>();
  for (const c of alive) for (const p of pairs(c)) loads.set(p, (loads.get(p) ?? 0) + 1);
  const mine = picked ? pairs(picked) : new Set<string>();
  const waits = picked !== undefined && picked.hops[0]!.state !== "accepted";
  return (
    <Box className="graph" tabIndex={0} role="region" aria-label={t("wholeMesh")}>
      <svg viewBox={`0 0 ${width} ${height}`} style={{ minWidth: 640, width: "100%", maxHeight: 560 }} role="img" aria-label={t("meshText", { carriers: m.carriers.length, links: m.neighbours.length, cascades: alive.length })}>
        {m.neighbours.map((n) => {
          const [a, b] = [at.get(n.a), at.get(n.b)];
          if (!a || !b) return null;
          const pair = between(n.a, n.b);
          const load = loads.get(pair) ?? 0;
          return (
            <g key={n.enni}>
              <path className="line" d={`M${a[0]} ${a[1]} L${b[0]} ${b[1]}`} strokeWidth={mine.has(pair) ? 6 : load ? 3 : 1.5} style={{ strokeWidth: mine.has(pair) ? 6 : load ? 3 : 1.5 }} data-bad={n.cut || undefined} data-off={(!load && !n.cut) || undefined} data-waiting={(mine.has(pair) && waits) || undefined} />
              <text className="small" x={(a[0] + b[0]) / 2} y={(a[1] + b[1]) / 2 - 5} textAnchor="middle">
                {load ? `${n.enni} · ${load}` : n.enni}
              </text>
            </g>
          );
        })}
        {m.carriers.map((c) => {
          const [x, y] = at.get(c.code)!;
          return (
            <g key={c.code} transform={`translate(${x - 62} ${y - 24})`}>
              <rect className="node" width={124} height={48} rx={10} data-down={!c.running || undefined} data-self={picked?.hops.some((h) => h.carrier === c.code) || undefined} />
              <text x={62} y={c.running ? 29 : 22} textAnchor="middle" fontWeight={600} fontSize={15}>
                {c.code}
              </text>
              {!c.running && (
                <text className="small" x={62} y={39} textAnchor="middle">
                  {t("down")}
                </text>
              )}
            </g>
          );
        })}
      </svg>
    </Box>
  );
}
