import { ActionIcon, Code, CopyButton, Group, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

// Hash shows the beginning of a hash or key, and copies the whole.
export function Hash({ value, label, length = 12 }: { value: string | undefined; label: string; length?: number }) {
  const { t } = useTranslation();
  if (!value) return <>–</>;
  return (
    <Group gap={4} wrap="nowrap" display="inline-flex">
      <Code title={value}>{value.length > length ? `${value.slice(0, length)}…` : value}</Code>
      <CopyButton value={value}>
        {({ copied, copy }) => (
          <Tooltip label={t(copied ? "copied" : "copy", { what: label })}>
            <ActionIcon size={24} variant="subtle" color="gray" aria-label={t("copy", { what: label })} onClick={copy}>
              {copied ? <IconCheck size={14} aria-hidden /> : <IconCopy size={14} aria-hidden />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </Group>
  );
}
