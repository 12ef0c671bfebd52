import { ActionIcon, Button, CopyButton, Group, Menu, Modal, Select, Stack, TextInput } from "@mantine/core";
import { IconBookmark, IconFilterOff, IconLink, IconTrash } from "@tabler/icons-react";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { usePartners } from "@/api/partners";
import { spaced } from "@/lib/names";
import { dropFilter, savedFilters, saveFilter } from "@/lib/saved";
import { filled } from "@/lib/search";

// useFilters reads and writes what a page shows in its address.
export function useFilters<T extends object>(): [T, (patch: Partial<T>) => void] {
  const search = useSearch({ strict: false }) as T;
  const navigate = useNavigate();
  const set = useCallback((patch: Partial<T>) => void navigate({ to: ".", search: ((old: object) => filled({ ...old, ...patch })) as never, replace: true, resetScroll: false }), [navigate]);
  return [search, set];
}

// PartnerSelect chooses one partner, or all where that is allowed.
export function PartnerSelect({ value, onChange, all = true }: { value: string | undefined; onChange: (v: string | undefined) => void; all?: boolean }) {
  const { t } = useTranslation();
  const { codes } = usePartners();
  return (
    <Select
      label={t("filters.partner")}
      size="xs"
      w={150}
      data={codes ?? (value ? [value] : [])}
      value={value ?? null}
      placeholder={all ? t("filters.all") : undefined}
      clearable={all}
      clearButtonProps={{ "aria-label": t("filters.clearOne") }}
      allowDeselect={all}
      searchable
      onChange={(v) => onChange(v ?? undefined)}
    />
  );
}

// Choice is a filter of a few words.
export function Choice({ label, value, data, onChange, width = 150 }: { label: string; value: string | undefined; data: { value: string; label: string }[]; onChange: (v: string | undefined) => void; width?: number }) {
  const { t } = useTranslation();
  return (
    <Select
      label={label}
      size="xs"
      w={width}
      data={data}
      value={value ?? null}
      placeholder={t("filters.all")}
      clearable
      clearButtonProps={{ "aria-label": t("filters.clearOne") }}
      onChange={(v) => onChange(v ?? undefined)}
    />
  );
}

// Days filters by UTC days: billing periods begin and end by UTC.
export function Days({ from, to, onChange }: { from?: string; to?: string; onChange: (patch: { from?: string; to?: string }) => void }) {
  const { t } = useTranslation();
  return (
    <Group gap="xs" wrap="nowrap">
      <TextInput type="date" size="xs" label={t("filters.from")} value={from ?? ""} onChange={(e) => onChange({ from: e.currentTarget.value || undefined, to })} />
      <TextInput type="date" size="xs" label={t("filters.to")} value={to ?? ""} onChange={(e) => onChange({ from, to: e.currentTarget.value || undefined })} />
    </Group>
  );
}

const day = /^\d{4}-\d{2}-\d{2}$/;

// span makes of two days what the API asks: the second day belongs to it.
export function daySpan(from?: string, to?: string): { from?: string; to?: string } {
  const out: { from?: string; to?: string } = {};
  if (from && day.test(from)) out.from = `${from}T00:00:00Z`;
  if (to && day.test(to)) out.to = new Date(Date.parse(`${to}T00:00:00Z`) + 86_400_000).toISOString().replace(".000", "");
  return out;
}

interface Common {
  partner?: string;
  state?: string;
  from?: string;
  to?: string;
}

// ListFilters are those of a list over the partners: whose, in which state, of which days,
// and what the list has of its own.
export function ListFilters<F extends Common>({ page, states, f, set, children }: { page: string; states: string[]; f: F; set: (patch: Partial<F>) => void; children?: ReactNode }) {
  const { t } = useTranslation();
  return (
    <FilterBar page={page}>
      <PartnerSelect value={f.partner} onChange={(partner) => set({ partner, direction: undefined, cause: undefined } as object as Partial<F>)} />
      <Choice label={t("filters.state")} value={f.state} data={states.map((value) => ({ value, label: t(`states.${value}`, { defaultValue: spaced(value) }) }))} onChange={(state) => set({ state } as Partial<F>)} />
      {children}
      <Days from={f.from} to={f.to} onChange={(days) => set(days as Partial<F>)} />
    </FilterBar>
  );
}

// FilterBar holds a page's filters, and those that the person saved under a name.
export function FilterBar({ page, children }: { page: string; children: ReactNode }) {
  const { t } = useTranslation();
  const [search] = useFilters<Record<string, unknown>>();
  const navigate = useNavigate();
  const [list, setList] = useState(() => savedFilters(page));
  const [asking, ask] = useState(false);
  const [name, setName] = useState("");
  const go = (to: Record<string, unknown>) => void navigate({ to: ".", search: to as never, replace: true, resetScroll: false });
  const set = Object.keys(filled(search)).length > 0;
  return (
    <Group gap="xs" align="flex-end" role="search">
      {children}
      {set && (
        <Button size="xs" variant="subtle" leftSection={<IconFilterOff size={14} aria-hidden />} onClick={() => go({})}>
          {t("filters.clear")}
        </Button>
      )}
      <Menu position="bottom-start" width={280}>
        <Menu.Target>
          <Button size="xs" variant="default" leftSection={<IconBookmark size={14} aria-hidden />}>
            {t("filters.saved")}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {list.map((s) => (
            <Group key={s.name} gap={4} wrap="nowrap">
              <Menu.Item onClick={() => go(s.search)} style={{ flex: 1, overflow: "hidden", textOverflow: "ellipsis" }}>
                {s.name}
              </Menu.Item>
              <ActionIcon variant="subtle" color="gray" aria-label={t("filters.drop", { name: s.name })} onClick={() => setList(dropFilter(page, s.name))}>
                <IconTrash size={16} aria-hidden />
              </ActionIcon>
            </Group>
          ))}
          {list.length === 0 && <Menu.Label>{t("filters.none")}</Menu.Label>}
          <Menu.Divider />
          <Menu.Item disabled={!set} onClick={() => ask(true)}>
            {t("filters.save")}
          </Menu.Item>
          <CopyButton value={location.href}>
            {({ copied, copy }) => (
              <Menu.Item leftSection={<IconLink size={14} aria-hidden />} onClick={copy} closeMenuOnClick={false}>
                {t(copied ? "filters.copied" : "filters.copy")}
              </Menu.Item>
            )}
          </CopyButton>
        </Menu.Dropdown>
      </Menu>
      <Modal opened={asking} onClose={() => ask(false)} title={t("filters.save")} closeButtonProps={{ "aria-label": t("close") }}>
        <form
          onSubmit={(e) => {
            e.preventDefault();
            if (!name.trim()) return;
            setList(saveFilter(page, { name: name.trim().slice(0, 60), search: filled(search) }));
            ask(false);
            setName("");
          }}
        >
          <Stack>
            <TextInput label={t("filters.name")} value={name} onChange={(e) => setName(e.currentTarget.value)} data-autofocus required maxLength={60} />
            <Group justify="flex-end">
              <Button variant="default" onClick={() => ask(false)}>
                {t("cancel")}
              </Button>
              <Button type="submit">{t("filters.keep")}</Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </Group>
  );
}
