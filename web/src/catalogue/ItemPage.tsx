import { Button, Skeleton, Stack, Text, Title } from "@mantine/core";
import { Link, useParams } from "@tanstack/react-router";
import { lazy, Suspense, useMemo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { client, type Schema } from "@/api/client";
import { usePlaces } from "@/api/places";
import { sent } from "@/api/sent";
import { useMay } from "@/api/session";
import { bandwidth, latency, percent } from "@/lib/units";
import { Action } from "@/ui/Action";
import { DataTable } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Facts } from "@/ui/Facts";
import { fixedRows } from "@/ui/fixedRows";
import { Course } from "@/ui/History";
import { Json } from "@/ui/Json";
import { Loaded, Page } from "@/ui/Page";
import { Prices } from "@/ui/Prices";
import { Section } from "@/ui/Section";
import { StateBadge } from "@/ui/StateBadge";
import { When } from "@/ui/When";

import { kindOf, one, useItem, useVersions, type Entry, type Kind, type Version } from "./queries";

const WorldMap = lazy(() => import("@/ui/WorldMap"));

// ItemPage shows one item as it is in force, its life, and all its versions.
export function ItemPage() {
  const { t } = useTranslation("catalogue");
  const { kind: k, id = "" } = useParams({ strict: false }) as { kind?: string; id?: string };
  const kind = kindOf(k);
  const may = useMay();
  const of = useItem(kind, id);
  return (
    <Page
      title={of.data?.item.name || id}
      lead={`${t(`one.${kind}`)} ${id}`}
      crumbs={[
        { text: t("title"), to: "/catalogue" },
        { text: t(kind), to: `/catalogue/${kind}` },
      ]}
      actions={
        of.data && (
          <>
            {may(`step-${one[kind]}`) && <Steps kind={kind} entry={of.data} />}
            {of.data.allowed.includes("put") && may(`put-${one[kind]}`) && (
              <Button component={Link} to={`/catalogue/${kind}/put`} search={{ from: id } as never}>
                {t("newVersion")}
              </Button>
            )}
          </>
        )
      }
    >
      <Loaded of={of}>
        {(e) => (
          <Stack gap="lg">
            <Section title={t("inForce")}>
              <About kind={kind} entry={e} />
            </Section>
            {kind === "offerings" && <Offering of={e.item as Schema<"CatalogOffering">} />}
            {kind === "places" && <Where of={e.item as Schema<"CatalogPlace">} />}
            {(e.moves?.length ?? 0) > 0 && (
              <Course title={t("course")} of={e.moves!.map((m) => ({ state: m.state, time: m.at, text: [m.by, m.why].filter(Boolean).join(": ") }))} />
            )}
            <Versions kind={kind} id={id} />
            <Section title={t("asJson")}>
              <Json text={e.item} label={t("asJson")} />
            </Section>
          </Stack>
        )}
      </Loaded>
    </Page>
  );
}

function About({ kind, entry: e }: { kind: Kind; entry: Entry }) {
  const { t, i18n } = useTranslation("catalogue");
  const o = e.item as Schema<"CatalogOffering">;
  const p = e.item as Schema<"CatalogPlace">;
  const own: [ReactNode, ReactNode][] =
    kind === "offerings"
      ? [
          [t("specification"), o.specification],
          [t("description"), o.description ?? "–"],
          [t("bandwidth"), o.bandwidth ? `${bandwidth(o.bandwidth.min, i18n.language)} – ${bandwidth(o.bandwidth.max, i18n.language)}` : "–"],
          ...(o.coverage ? [[t("coverage"), [...(o.coverage.countries ?? []), ...(o.coverage.places ?? []), ...(o.coverage.circles ?? []).map((c) => c.place)].join(", ")] as [ReactNode, ReactNode]] : []),
          ...(o.part_only ? [[t("partOnly"), t("yes")] as [ReactNode, ReactNode]] : []),
        ]
      : kind === "links"
        ? [[t("bandwidth"), bandwidth((e.item as Schema<"CatalogLink">).bandwidth, i18n.language)]]
        : kind === "specifications"
          ? [
              [t("type"), (e.item as Schema<"CatalogSpecification">).type],
              [t("description"), (e.item as Schema<"CatalogSpecification">).description ?? "–"],
            ]
          : [
              [t("country"), p.country],
              [t("code"), p.code ?? "–"],
              [t("position"), `${p.latitude}, ${p.longitude}`],
              [t("alsoCalled"), (p.names ?? []).join(", ") || "–"],
            ];
  return (
    <Facts
      of={[
        ...(e.state ? [[t("state"), <StateBadge key="s" state={e.state} />] as [ReactNode, ReactNode]] : []),
        ...own,
        [t("version"), e.version],
        ...(kind === "places" && !e.by ? [] : ([[t("since"), <When key="w" at={e.at} />], [t("by"), e.by ?? "–"]] as [ReactNode, ReactNode][])),
      ]}
    />
  );
}

