import { Alert, Button, Group, Text } from "@mantine/core";
import { IconPlugConnectedX, IconHourglass } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { probe, useReach } from "@/api/reach";
import { Countdown, When } from "@/ui/When";

// ReachBanner says calmly when the node is slow or away. The page beneath stays as it is.
export function ReachBanner() {
  const { t } = useTranslation();
  const reach = useReach();
  return (
    <div role="status" aria-live="polite">
      {reach.state === "slow" && (
        <Alert color="blue" variant="light" icon={<IconHourglass aria-hidden />} mb="md" py="xs">
          <Text size="sm">{t("reach.slow")}</Text>
        </Alert>
      )}
      {reach.state === "away" && (
        <Alert color="yellow" variant="light" icon={<IconPlugConnectedX aria-hidden />} mb="md" title={t("reach.away")}>
          <Text size="sm">
            {t("reach.since")} <When at={reach.since} size="sm" />. {t("reach.awayText")}
          </Text>
          <Group gap="sm" mt="xs">
            <Button size="compact-sm" variant="default" onClick={() => void probe()}>
              {t("reach.now")}
            </Button>
            {reach.next && (
              <Text size="sm" aria-hidden>
                {t("reach.next")} <Countdown to={reach.next} />
              </Text>
            )}
          </Group>
        </Alert>
      )}
    </div>
  );
}
