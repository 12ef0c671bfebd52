// What an input of a date and a time holds is wall time of the chosen zone.

import { dateFormat } from "./formats";

// wall writes a moment as such an input wants it: 2026-11-27T20:00, with its seconds where
// it has some.
export function wall(at: string | number | Date, zone: string): string {
  const parts = dateFormat("en-CA", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" }).formatToParts(new Date(at));
  const get = (type: string) => parts.find((p) => p.type === type)?.value ?? "";
  const seconds = get("second");
  return `${get("year")}-${get("month")}-${get("day")}T${get("hour")}:${get("minute")}${seconds === "00" ? "" : `:${seconds}`}`;
}

// fromWall reads it back as RFC 3339; undefined where it is no time. A wall time that the
// zone leaves out in spring is taken as by the offset before.
export function fromWall(text: string, zone: string): string | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(text)) return undefined;
  const moment = (t: string) => Date.parse(`${t.length === 16 ? `${t}:00` : t.slice(0, 19)}Z`);
  const wanted = moment(text);
  if (Number.isNaN(wanted)) return undefined;
  let at = wanted;
  for (let i = 0; i < 2; i++) at += wanted - moment(wall(at, zone));
  return new Date(at).toISOString().replace(".000Z", "Z");
}
