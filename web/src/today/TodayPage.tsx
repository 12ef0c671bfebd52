import { Anchor, Badge, Card, Group, Progress, SegmentedControl, SimpleGrid, Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck } from "@tabler/icons-react";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useMemo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { problemOf } from "@/api/problem";
import { useMay } from "@/api/session";
import { micro, share } from "@/lib/money";
import { interval } from "@/lib/time";
import { Money } from "@/ui/Money";
import { Loaded, Page } from "@/ui/Page";
import { StateBadge } from "@/ui/StateBadge";
import { Ago, Between, Countdown, When } from "@/ui/When";

import { useExceptions, useProblems, useStatus, useToday, useTrend } from "./queries";
import type { TodaySearch } from "./routes";
import { silent } from "./silent";
import { calls, money, ranges, type Range } from "./trend";

const Plot = lazy(() => import("./Plot").then((m) => ({ default: m.Plot })));

// TodayPage shows how things stand now; each tile leads to its cause.
export function TodayPage() {
  const { t } = useTranslation("today");
  const may = useMay();
  return (
    <Page title={t("title")} lead={t("lead")}>
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
        <Ledger />
        {may("get-today") && <Cycles />}
        {may("get-today") && may("list-disputes") && <Disputes />}
        {may("list-problems") && <Failed />}
        {may("get-today") && may("get-credit") && <Exposure />}
      </SimpleGrid>
      {may("get-trend") && <Trends />}
    </Page>
  );
}

// Tile is a card whose title leads to the cause.
function Tile({ title, to, mark, children }: { title: string; to?: string; mark?: ReactNode; children: ReactNode }) {
  return (
    <Card withBorder component="section" aria-label={title}>
      <Stack gap="xs">
        <Group justify="space-between" wrap="nowrap">
          <Title order={2} size="h5">
            {to ? (
              <Anchor component={Link} to={to} inherit>
                {title}
              </Anchor>
            ) : (
              title
            )}
          </Title>
          {mark}
        </Group>
        {children}
      </Stack>
    </Card>
  );
}

// Big is the number of a tile.
function Big({ n, children }: { n: number; children: ReactNode }) {
  const { i18n } = useTranslation();
  return (
    <Group gap="xs" align="baseline" wrap="nowrap">
      <Text fz={28} fw={650} lh={1.1} className="numbers">
        {n.toLocaleString(i18n.language)}
      </Text>
      <Text size="sm" c="dimmed">
        {children}
      </Text>
    </Group>
  );
}

function Fine({ children }: { children: ReactNode }) {
  return (
    <Group gap="xs" wrap="nowrap">
      <IconCircleCheck size={18} aria-hidden color="var(--mantine-color-teal-6)" />
      <Text size="sm">{children}</Text>
    </Group>
  );
}

function PartnerLink({ code }: { code: string }) {
  return (
    <Anchor component={Link} to={`/partners/${encodeURIComponent(code)}`} size="sm">
      {code}
    </Anchor>
  );
}

