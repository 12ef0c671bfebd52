import { Text, type TextProps } from "@mantine/core";
import { createContext, useContext, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { interval, moment, span, type Shape } from "@/lib/time";

export const Zone = createContext<{ zone: string; setZone: (z: string) => void }>({ zone: "UTC", setZone: () => {} });

export const useZone = () => useContext(Zone);

interface Props extends Omit<TextProps, "children"> {
  at: string | number | undefined;
  shape?: Shape;
}

// When shows a time in the chosen zone, with the zone's name.
export function When({ at, shape, ...rest }: Props) {
  const { i18n } = useTranslation();
  const { zone } = useZone();
  if (!at) return <Text span c="dimmed" {...rest}>–</Text>;
  return (
    <Text span className="numbers" {...rest}>
      <time dateTime={new Date(at).toISOString()}>{moment(at, i18n.language, zone, shape)}</time>
    </Text>
  );
}

// Between shows an interval of the API ("from/to").
export function Between({ interval: text, shape, ...rest }: { interval: string | undefined; shape?: Shape } & Omit<TextProps, "children">) {
  const { i18n } = useTranslation();
  const { zone } = useZone();
  if (!text) return <Text span c="dimmed" {...rest}>–</Text>;
  const { from, to } = interval(text);
  const day = (at: string) => moment(at, i18n.language, zone, { time: false });
  const same = day(from) === day(to);
  // The zone is named once, at the end, unless the clocks change in between.
  const begin = moment(from, i18n.language, zone, { ...shape });
  const end = moment(to, i18n.language, zone, { ...shape, date: !same });
  const name = / (\S+)$/.exec(end)?.[0];
  return (
    <Text span className="numbers" {...rest}>
      {name && shape?.time !== false && begin.endsWith(name) ? begin.slice(0, -name.length) : begin} – {end}
    </Text>
  );
}

// useNow gives the time, anew each so many milliseconds.
export function useNow(every = 1000): number {
  const [now, set] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

// Countdown shows how long it is until a time.
export function Countdown({ to, ...rest }: { to: number } & Omit<TextProps, "children">) {
  const now = useNow();
  return (
    <Text span className="numbers" {...rest} role="timer" aria-live="off">
      {span(to - now)}
    </Text>
  );
}

// Ago shows how long ago a time was, with the time itself on hover.
export function Ago({ at, ...rest }: { at: string | number } & Omit<TextProps, "children">) {
  const { t, i18n } = useTranslation();
  const { zone } = useZone();
  const now = useNow(5000);
  return (
    <Text span className="numbers" title={moment(at, i18n.language, zone)} {...rest}>
      {t("ago", { span: span(now - new Date(at).getTime()) })}
    </Text>
  );
}
