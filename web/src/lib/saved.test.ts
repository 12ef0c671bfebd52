import { beforeEach, expect, it, vi } from "vitest";

import { dropFilter, saveFilter, savedFilters } from "./saved";

// A browser's storage, as far as filters use it.
beforeEach(() => {
  const kept = new Map<string, string>();
  vi.stubGlobal("localStorage", { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => kept.set(k, v) });
});

it("keeps filters by page and name", () => {
  saveFilter("disputes", { name: "mine", search: { assigned: "ann" } });
  saveFilter("disputes", { name: "mine", search: { assigned: "ben" } });
  saveFilter("invoices", { name: "open", search: {} });
  expect(savedFilters("disputes")).toEqual([{ name: "mine", search: { assigned: "ben" } }]);
  expect(dropFilter("disputes", "mine")).toEqual([]);
  expect(savedFilters("invoices")).toHaveLength(1);
});

it("gives none where the storage holds something else", () => {
  localStorage.setItem("lateral.filters.disputes", '[1, {"name": 2}, {"name": "x"}]');
  expect(savedFilters("disputes")).toEqual([]);
  localStorage.setItem("lateral.filters.disputes", "{");
  expect(savedFilters("disputes")).toEqual([]);
});
