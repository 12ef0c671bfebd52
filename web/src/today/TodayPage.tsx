import { Card, Group, SimpleGrid, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { api } from "@/api/client";
import { Loaded, Page } from "@/ui/Page";
import { StateBadge } from "@/ui/StateBadge";
import { Ago } from "@/ui/When";

// TodayPage shows how things stand now; each tile leads to its cause.
export function TodayPage() {
  const { t } = useTranslation("today");
  const status = api.useQuery("get", "/v1/status", {}, { refetchInterval: 5000 });
  return (
    <Page title={t("title")} lead={t("lead")}>
      <Loaded of={status}>
        {(s) => (
          <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
            <Card withBorder>
              <Stack gap="xs">
                <Group justify="space-between">
                  <Text fw={600}>{t("ledger")}</Text>
                  <StateBadge state={s.ready ? "ready" : "failed"} />
                </Group>
                <Text size="sm">{t("height", { height: s.height })}</Text>
                <Text size="sm">{t("finality", { p50: s.finality_ms.p50, p99: s.finality_ms.p99 })}</Text>
                <Text size="sm" c="dimmed">
                  <Ago at={s.time} />
                </Text>
              </Stack>
            </Card>
          </SimpleGrid>
        )}
      </Loaded>
    </Page>
  );
}