function Ledger() {
  const { t, i18n } = useTranslation("today");
  const status = useStatus();
  return (
    <Tile title={t("ledger")} to="/trust/validators" mark={status.data && <StateBadge state={status.data.ready ? "ready" : "failed"} />}>
      <Loaded of={status} lines={3}>
        {(s) => (
          <>
            <Big n={s.height}>
              {t("block")} · <Ago at={s.time} />
            </Big>
            <Text size="sm">{s.finality_ms.count ? t("finality", { p50: Math.round(s.finality_ms.p50), p99: Math.round(s.finality_ms.p99) }) : t("noFinality")}</Text>
            {s.checks
              .filter((c) => !c.ok)
              .map((c) => (
                <Group key={c.name} gap={6} wrap="nowrap" align="flex-start">
                  <IconAlertTriangle size={16} aria-hidden color="var(--mantine-color-red-6)" />
                  <Text size="sm">
                    {c.name}: {c.detail ?? t("notOk")}
                  </Text>
                </Group>
              ))}
            {s.checks.some((c) => c.ok) && (
              <Group gap={6} wrap="nowrap" align="flex-start">
                <IconCircleCheck size={16} aria-hidden color="var(--mantine-color-teal-6)" style={{ flexShrink: 0, marginTop: 2 }} />
                <Text size="sm">{t("ok", { checks: new Intl.ListFormat(i18n.language).format(s.checks.filter((c) => c.ok).map((c) => c.name)) })}</Text>
              </Group>
            )}
            {s.bilaterals
              .filter((b) => b.problem || b.divergence)
              .map((b) => (
                <Text key={b.channel} size="sm" c="var(--mantine-color-error)">
                  {b.partner}: {b.problem ?? t("divergence")}
                </Text>
              ))}
            {silent(s.bilaterals, s.time).map((b) => (
              <Group key={`${b.channel} silent`} gap={6} wrap="nowrap" align="flex-start">
                <IconAlertTriangle size={16} aria-hidden color="var(--mantine-color-orange-6)" />
                <Text size="sm">
                  {t("silent", { partner: b.partner })} <When at={b.unanswered_since} shape={{ date: false }} size="sm" />
                </Text>
              </Group>
            ))}
          </>
        )}
      </Loaded>
    </Tile>
  );
}

const few = 4;

function Cycles() {
  const { t } = useTranslation("today");
  const today = useToday(true);
  return (
    <Tile title={t("cycles")} to="/periods">
      <Loaded of={today} lines={3}>
        {({ cycles }) =>
          cycles.length ? (
            <>
              {cycles.slice(0, few).map((c) => {
                const { from, to } = interval(c.interval);
                const begin = Date.parse(from);
                const end = Date.parse(to);
                const under = Object.entries(c.states);
                return (
                  <Stack key={`${c.partner}/${c.agreement}`} gap={2}>
                    <Group justify="space-between" wrap="nowrap">
                      <Text size="sm" span truncate>
                        <PartnerLink code={c.partner} /> · {c.agreement} · {c.cycle}
                      </Text>
                      <Text size="sm" span fw={600} style={{ whiteSpace: "nowrap" }}>
                        {t("endsIn")} <Countdown to={end} />
                      </Text>
                    </Group>
                    <Progress value={Math.min(100, Math.max(0, ((Date.now() - begin) / (end - begin)) * 100))} size="xs" aria-label={t("cycleOf", { partner: c.partner })} />
                    <Text size="xs" c="dimmed">
                      <Between interval={c.interval} />
                    </Text>
                    {under.length > 0 && (
                      <Group gap={4}>
                        {under.map(([state, n]) => (
                          <Badge key={state} size="sm" variant="default" component={Link} to="/periods" search={{ partner: c.partner, state } as never} style={{ cursor: "pointer" }}>
                            {n} {t(`ui:states.${state}`, { defaultValue: state })}
                          </Badge>
                        ))}
                      </Group>
                    )}
                  </Stack>
                );
              })}
              {cycles.length > few && <Text size="xs">{t("more", { count: cycles.length - few })}</Text>}
            </>
          ) : (
            <Text size="sm" c="dimmed">
              {t("noCycles")}
            </Text>
          )
        }
      </Loaded>
    </Tile>
  );
}

function Disputes() {
  const { t } = useTranslation("today");
  const today = useToday(true);
  return (
    <Tile title={t("disputes")} to="/disputes">
      <Loaded of={today} lines={3}>
        {({ disputes }) => {
          const ours = disputes.reduce((n, d) => n + d.ours, 0);
          const waiting = disputes.reduce((n, d) => n + d.waiting, 0);
          if (!waiting) return <Fine>{t("noDisputes")}</Fine>;
          return (
            <>
              <Big n={ours}>{t("ours", { count: ours, waiting })}</Big>
              {disputes.slice(0, few).map((d) => (
                <Group key={d.partner} justify="space-between" gap="xs">
                  <PartnerLink code={d.partner} />
                  <Text size="sm" span className="numbers">
                    {t("oursOf", { ours: d.ours, waiting: d.waiting })}
                    {d.first && (
                      <>
                        {" · "}
                        {t("until")} <When at={d.first} shape={{ seconds: false }} />
                      </>
                    )}
                  </Text>
                </Group>
              ))}
            </>
          );
        }}
      </Loaded>
    </Tile>
  );
}

