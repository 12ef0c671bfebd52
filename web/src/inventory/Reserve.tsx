import { useTranslation } from "react-i18next";

import { api, client } from "@/api/client";
import { usePlaces } from "@/api/places";
import { sent } from "@/api/sent";
import { megabits } from "@/lib/units";
import { Action } from "@/ui/Action";

const hour = 3_600_000;

// Reserve reserves what an offering needs, at the ends of one of its legs.
export function Reserve() {
  const { t } = useTranslation("inventory");
  const places = usePlaces();
  const { data } = api.useQuery("get", "/v1/catalog/offerings", { params: { query: { state: "launched", limit: 300 } } });
  const spot = (e: { place: string; neighbour?: string }) => [places.get(e.place)?.name ?? e.place, e.neighbour].filter(Boolean).join(" · ");
  const legs = (data?.items ?? []).flatMap(({ item: o }) => (o.legs ?? []).map((l, i) => ({ value: `${o.id} ${i}`, label: `${o.name}: ${spot(l.a)} – ${spot(l.z)}`, offering: o.id, a: l.a, z: l.z })));
  return (
    <Action
      label={t("reserve")}
      text={t("reserveText")}
      done={t("reserved")}
      asks={[
        { name: "leg", label: t("offering"), kind: "choice", required: true, choices: legs.map(({ value, label }) => ({ value, label })) },
        { name: "bandwidth", label: t("bandwidthMbit"), kind: "number", required: true },
        { name: "from", label: t("from"), kind: "time", hint: t("atOnce") },
        { name: "to", label: t("to"), kind: "time", hint: t("withoutEnd") },
        { name: "expires", label: t("expires"), kind: "time", hint: t("expiresHint"), required: true, value: new Date(Math.ceil(Date.now() / hour) * hour + 24 * hour).toISOString() },
        { name: "for", label: t("for"), hint: t("forHint"), most: 128 },
      ]}
      run={(v) => {
        const l = legs.find((x) => x.value === v.leg)!;
        const at = (e: { place: string; neighbour?: string }) => ({ place: e.place, ...(e.neighbour ? { neighbour: e.neighbour } : {}) });
        const text = (x: unknown) => (typeof x === "string" ? x : undefined);
        return sent(client.POST("/v1/catalog/reservations", { body: { id: `hand-${crypto.randomUUID().slice(0, 8)}`, offering: l.offering, expires: String(v.expires), for: text(v.for), inquiry: { a: at(l.a), z: at(l.z), bandwidth: megabits(v.bandwidth as number), from: text(v.from), to: text(v.to) } } }));
      }}
    />
  );
}
