import { Anchor, Autocomplete, Button, Group, Modal, NumberInput, Select, Stack, Table, Tabs, Text, TextInput } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api, queries } from "@/api/client";
import { problemOf } from "@/api/problem";
import { less, micro } from "@/lib/money";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { When } from "@/ui/When";

import { later } from "./amount";
import { searchOf, type Search } from "./search";

// useAddress gives what the address holds, and a function that changes it.
export function useAddress(): [Search, (change: Search) => void] {
  const search = searchOf(useSearch({ strict: false }));
  const navigate = useNavigate();
  return [search, (change) => void navigate({ to: ".", search: searchOf({ ...search, ...change }) as never, replace: true })];
}

// Sections are the parts of a page, one of which is shown; which one is in the address.
export function Sections({ label, of }: { label: string; of: { id: string; text: string; show: () => ReactNode; absent?: boolean }[] }) {
  const [{ tab }, change] = useAddress();
  const shown = of.filter((s) => !s.absent);
  const current = shown.find((s) => s.id === tab) ?? shown[0];
  if (!current) return null;
  return (
    <Tabs value={current.id} onChange={(v) => change({ tab: v ?? undefined, state: undefined, all: undefined, id: undefined })} keepMounted={false}>
      <Tabs.List aria-label={label} mb="md">
        {shown.map((s) => (
          <Tabs.Tab value={s.id} key={s.id}>
            {s.text}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {shown.map((s) => (
        <Tabs.Panel value={s.id} key={s.id}>
          {s.id === current.id && s.show()}
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}

// renewed says that something was done, and has what is shown asked again. Where another
// person has to do the same first, it says that instead.
export function useRenewed() {
  const { t } = useTranslation("money");
  return (message: string, then?: () => void) => ({
    onSuccess: (data: unknown) => {
      const { waits, repeated } = (data ?? {}) as { waits?: boolean; repeated?: boolean };
      notifications.show(waits ? { color: "yellow", message: t("waits"), autoClose: 8000 } : { color: "teal", message: repeated ? t("repeated") : message });
      void queries.invalidateQueries();
      then?.();
    },
  });
}

interface FormProps {
  opened: boolean;
  onClose: () => void;
  title: string;
  submit: string;
  danger?: boolean;
  disabled?: boolean;
  busy: boolean;
  error: unknown;
  onSubmit: (e?: React.FormEvent<HTMLFormElement>) => void;
  children: ReactNode;
}

// FormModal asks for what something needs, or whether it is really meant.
export function FormModal({ opened, onClose, title, submit, danger, disabled, busy, error, onSubmit, children }: FormProps) {
  const { t } = useTranslation();
  return (
    <Modal opened={opened} onClose={onClose} title={title} closeButtonProps={{ "aria-label": t("close") }} size="lg">
      <form
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          onSubmit(e);
        }}
      >
        <Stack>
          {children}
          <ProblemAlert error={error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t("cancel")}
            </Button>
            <Button type="submit" color={danger ? "red" : undefined} loading={busy} disabled={disabled}>
              {submit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

// useFieldProblem shows at a field what the node says of it.
export function useFieldProblem<T extends Record<string, unknown>>(form: UseFormReturnType<T>, error: unknown) {
  useEffect(() => {
    if (!error) return;
    const p = problemOf(error);
    const name = p.field?.split(".").at(-1);
    if (!name) return;
    const own = p.field && p.field in form.getValues() ? p.field : name in form.getValues() ? name : undefined;
    if (own) form.setFieldError(own, p.detail);
    // eslint-disable-next-line
  }, [error]);
}

// usePartners gives the codes of all partners.
export function usePartners(enabled = true) {
  const list = api.useQuery("get", "/v1/bilaterals", { params: { query: { limit: 1000 } } }, { enabled, staleTime: 60_000 });
  return { ...list, codes: list.data?.items.map((b) => b.partner) };
}

// PartnerSelect chooses one partner, or all, into the address.
export function PartnerSelect({ all = true }: { all?: boolean }) {
  const { t } = useTranslation("money");
  const [{ partner }, change] = useAddress();
  const { codes } = usePartners();
  return <Select size="sm" label={t("partner")} placeholder={all ? t("allPartners") : undefined} data={codes ?? []} value={partner ?? null} searchable clearable={all} clearButtonProps={{ "aria-label": t("clear") }} onChange={(v) => change({ partner: v ?? undefined })} w={180} />;
}

// StateSelect chooses a state of the API into the address.
export function StateSelect({ of }: { of: string[] }) {
  const { t } = useTranslation("money");
  const [{ state }, change] = useAddress();
  return (
    <Select
      size="sm"
      label={t("state")}
      placeholder={t("allStates")}
      data={of.map((value) => ({ value, label: t(`ui:states.${value}`, { defaultValue: value.replaceAll("-", " ") }) }))}
      value={state && of.includes(state) ? state : null}
      clearable
      clearButtonProps={{ "aria-label": t("clear") }}
      onChange={(v) => change({ state: v ?? undefined })}
      w={160}
    />
  );
}

// DayInput keeps a day in the address.
export function DayInput({ of, label }: { of: "from" | "to"; label: string }) {
  const [search, change] = useAddress();
  return <TextInput size="sm" type="date" label={label} value={search[of] ?? ""} onChange={(e) => change({ [of]: e.currentTarget.value || undefined })} w={160} />;
}

export function MemberInput(props: { label: string; description?: string; required?: boolean; value?: string; onChange?: (v: string) => void; error?: ReactNode }) {
  const { codes } = usePartners();
  return <Autocomplete {...props} data={codes ?? []} maxLength={64} />;
}

// useTokens gives the codes of all tokens.
export function useTokens() {
  return api.useQuery("get", "/v1/tokens", { params: { query: { limit: 1000 } } });
}

export function TokenSelect(props: { label: string; value?: string; onChange?: (v: string) => void; error?: ReactNode; required?: boolean }) {
  const { t } = useTranslation("money");
  const list = useTokens();
  const codes = list.data?.items.map((x) => x.code) ?? [];
  return <Select {...props} data={codes} value={props.value || null} onChange={(v) => props.onChange?.(v ?? "")} searchable allowDeselect={false} placeholder={list.data && !codes.length ? t("noTokens") : undefined} />;
}

export function AmountInput(props: { label: string; description?: ReactNode; value?: string; onChange?: (v: string) => void; error?: ReactNode; required?: boolean }) {
  return <TextInput {...props} onChange={(e) => props.onChange?.(e.currentTarget.value.trim())} inputMode="decimal" autoComplete="off" maxLength={24} className="numbers" />;
}

// HoursInput says for how long; the time that it comes to is told in the chosen zone.
export function HoursInput({ label, value, onChange }: { label: string; value: number; onChange: (v: number) => void }) {
  const { t } = useTranslation("money");
  return (
    <NumberInput
      label={label}
      description={
        <>
          {t("until")} <When at={later(value || 0)} size="xs" />
        </>
      }
      min={0.1}
      max={24 * 365}
      step={1}
      value={value}
      onChange={(v) => onChange(Number(v) || 0)}
      suffix={` ${t("hours")}`}
      allowNegative={false}
    />
  );
}

// useKey gives a key by which the same request again does nothing more: a new one each
// time that a form opens.
export function useKey(opened: boolean): string {
  const [key, set] = useState("");
  useEffect(() => {
    if (opened) set([...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join(""));
  }, [opened]);
  return key;
}

// GoTo is a link to a page of the portal.
export function GoTo({ to, search, children }: { to: string; search?: object; children: ReactNode }) {
  return (
    <Anchor component={Link} to={to} search={search as never} size="sm">
      {children}
    </Anchor>
  );
}

export const Hint = ({ children }: { children: ReactNode }) => (
  <Text size="sm" c="dimmed" maw={760}>
    {children}
  </Text>
);

// above reports whether the first amount is more than the second.
export const above = (a: string, b: string) => micro(less(a, b)) > 0n;

// Facts lists what is known of one thing: name and value.
export function Facts({ of }: { of: [name: string, value: ReactNode][] }) {
  return (
    <Table verticalSpacing={4} layout="fixed">
      <Table.Tbody>
        {of.map(([name, value]) => (
          <Table.Tr key={name}>
            <Table.Th scope="row" fw={400} w="40%">
              <Text size="sm" c="dimmed">
                {name}
              </Text>
            </Table.Th>
            <Table.Td style={{ overflowWrap: "anywhere" }}>{value}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

// Opens is a text in a table that shows one thing, which is kept in the address.
export function Opens({ children, onClick }: { children: ReactNode; onClick: () => void }) {
  return (
    <Anchor component="button" type="button" size="sm" mih={24} onClick={onClick}>
      {children}
    </Anchor>
  );
}

// usePurpose gives a function that names what an account is for. Each token has a reserve
// of its own.
export function usePurpose() {
  const { t } = useTranslation("money");
  return (p: string) => (p.startsWith("reserve-") ? t("purpose.reserve", { token: p.slice(8) }) : t(`purpose.${p}`, { defaultValue: p.replaceAll("-", " ") }));
}
