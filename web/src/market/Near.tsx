import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";
import { usePlaces } from "@/api/places";
import { metres } from "@/lib/units";

import { named } from "./ends";

interface Props {
  of: Schema<"CatalogNearby">[] | null | undefined;
  asked: { a?: string; z?: string };
  onChoose: (end: "a" | "z", spot: Schema<"CatalogSpot">) => void;
}

// Near says plainly where what is sold ends, by how near that is to what was asked for.
export function Near({ of: all, asked, onChoose }: Props) {
  const of = all ?? [];
  const { t, i18n } = useTranslation("market");
  const places = usePlaces();
  const name = (id: string | undefined) => (id ? (places.has(id) ? named(places.get(id)!, places) : id) : "");
  // What is in the same region; without any, what is nearest.
  const shown = (end: "a" | "z") => {
    const there = of.filter((n) => n.for === end);
    const close = there.filter((n) => n.metres <= 200_000);
    return close.length ? close : there.slice(0, 3);
  };
  const sides = (["a", "z"] as const).filter((end) => asked[end] && of.some((n) => n.for === end));
  if (!sides.length) return null;
  return (
    <Alert color="gray" title={t("near")} ta="left" mt="sm">
      <Stack gap="sm">
        {sides.map((end) => (
          <div key={end}>
            <Text size="sm" mb={4}>
              {t("nearTo", { place: name(asked[end]) })}
            </Text>
            <Group gap="xs">
              {shown(end).map((n) => (
                  <Button key={`${n.spot.place} ${n.spot.neighbour ?? ""}`} size="compact-sm" variant="default" h="auto" mih={26} styles={{ label: { whiteSpace: "normal" } }} onClick={() => onChoose(end, n.spot)}>
                    {[name(n.spot.place), n.spot.neighbour && t("enni", { neighbour: n.spot.neighbour }), n.metres ? metres(n.metres, i18n.language) : t("there")].filter(Boolean).join(" · ")}
                  </Button>
              ))}
            </Group>
          </div>
        ))}
      </Stack>
    </Alert>
  );
}
