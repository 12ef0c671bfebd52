// Saved filters are kept in this browser, by page.
export interface Saved {
  name: string;
  search: Record<string, unknown>;
}

const key = (page: string) => `lateral.filters.${page}`;

export function savedFilters(page: string): Saved[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(key(page)) ?? "[]");
    if (!Array.isArray(list)) return [];
    return list.filter((s): s is Saved => typeof s === "object" && s !== null && typeof (s as Saved).name === "string" && typeof (s as Saved).search === "object" && (s as Saved).search !== null);
  } catch {
    return [];
  }
}

// saveFilter keeps a filter under a name; one of the same name goes.
export function saveFilter(page: string, s: Saved): Saved[] {
  return keep(page, [...savedFilters(page).filter((x) => x.name !== s.name), s].sort((a, b) => a.name.localeCompare(b.name)));
}

export function dropFilter(page: string, name: string): Saved[] {
  return keep(page, savedFilters(page).filter((x) => x.name !== name));
}

function keep(page: string, list: Saved[]): Saved[] {
  try {
    localStorage.setItem(key(page), JSON.stringify(list));
  } catch {
    // Without storage it holds until the page is left.
  }
  return list;
}
