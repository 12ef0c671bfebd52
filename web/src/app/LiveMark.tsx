import { Group, Text, Tooltip } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useLiveState } from "@/api/live";

// LiveMark says whether what is shown follows the node as things happen.
export function LiveMark() {
  const { t } = useTranslation();
  const state = useLiveState();
  return (
    <Tooltip label={t(`live.${state}Text`)}>
      <Group gap={6} wrap="nowrap" px={6} role="status">
        <span className="dot" data-state={state} aria-hidden />
        <Text size="xs" c="dimmed" visibleFrom="xs">
          {t(`live.${state}`)}
        </Text>
      </Group>
    </Tooltip>
  );
}
