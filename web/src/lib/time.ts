// Times are shown in a zone that the person chooses, and the zone is always named.

import { dateFormat } from "./formats";

const key = "lateral.zone";

export function zone(): string {
  try {
    return localStorage.getItem(key) ?? Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";
  } catch {
    return "UTC";
  }
}

export function setZone(name: string) {
  try {
    localStorage.setItem(key, name);
  } catch {
    // Without storage the choice holds until the page is left.
  }
}

export function zones(): string[] {
  return ["UTC", ...Intl.supportedValuesOf("timeZone").filter((z) => z !== "UTC")];
}

export interface Shape {
  date?: boolean; // the day
  seconds?: boolean;
  time?: boolean; // the time of the day
}

export function moment(at: string | number | Date, locale: string, tz: string, shape: Shape = {}): string {
  const { date = true, time = true, seconds = true } = shape;
  return dateFormat(locale, {
    timeZone: tz,
    hourCycle: "h23",
    ...(date ? { year: "numeric", month: "short", day: "2-digit" } : {}),
    ...(time ? { hour: "2-digit", minute: "2-digit", ...(seconds ? { second: "2-digit" } : {}), timeZoneName: "short" } : {}),
  }).format(new Date(at));
}

// interval splits the API's "from/to".
export function interval(text: string): { from: string; to: string } {
  const [from = "", to = ""] = text.split("/");
  return { from, to };
}

// span says how long something takes, in the largest two units: 1 h 5 min.
export function span(ms: number): string {
  const abs = Math.max(0, Math.round(ms / 1000));
  const parts: [number, string][] = [
    [Math.floor(abs / 86_400), "d"],
    [Math.floor((abs % 86_400) / 3_600), "h"],
    [Math.floor((abs % 3_600) / 60), "min"],
    [abs % 60, "s"],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([n]) => n > 0)
    .map(([n, unit]) => `${n} ${unit}`)
    .join(" ");
}
