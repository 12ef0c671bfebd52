import { NumberInput, Select, SimpleGrid, TextInput, type OptionsFilter } from "@mantine/core";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";
import { usePlaces } from "@/api/places";
import { product } from "@/lib/names";
import { megabits, scaled } from "@/lib/units";
import { TimeInput } from "@/ui/TimeInput";

import { key, named, type End } from "./ends";
import type { Terms } from "./wish";

interface Props<T extends Terms> {
  value: T;
  onChange: (v: T) => void;
  errors?: Record<string, string>;
  needed?: boolean; // A, Z, product and bandwidth have to be given
  sold?: End[]; // ends of what is for sale, which are offered first
}

type Option = { value: string; label: string };

// found keeps the options whose label has all words that are typed.
const found: OptionsFilter = ({ options, search, limit }) => {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const has = (o: Option) => words.every((w) => o.label.toLowerCase().includes(w));
  return (options as (Option | { group: string; items: Option[] })[]).flatMap((o): (Option | { group: string; items: Option[] })[] => {
    if (!("group" in o)) return has(o) ? [o] : [];
    const items = o.items.filter(has).slice(0, limit);
    return items.length ? [{ group: o.group, items }] : [];
  }) as never;
};

// Fields are those of what is wanted, alike in a search and in an inquiry.
export function Fields<T extends Terms>({ value, onChange, errors = {}, needed, sold = [] }: Props<T>) {
  const { t } = useTranslation("market");
  const places = usePlaces();
  const { data: schemas } = api.useQuery("get", "/v1/catalog/schemas", { params: { query: { limit: 1000 } } }, { staleTime: 600_000, meta: { still: true } });
  const spots = useMemo(() => {
    const all = [...places.values()].map((p) => ({ value: key(p), label: named(p, places) })).sort((a, b) => a.label.localeCompare(b.label));
    const own = sold.map((e) => ({ value: key(e), label: [places.has(e.id) ? named(places.get(e.id)!, places) : e.id, e.neighbour && t("enni", { neighbour: e.neighbour })].filter(Boolean).join(" · ") }));
    const ours = new Set(own.map((o) => o.value));
    const rest = all.filter((o) => !ours.has(o.value));
    return own.length ? [{ group: t("forSaleHere"), items: own }, { group: t("places"), items: rest }] : rest;
  }, [places, sold, t]);
  const end = (name: "a" | "z") => (
    <Select
      label={t(name)}
      placeholder={t("placeHint")}
      data={spots}
      value={value[name] ? key({ id: value[name], neighbour: value[`${name}_neighbour`] }) : null}
      onChange={(v) => {
        const [id, neighbour] = (v ?? "").split("~");
        set({ [name]: id || undefined, [`${name}_neighbour`]: neighbour || undefined });
      }}
      filter={found}
      searchable
      limit={60}
      clearable
      clearButtonProps={{ "aria-label": t("clear") }}
      required={needed}
      error={errors[name]}
      nothingFoundMessage={t("noPlace")}
    />
  );
  const types = useMemo(() => {
    const known = (schemas?.items ?? []).map((s) => s.type);
    if (value.type && !known.includes(value.type)) known.push(value.type);
    return known.map((type) => ({ value: type, label: product(type) === type ? type : `${product(type)} · ${type}` }));
  }, [schemas, value.type]);
  const set = (change: Partial<Terms>) => onChange({ ...value, ...change });
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, md: 3, lg: 4 }}>
      {end("a")}
      {end("z")}
      <Select label={t("product")} placeholder={needed ? undefined : t("anyProduct")} data={types} value={value.type ?? null} onChange={(type) => set({ type: type ?? undefined })} searchable clearable={!needed} required={needed} error={errors.type} />
      <NumberInput label={t("bandwidth")} min={0} value={value.bandwidth === undefined ? "" : value.bandwidth / 1e6} onChange={(v) => set({ bandwidth: megabits(v) })} required={needed} error={errors.bandwidth} />
      <NumberInput label={t("latencyMost")} min={0} value={value.latency === undefined ? "" : value.latency / 1000} onChange={(v) => set({ latency: scaled(v, 1000) })} error={errors.latency} />
      <NumberInput label={t("availabilityLeast")} min={0} max={100} decimalScale={4} value={value.availability === undefined ? "" : value.availability / 10_000} onChange={(v) => set({ availability: scaled(v, 10_000) })} error={errors.availability} />
      <TimeInput label={t("from")} value={value.from} onChange={(from) => set({ from })} error={errors.from} />
      <TimeInput label={t("to")} value={value.to} onChange={(to) => set({ to })} error={errors.to} />
      <TextInput label={t("ceiling")} placeholder="EUR:500" value={value.ceiling ?? ""} onChange={(e) => set({ ceiling: e.currentTarget.value || undefined })} error={errors.ceiling} />
    </SimpleGrid>
  );
}
