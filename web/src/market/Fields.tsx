import { NumberInput, Select, SimpleGrid, TextInput } from "@mantine/core";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";
import { usePlaces } from "@/api/places";
import { product } from "@/lib/names";
import { megabits, scaled } from "@/lib/units";
import { TimeInput } from "@/ui/TimeInput";

import type { Terms } from "./wish";

interface Props<T extends Terms> {
  value: T;
  onChange: (v: T) => void;
  errors?: Record<string, string>;
  needed?: boolean; // A, Z, product and bandwidth have to be given
}

// Fields are those of what is wanted, alike in a search and in an inquiry.
export function Fields<T extends Terms>({ value, onChange, errors = {}, needed }: Props<T>) {
  const { t } = useTranslation("market");
  const places = usePlaces();
  const { data: schemas } = api.useQuery("get", "/v1/catalog/schemas", { params: { query: { limit: 1000 } } }, { staleTime: 600_000, meta: { still: true } });
  const spots = useMemo(() => [...places.values()].map((p) => ({ value: p.id, label: `${p.name} (${p.country})` })).sort((a, b) => a.label.localeCompare(b.label)), [places]);
  const types = useMemo(() => {
    const known = (schemas?.items ?? []).map((s) => s.type);
    if (value.type && !known.includes(value.type)) known.push(value.type);
    return known.map((type) => ({ value: type, label: product(type) === type ? type : `${product(type)} · ${type}` }));
  }, [schemas, value.type]);
  const set = (change: Partial<Terms>) => onChange({ ...value, ...change });
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, md: 3, lg: 4 }}>
      <Select label={t("a")} placeholder={t("placeHint")} data={spots} value={value.a ?? null} onChange={(a) => set({ a: a ?? undefined })} searchable limit={60} clearable required={needed} error={errors.a} nothingFoundMessage={t("noPlace")} />
      <Select label={t("z")} placeholder={t("placeHint")} data={spots} value={value.z ?? null} onChange={(z) => set({ z: z ?? undefined })} searchable limit={60} clearable required={needed} error={errors.z} nothingFoundMessage={t("noPlace")} />
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