function Failed() {
  const { t } = useTranslation("today");
  const may = useMay();
  const status = useStatus();
  const problems = useProblems(true);
  const exceptions = useExceptions(may("list-payment-exceptions"));
  const today = useToday(may("get-today"));
  const refused = today.data?.rejected.reduce((n, r) => n + r.rejected, 0) ?? 0;
  const open = exceptions.data?.items.filter((x) => x.state !== "resolved" && x.state !== "done").length ?? 0;
  // Nothing failed as far as one knows: where something could not be asked, one does not. A
  // node without a bank has no exceptions.
  const asked = (today.data || !may("get-today")) && !exceptions.isLoading && (!exceptions.error || problemOf(exceptions.error).code === "not-found");
  return (
    <Tile title={t("failed")} to="/trust/problems">
      <Loaded of={problems} lines={3}>
        {(p) => {
          const n = p.total ?? p.items.length;
          return (
            <>
              {asked && n + open + refused === 0 && <Fine>{t("noFailed")}</Fine>}
              {n > 0 && <Big n={n}>{t("problems", { count: n })}</Big>}
              {p.items.slice(0, 3).map((x) => (
                <Text size="sm" key={`${x.partner}/${x.subject}`} lineClamp={2}>
                  <PartnerLink code={x.partner} /> {x.detail}
                </Text>
              ))}
              {open > 0 && (
                <Anchor component={Link} to="/payments" search={{ tab: "exceptions" } as never} size="sm">
                  {t("exceptions", { count: open })}
                </Anchor>
              )}
              {refused > 0 && (
                <Anchor component={Link} to="/usage" size="sm">
                  {t("rejected", { count: refused })}
                </Anchor>
              )}
              {status.data?.busy && (
                <Text size="sm" c="dimmed">
                  {t("busy")}
                </Text>
              )}
            </>
          );
        }}
      </Loaded>
    </Tile>
  );
}

function Exposure() {
  const { t } = useTranslation("today");
  const today = useToday(true);
  return (
    <Tile title={t("exposure")} to="/exposure">
      <Loaded of={today} lines={3}>
        {({ exposure }) => {
          // Where least is left comes first; what deposits cover is counted.
          const open = exposure.filter((x) => micro(x.exposure) > 0n).sort((a, b) => share(b.exposure, b.allocation) - share(a.exposure, a.allocation));
          const covered = exposure.length - open.length;
          return exposure.length ? (
            <>
              {open.slice(0, few).map((x) => (
                <Stack gap={2} key={`${x.partner}/${x.agreement}/${x.payer}/${x.currency}`}>
                  <Group justify="space-between" wrap="nowrap">
                    <Text size="sm" span>
                      <PartnerLink code={x.partner} /> · {t(x.payer === x.partner ? "owesUs" : "weOwe")}
                    </Text>
                    <Group gap={6} wrap="nowrap">
                      {x.state !== "within" && (
                        <Badge size="sm" color={x.state === "beyond" ? "red" : "yellow"} variant="light">
                          {t(`credit.${x.state}`, { defaultValue: x.state })}
                        </Badge>
                      )}
                      <Money amount={x.exposure} currency={x.currency} size="sm" />
                    </Group>
                  </Group>
                  <Progress
                    size="xs"
                    color={x.state === "beyond" ? "red" : x.state === "warned" ? "yellow" : "lake"}
                    value={Math.min(100, Math.max(0, share(x.exposure, x.allocation) * 100))}
                    aria-label={t("usedBy", { partner: x.partner })}
                  />
                </Stack>
              ))}
              {open.length > few && <Text size="xs">{t("more", { count: open.length - few })}</Text>}
              {covered > 0 && (
                <Text size="xs" c="dimmed">
                  {t("covered", { count: covered })}
                </Text>
              )}
            </>
          ) : (
            <Text size="sm" c="dimmed">
              {t("noExposure")}
            </Text>
          );
        }}
      </Loaded>
    </Tile>
  );
}