function Steps({ kind, entry: e }: { kind: Kind; entry: Entry }) {
  const { t } = useTranslation("catalogue");
  const params = { path: { id: e.item.id } };
  return (
    <>
      {e.allowed
        .filter((event) => event !== "put")
        .map((event) => (
        <Action
          key={event}
          label={t(`events.${event}`)}
          color={["reject", "endSale", "endSupport", "retire"].includes(event) ? "red" : undefined}
          text={t(`eventTexts.${event}`)}
          asks={[{ name: "why", label: t("why"), kind: "long", most: 255 }]}
          done={t("stepped")}
          run={(v) => {
            const body = { event, why: v.why ? String(v.why) : undefined } as Schema<"Step">;
            return kind === "offerings" ? sent(client.POST("/v1/catalog/offerings/{id}/step", { params, body })) : sent(client.POST("/v1/catalog/specifications/{id}/step", { params, body }));
          }}
        />
      ))}
    </>
  );
}

// Offering shows where it can be had and for how much.
function Offering({ of: o }: { of: Schema<"CatalogOffering"> }) {
  const { t, i18n } = useTranslation("catalogue");
  const places = usePlaces();
  const spot = (e: Schema<"CatalogEnd">) => [places.get(e.place)?.name ?? e.place, e.neighbour && t("enni", { neighbour: e.neighbour })].filter(Boolean).join(" · ");
  const legs = useMemo(() => o.legs ?? [], [o.legs]);
  const { points, lines } = useMemo(() => {
    const ids = new Set([...legs.flatMap((l) => [l.a.place, l.z.place]), ...(o.coverage?.places ?? [])].filter((id) => places.has(id)));
    return {
      points: [...ids].map((id) => places.get(id)!),
      lines: legs.flatMap((l, i) => {
        const [a, z] = [places.get(l.a.place), places.get(l.z.place)];
        return a && z && a.id !== z.id ? [{ id: String(i), name: `${a.name} – ${z.name}`, from: a.at, to: z.at }] : [];
      }),
    };
  }, [legs, o.coverage, places]);
  return (
    <>
      <Section title={t("prices")}>
        <Prices of={o.prices ?? []} label={t("prices")} />
      </Section>
      {points.length > 0 && (
        <Suspense fallback={<Skeleton height={300} />}>
          <WorldMap label={t("onMap", { name: o.name })} points={points} lines={lines} />
        </Suspense>
      )}
      {legs.length > 0 && (
        <DataTable
          label={t("legs")}
          rows={fixedRows(legs.map((l, i) => ({ ...l, i })))}
          rowKey={(l) => String(l.i)}
          file={`${o.id}-legs`}
          height={360}
          toolbar={
            <Title order={2} size="h4">
              {t("legs")}
            </Title>
          }
          empty={<Empty title={t("none")} />}
          columns={[
            { id: "a", header: "A", width: "minmax(180px, 1.5fr)", cell: (l) => spot(l.a), value: (l) => spot(l.a) },
            { id: "z", header: "Z", width: "minmax(180px, 1.5fr)", cell: (l) => spot(l.z), value: (l) => spot(l.z) },
            { id: "latency", header: t("latency"), right: true, cell: (l) => latency(l.latency, i18n.language), value: (l) => l.latency },
            { id: "availability", header: t("availability"), right: true, cell: (l) => percent(l.availability, i18n.language), value: (l) => l.availability },
            { id: "links", header: t("links"), cell: (l) => (l.links ?? []).join(", "), value: (l) => (l.links ?? []).join(", ") },
          ]}
        />
      )}
    </>
  );
}

function Where({ of: p }: { of: Schema<"CatalogPlace"> }) {
  const points = useMemo(() => [{ id: p.id, name: p.name, at: [Number(p.longitude), Number(p.latitude)] as [number, number], marked: true }], [p]);
  return (
    <Suspense fallback={<Skeleton height={300} />}>
      <WorldMap label={p.name} points={points} />
    </Suspense>
  );
}

function Versions({ kind, id }: { kind: Kind; id: string }) {
  const { t } = useTranslation("catalogue");
  const rows = useVersions(kind, id) as unknown as Parameters<typeof DataTable<Version>>[0]["rows"];
  const changed = (v: Version) => v.changes.map((c) => `${c.field}: ${c.before ?? "–"} → ${c.after ?? "–"}`).join("; ");
  return (
    <DataTable<Version>
      label={t("versions")}
      rows={rows}
      rowKey={(v) => String(v.version)}
      file={`${id}-versions`}
      height={320}
      toolbar={
        <Title order={2} size="h4">
          {t("versions")}
        </Title>
      }
      empty={<Empty title={t("noVersions")} />}
      columns={[
        { id: "version", header: t("version"), width: "90px", cell: (v) => v.version, value: (v) => v.version },
        { id: "force", header: t("state"), width: "120px", cell: (v) => (v.in_force ? <StateBadge state="in-force" /> : ""), value: (v) => (v.in_force ? "in-force" : "") },
        { id: "at", header: t("since"), width: "220px", cell: (v) => <When at={v.at} />, value: (v) => v.at },
        { id: "by", header: t("by"), width: "150px", cell: (v) => v.by ?? "", value: (v) => v.by ?? "" },
        { id: "import", header: t("importNumber"), width: "100px", cell: (v) => v.import ?? "", value: (v) => v.import ?? "" },
        { id: "changes", header: t("changes"), width: "minmax(300px, 3fr)", cell: (v) => <Text span size="sm" title={changed(v)}>{changed(v)}</Text>, value: changed },
      ]}
    />
  );
}
