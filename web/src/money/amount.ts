import { micro } from "@/lib/money";

// positive reports whether a text is an amount above zero.
export function positive(text: string): boolean {
  try {
    return micro(text.trim()) > 0n;
  } catch {
    return false;
  }
}

// later gives the time that is so many hours from now, as the API takes it.
export function later(hours: number, now = Date.now()): string {
  return new Date(now + Math.round(hours * 3_600_000)).toISOString();
}

// dayStart gives the beginning of a day in UTC; nothing for no day.
export function dayStart(day: string | undefined): string | undefined {
  return day && /^\d{4}-\d\d-\d\d$/.test(day) ? `${day}T00:00:00Z` : undefined;
}

// dayEnd gives the end of a day in UTC, which the API takes as "before".
export function dayEnd(day: string | undefined): string | undefined {
  const start = dayStart(day);
  return start && new Date(new Date(start).getTime() + 86_400_000).toISOString();
}
