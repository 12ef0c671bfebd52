import { Alert, Button, Code, Group, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconRefresh } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { passing, problemOf } from "@/api/problem";

// ProblemAlert says what went wrong, what to do next, and the code to name when asking.
export function ProblemAlert({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t } = useTranslation();
  if (!error) return null;
  const p = problemOf(error);
  return (
    <Alert color={passing(p) ? "yellow" : "red"} icon={<IconAlertTriangle aria-hidden />} title={p.detail} role="alert">
      <Stack gap="xs">
        {p.remedy && <Text size="sm">{p.remedy}</Text>}
        <Group gap="md">
          <Text size="xs">
            {t("problem.code")} <Code>{p.code}</Code>
          </Text>
          {p.field && (
            <Text size="xs">
              {t("problem.field")} <Code>{p.field}</Code>
            </Text>
          )}
          {p.trace_id && (
            <Text size="xs">
              {t("problem.trace")} <Code>{p.trace_id}</Code>
            </Text>
          )}
          {retry && (
            <Button size="compact-sm" variant="default" leftSection={<IconRefresh size={14} aria-hidden />} onClick={retry}>
              {t("retry")}
            </Button>
          )}
        </Group>
      </Stack>
    </Alert>
  );
}
