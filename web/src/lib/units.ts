// Figures of a line come as whole numbers: bit/s, microseconds, millionths, metres.

import { numberFormat } from "./formats";
import { span } from "./time";

const steps: [number, string][] = [
  [1e12, "Tbit/s"],
  [1e9, "Gbit/s"],
  [1e6, "Mbit/s"],
  [1e3, "kbit/s"],
  [1, "bit/s"],
];

const number = (value: number, locale: string, places: number) => numberFormat(locale, { maximumFractionDigits: places }).format(value);

// bandwidth writes bit/s in the largest unit of which there is at least one.
export function bandwidth(bits: number | undefined, locale: string): string {
  if (bits === undefined) return "–";
  const [size, unit] = steps.find(([s]) => bits >= s) ?? steps.at(-1)!;
  return `${number(bits / size, locale, 3)}\u00a0${unit}`;
}

// latency writes microseconds in milliseconds.
export function latency(us: number | undefined, locale: string): string {
  return us ? `${number(us / 1000, locale, 3)}\u00a0ms` : "–";
}

// percent writes millionths as a share of a hundred.
export function percent(millionths: number | undefined, locale: string): string {
  return millionths ? `${number(millionths / 10_000, locale, 4)}\u00a0%` : "–";
}

// measure writes what was measured of a service under a metric's name: shares come as
// millionths, times as microseconds, and what is neither as it is counted.
export function measure(metric: string, value: number, locale: string): string {
  if (/^(availability|loss)$/.test(metric)) return `${number(value / 10_000, locale, 4)}\u00a0%`;
  if (/^(latency|jitter|delay)$/.test(metric)) return `${number(value / 1000, locale, 3)}\u00a0ms`;
  return number(value, locale, 0);
}

// metres writes a length, from a kilometre on in kilometres.
export function metres(m: number | undefined, locale: string): string {
  if (m === undefined) return "–";
  return m >= 1000 ? `${number(m / 1000, locale, 1)}\u00a0km` : `${number(m, locale, 0)}\u00a0m`;
}

// megabits reads a number of Mbit/s that a person wrote as bit/s; undefined if it is none.
export function megabits(value: string | number | undefined): number | undefined {
  return scaled(value, 1e6);
}

// scaled reads a number that a person wrote in a larger unit as a whole number of the smaller.
export function scaled(value: string | number | undefined, by: number): number | undefined {
  if (value === undefined || value === "") return undefined;
  const n = typeof value === "number" ? value : Number(value);
  return Number.isFinite(n) && n >= 0 ? Math.round(n * by) : undefined;
}

// bytes writes a size, from a kibibyte on in powers of it.
export function bytes(n: number, locale: string): string {
  const of = n >= 2 ** 20 ? ([2 ** 20, "MiB"] as const) : n >= 2 ** 10 ? ([2 ** 10, "KiB"] as const) : ([1, "B"] as const);
  return `${number(n / of[0], locale, 1)}\u00a0${of[1]}`;
}

// parameter writes a number of the API by what its name says that it counts, and takes that
// off the name: invitation_millis is an invitation of 7 d.
export function parameter(name: string, value: unknown, locale: string): [name: string, value: string] {
  if (typeof value !== "number") return [name, String(value)];
  const [, of, unit] = /^(.*)_(millis|bytes|percent)$/.exec(name) ?? [];
  switch (unit) {
    case "millis":
      return [of!, value && value < 1000 ? `${value}\u00a0ms` : span(value)];
    case "bytes":
      return [of!, bytes(value, locale)];
    case "percent":
      return [of!, `${number(value, locale, 0)}\u00a0%`];
  }
  return [name, number(value, locale, 0)];
}
