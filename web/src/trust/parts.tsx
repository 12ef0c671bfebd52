import { Code, CopyButton, Group, Select, Text, Tooltip, ActionIcon } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";

import { short } from "./steps";

// Hash shows a hash or key shortened, with a button that copies it whole.
export function Hash({ of, name }: { of: string | undefined; name: string }) {
  const { t } = useTranslation("trust");
  if (!of) return <Text span c="dimmed">–</Text>;
  return (
    <Group gap={4} wrap="nowrap" component="span" display="inline-flex">
      <Code title={of}>{short(of)}</Code>
      <CopyButton value={of}>
        {({ copied, copy }) => (
          <Tooltip label={t(copied ? "copied" : "copy", { name })}>
            <ActionIcon size={24} variant="subtle" color={copied ? "teal" : "gray"} onClick={copy} aria-label={t(copied ? "copied" : "copy", { name })}>
              {copied ? <IconCheck size={14} aria-hidden /> : <IconCopy size={14} aria-hidden />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </Group>
  );
}

export const useBilaterals = () => api.useQuery("get", "/v1/bilaterals", { params: { query: { limit: 1000 } } });

// PartnerSelect chooses a channel; with all also the Omnilateral.
export function PartnerSelect({ value, onChange, all }: { value?: string; onChange: (partner?: string) => void; all?: string }) {
  const { t } = useTranslation("trust");
  const list = useBilaterals();
  const codes = [...new Set(list.data?.items.map((b) => b.partner) ?? (value ? [value] : []))];
  return (
    <Select
      label={t("partner")}
      data={[...(all ? [{ value: "", label: all }] : []), ...codes.map((c) => ({ value: c, label: c }))]}
      value={value ?? (all ? "" : null)}
      onChange={(v) => onChange(v || undefined)}
      searchable
      allowDeselect={false}
      maw={280}
    />
  );
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="fact">
      <Text component="dt" size="xs" c="dimmed">
        {name}
      </Text>
      <Text component="dd" size="sm" m={0} style={{ overflowWrap: "anywhere" }}>
        {children}
      </Text>
    </div>
  );
}
