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
  const then = inside(new URLSearchParams(location.search).get("then"));
  const enter = () => void navigate({ href: then, replace: true });

  // A link that is opened while the page is here already changes what is behind the # only.
  const begun = useRef(false);
  useEffect(() => {
    document.title = `${t("signIn")} · Lateral`;
    const redeem = async () => {
      const token = location.hash.slice(1).replace(/^token=/, "");
      if (!token) return;
      history.replaceState(null, "", location.pathname + location.search);
      setLinked(true);
      setError(undefined);
      try {
        setSession(await ask("POST", "/session/link", { token }));
        enter();
      } catch (err) {
        setError(err);
        setLinked(false);
      }
    };
    const changed = () => void redeem();
    window.addEventListener("hashchange", changed);
    if (!begun.current) {
      begun.current = true;
      loadSession().then(redeem, (err: unknown) => {
        setError(err);
        setLinked(false);
      });
    }
    return () => window.removeEventListener("hashchange", changed);
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
          {linked ? <Center p="lg"><Loader role="progressbar" aria-label={t("signingIn")} /></Center> : s && <SignInForm onDone={enter} />}
        </Stack>
      </Card>
    </Center>
  );
}
