import { Anchor, Button, Container } from "@mantine/core";
import { Link, type ErrorComponentProps } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { Empty } from "@/ui/Empty";
import { ProblemAlert } from "@/ui/ProblemAlert";

// Missing is shown where there is no page.
export function Missing() {
  const { t } = useTranslation();
  return (
    <Empty title={t("missing.title")}>
      {t("missing.text")}{" "}
      <Anchor component={Link} to="/">
        {t("missing.home")}
      </Anchor>
    </Empty>
  );
}

// PageFailed is shown where a page broke: the rest of the portal goes on.
export function PageFailed({ error, reset }: ErrorComponentProps) {
  const { t } = useTranslation();
  return (
    <Container py="xl">
      <ProblemAlert error={error} />
      <Button mt="md" variant="default" onClick={reset}>
        {t("retry")}
      </Button>
    </Container>
  );
}
