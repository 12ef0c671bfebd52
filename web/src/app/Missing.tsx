import { Anchor, Button, Container, Text } from "@mantine/core";
import { Link, useRouter, type ErrorComponentProps } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";

import { passing, problemOf } from "@/api/problem";
import { pauseOf } from "@/api/reach";

import { Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";

// Missing is shown where there is no page.
export function Missing() {
  const { t } = useTranslation();
  return (
    <Page title={t("missing.title")}>
      <Text>
        {t("missing.text")}{" "}
        <Anchor component={Link} to="/">
          {t("missing.home")}
        </Anchor>
      </Text>
    </Page>
  );
}

let failures = 0;

// PageFailed is shown where a page broke: the rest of the portal goes on. What may well go
// a little later is tried again by itself.
export function PageFailed({ error, reset }: ErrorComponentProps) {
  const { t } = useTranslation();
  const router = useRouter();
  const passes = passing(problemOf(error)) && problemOf(error).status !== 0;
  useEffect(() => {
    if (!passes) return;
    const timer = setTimeout(() => void router.invalidate(), pauseOf(failures++));
    return () => clearTimeout(timer);
  }, [error, passes, router]);
  return (
    <Container py="xl">
      <ProblemAlert error={error} />
      <Button mt="md" variant="default" onClick={reset}>
        {t("retry")}
      </Button>
    </Container>
  );
}