function Trends() {
  const { t, i18n } = useTranslation("today");
  const { range = "1h", currency } = useSearch({ strict: false }) as TodaySearch;
  const navigate = useNavigate();
  const trend = useTrend(range, true);
  const set = (s: TodaySearch) => void navigate({ to: "/", search: { range, currency, ...s } as never, replace: true, resetScroll: false });
  const days = ranges[range] > ranges["1d"];
  const c = useMemo(() => trend.data && calls(trend.data), [trend.data]);
  const m = useMemo(() => trend.data && money(trend.data, currency), [trend.data, currency]);
  const blank = <Skeleton height={190} />;
  return (
    <Stack gap="xs">
      <SegmentedControl
        aria-label={t("range")}
        value={range}
        onChange={(v) => set({ range: v as Range })}
        data={(Object.keys(ranges) as Range[]).map((value) => ({ value, label: t(`ranges.${value}`) }))}
        style={{ alignSelf: "flex-start", maxWidth: "100%", overflowX: "auto" }}
      />
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Tile title={t("traffic")} to="/usage">
          <Loaded of={trend}>
            {() =>
              c && (
                <>
                  <Text size="sm">{t("trafficText", { in: c.into.toLocaleString(i18n.language), out: c.out.toLocaleString(i18n.language) })}</Text>
                  {c.rows.length ? (
                    <Suspense fallback={blank}>
                      <Plot rows={c.rows} into={t("callsIn")} out={t("callsOut")} days={days} />
                    </Suspense>
                  ) : (
                    <Text size="sm" c="dimmed">
                      {t("noTrend")}
                    </Text>
                  )}
                </>
              )
            }
          </Loaded>
        </Tile>
        <Tile title={t("money")} to="/invoices">
          <Loaded of={trend}>
            {() => {
              if (!m?.currency)
                return (
                  <Text size="sm" c="dimmed">
                    {t("noTrend")}
                  </Text>
                );
              return (
                <>
                  <Table.ScrollContainer minWidth={300}>
                    <Table aria-label={t("moneyTable")} withRowBorders={false} verticalSpacing={2}>
                      <Table.Thead>
                        <Table.Tr>
                          <Table.Th>{t("moneyIn")}</Table.Th>
                          <Table.Th>{t("moneyOut")}</Table.Th>
                        </Table.Tr>
                      </Table.Thead>
                      <Table.Tbody>
                        {m.sums.map((s) => (
                          <Table.Tr key={s.currency}>
                            <Table.Td>
                              <Money amount={s.in} currency={s.currency} />
                            </Table.Td>
                            <Table.Td>
                              <Money amount={s.out} currency={s.currency} />
                            </Table.Td>
                          </Table.Tr>
                        ))}
                      </Table.Tbody>
                    </Table>
                  </Table.ScrollContainer>
                  {m.sums.length > 1 && <SegmentedControl size="xs" aria-label={t("currency")} value={m.currency} onChange={(c) => set({ currency: c })} data={m.sums.map((s) => s.currency)} style={{ alignSelf: "flex-start" }} />}
                  <Suspense fallback={blank}>
                    <Plot rows={m.rows} into={`${t("moneyIn")} (${m.currency})`} out={`${t("moneyOut")} (${m.currency})`} days={days} />
                  </Suspense>
                </>
              );
            }}
          </Loaded>
        </Tile>
      </SimpleGrid>
    </Stack>
  );
}
