import { Button, Divider, PasswordInput, PinInput, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconFingerprint } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { isProblem } from "@/api/problem";
import { ask, session, setSession } from "@/api/session";
import { ProblemAlert } from "@/ui/ProblemAlert";

import { usePasskey } from "./passkey";

// SignInForm signs a person in with a local account: a name and a password, a code where
// one is set up, or a passkey. name is fixed where somebody signs in again.
export function SignInForm({ name, onDone }: { name?: string; onDone: () => void }) {
  const { t } = useTranslation("session");
  const form = useForm({ initialValues: { name: name ?? "", password: "", code: "" } });
  const [coded, setCoded] = useState(false);
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const ways = session()?.ways ?? ["password"];

  const attempt = async (f: () => Promise<void>) => {
    setBusy(true);
    setError(undefined);
    try {
      await f();
      onDone();
    } catch (err) {
      if (isProblem(err) && err.code === "totp-required") {
        setCoded(true);
      } else {
        setError(err);
        form.setFieldValue("code", "");
      }
    } finally {
      setBusy(false);
    }
  };
  const withPasskey = usePasskey();
  return (
    <form onSubmit={form.onSubmit((v) => void attempt(async () => setSession(await ask("POST", "/session/password", { name: v.name, password: v.password, ...(v.code ? { code: v.code } : {}) }))))}>
      <Stack>
        <TextInput label={t("name")} autoComplete="username webauthn" required autoFocus={!name} readOnly={Boolean(name)} {...form.getInputProps("name")} />
        <PasswordInput label={t("password")} autoComplete="current-password" required autoFocus={Boolean(name)} {...form.getInputProps("password")} />
        {coded && (
          <div>
            <Text size="sm" fw={500} mb={4} id="code-label">
              {t("code")}
            </Text>
            <PinInput length={6} type="number" oneTimeCode autoFocus aria-labelledby="code-label" aria-label={t("code")} {...form.getInputProps("code")} />
          </div>
        )}
        <ProblemAlert error={error} />
        <Button type="submit" loading={busy}>
          {t("signIn")}
        </Button>
        {ways.includes("passkey") && "PublicKeyCredential" in window && (
          <>
            <Divider label={t("or")} />
            <Button variant="default" leftSection={<IconFingerprint size={18} aria-hidden />} disabled={busy} onClick={() => void attempt(() => withPasskey(form.values.name))}>
              {t("withPasskey")}
            </Button>
          </>
        )}
      </Stack>
    </form>
  );
}
