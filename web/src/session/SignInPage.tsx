import { Card, Center, Loader, Stack, Text, Title } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { ask, loadSession, setSession, useSession } from "@/api/session";
import { ProblemAlert } from "@/ui/ProblemAlert";

import { inside } from "./inside";
import { SignInForm } from "./SignInForm";

// SignInPage takes a password, a passkey, or a link that was given once, whose token is
// behind the # so that no server's log has it.
export function SignInPage() {
  const { t } = useTranslation("session");
  const navigate = useNavigate();
  const s = useSession();
  const [error, setError] = useState<unknown>();
  const [linked, setLinked] = useState(location.hash.length > 1);
  const begun = useRef(false);
  const then = inside(new URLSearchParams(location.search).get("then"));
  const enter = () => void navigate({ href: then, replace: true });

  useEffect(() => {
    document.title = `${t("signIn")} · Lateral`;
    if (begun.current) return;
    begun.current = true;
    const token = location.hash.slice(1).replace(/^token=/, "");
    (async () => {
      await loadSession();
      if (!token) return;
      history.replaceState(null, "", location.pathname + location.search);
      setSession(await ask("POST", "/session/link", { token }));
      enter();
    })().catch((err: unknown) => {
      setError(err);
      setLinked(false);
    });
    // eslint-disable-next-line
  }, []);

  return (
    <Center mih="100vh" p="md" component="main">
      <Card withBorder padding="xl" w={400} maw="100%">
        <Stack>
          <Stack gap={4} align="center">
            <img src="/icon.svg" width={44} height={44} alt="" />
            <Title order={1} size="h3">
              {s?.carrier ? t("title", { carrier: s.carrier }) : "Lateral"}
            </Title>
            <Text size="sm" c="dimmed" ta="center">
              {t("lead")}
            </Text>
          </Stack>
          <ProblemAlert error={error} />
          {linked ? <Center p="lg"><Loader aria-label={t("signingIn")} /></Center> : s && <SignInForm onDone={enter} />}
        </Stack>
      </Card>
    </Center>
  );
}
