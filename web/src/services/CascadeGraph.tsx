import { Box, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";
import { group } from "@/lib/money";
import { latency } from "@/lib/units";

interface Props {
  service: Schema<"Service">;
  self: string;
  spot: (id: string) => string;
}

// CascadeGraph shows a service as far as this carrier can see: who buys it, this carrier
// with its legs, of whom it buys the rest. What is behind a neighbour nobody here knows.
export function CascadeGraph({ service: s, self, spot }: Props) {
  const { t, i18n } = useTranslation("services");
  const money = (m: Schema<"MoneyAmount"> | undefined) => (m ? `${group(m.amount, i18n.language)} ${m.currency}` : "");
  const per = (m: Schema<"MoneyAmount"> | undefined) => (m ? t("per", { amount: money(m), period: s.offer.period }) : "");
  const own = s.offer.legs.filter((l) => l.own);
  const buyer = s.buyer ?? t("own");
  const line = s.state === "accepted" ? {} : s.state === "ended" ? { "data-off": true } : s.state === "released" || s.state === "releasing" ? { "data-bad": true } : { "data-waiting": true };
  const nodes = [
    { name: buyer, under: spot(s.a), self: false },
    { name: self, under: t("ownLegs", { count: own.length }), self: true },
    ...(s.seller ? [{ name: s.seller, under: t("theRest"), self: false }] : []),
  ];
  const links = [per(s.offer.each), ...(s.seller ? [per(s.offer.bought_each)] : [])];
  const gap = 300;
  const box = 150;
  const width = (nodes.length - 1) * gap + box + 20 + (s.seller ? 120 : 0);
  const words = [
    t("text.buyer", { buyer, self, price: per(s.offer.each) }),
    ...own.map((l) => t("text.leg", { self, name: l.name ?? "", latency: latency(l.latency, i18n.language) })),
    s.seller ? t("text.seller", { self, seller: s.seller, price: per(s.offer.bought_each) }) : t("text.alone", { self }),
  ].join(" ");
  return (
    <div>
      <Box className="graph" tabIndex={0} role="region" aria-label={t("cascade")}>
        <svg viewBox={`0 0 ${width} 116`} width={width} height={116} role="img" aria-label={words}>
          {links.map((text, i) => (
            <g key={i}>
              <path className="line" d={`M${10 + box + i * gap} 54 H${10 + (i + 1) * gap}`} {...line} />
              <text x={10 + box + i * gap + (gap - box) / 2} y={44} textAnchor="middle" fontSize={13}>
                {s.state === "accepted" ? "→" : ""}
              </text>
              <text className="small" x={10 + box + i * gap + (gap - box) / 2} y={28} textAnchor="middle">
                {text}
              </text>
            </g>
          ))}
          {nodes.map((n, i) => (
            <g key={i} transform={`translate(${10 + i * gap} 20)`}>
              <rect className="node" width={box} height={68} rx={10} data-self={n.self || undefined} />
              <text x={box / 2} y={30} textAnchor="middle" fontWeight={600} fontSize={15}>
                {cut(n.name, 16)}
              </text>
              <text className="small" x={box / 2} y={50} textAnchor="middle">
                {cut(n.under, 22)}
              </text>
            </g>
          ))}
          {s.seller && (
            <>
              <path className="line" data-off d={`M${10 + box + 2 * gap} 54 H${width - 6}`} />
              <text className="small" x={width - 6} y={44} textAnchor="end">
                {cut(spot(s.z), 18)}
              </text>
            </>
          )}
        </svg>
      </Box>
      <Text size="sm" c="dimmed" mt="xs">
        {words}
      </Text>
    </div>
  );
}

const cut = (text: string, most: number) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
