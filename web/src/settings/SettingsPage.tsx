import { Button, Card, Code, Group, Image, Modal, PasswordInput, PinInput, Select, SimpleGrid, Stack, Table, Text, Title, useMantineColorScheme, type MantineColorScheme } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { IconFingerprint, IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { toDataURL } from "qrcode";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { json } from "@/api/http";
import { loadSession, useSession } from "@/api/session";
import { languages, setLanguage, type Language } from "@/lib/i18n";
import { zones } from "@/lib/time";
import { addPasskey } from "@/session/passkey";
import { Action } from "@/ui/Action";
import { Empty } from "@/ui/Empty";
import { Loaded, Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { useZone, When } from "@/ui/When";

// SettingsPage is a person's own: how things are shown, and how to sign in.
export function SettingsPage() {
  const { t } = useTranslation("settings");
  const s = useSession();
  return (
    <Page title={t("title")} lead={t("lead", { name: s?.name, role: t(`ui:roles.${s?.role}`) })}>
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Shown />
        <Password />
        <Totp />
        <Passkeys />
      </SimpleGrid>
    </Page>
  );
}

function Part({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <Card withBorder component="section" aria-label={title}>
      <Stack gap="sm">
        <Title order={2} size="h4">
          {title}
        </Title>
        {children}
      </Stack>
    </Card>
  );
}

function Shown() {
  const { t, i18n } = useTranslation("settings");
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { zone, setZone } = useZone();
  return (
    <Part title={t("shown")}>
      <Select label={t("ui:language")} data={Object.entries(languages).map(([value, label]) => ({ value, label }))} value={i18n.language} allowDeselect={false} onChange={(v) => v && void setLanguage(v as Language)} />
      <Select label={t("zone")} description={t("zoneText")} data={zones()} value={zone} searchable allowDeselect={false} onChange={(v) => v && setZone(v)} />
      <Select
        label={t("scheme")}
        data={(["auto", "light", "dark"] as const).map((value) => ({ value, label: t(`schemes.${value}`) }))}
        value={colorScheme}
        allowDeselect={false}
        onChange={(v) => v && setColorScheme(v as MantineColorScheme)}
      />
    </Part>
  );
}

function Password() {
  const { t } = useTranslation("settings");
  const s = useSession();
  const form = useForm({
    initialValues: { old: "", new: "", again: "" },
    validate: { again: (v, all) => (v === all.new ? null : t("notEqual")), new: (v) => (v.length >= 12 ? null : t("tooShort")) },
  });
  const set = useMutation({
    mutationFn: (v: { old: string; new: string }) => json("POST", "/session/own/password", { old: v.old, new: v.new }),
    onSuccess: async () => {
      form.reset();
      notifications.show({ color: "teal", message: t("passwordSet") });
      await loadSession();
    },
  });
  return (
    <Part title={t("password")}>
      <form onSubmit={form.onSubmit((v) => set.mutate(v))}>
        <Stack gap="sm">
          <input type="text" autoComplete="username" value={s?.name ?? ""} readOnly hidden />
          {s?.old_needed ? <PasswordInput label={t("old")} autoComplete="current-password" {...form.getInputProps("old")} /> : !s?.password && <Text size="sm">{t("noPassword")}</Text>}
          <PasswordInput label={t("new")} description={t("rule")} autoComplete="new-password" required {...form.getInputProps("new")} />
          <PasswordInput label={t("again")} autoComplete="new-password" required {...form.getInputProps("again")} />
          <ProblemAlert error={set.error} />
          <Group>
            <Button type="submit" loading={set.isPending}>
              {t("setPassword")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Part>
  );
}

function Totp() {
  const { t } = useTranslation("settings");
  const s = useSession();
  const [offer, setOffer] = useState<{ secret: string; picture: string }>();
  const [removing, setRemoving] = useState(false);
  const [code, setCode] = useState("");
  const begin = useMutation({
    mutationFn: () => json<{ secret: string; url: string }>("POST", "/session/own/totp", {}),
    onSuccess: async ({ secret, url }) => setOffer({ secret, picture: await toDataURL(url, { margin: 1, width: 220 }) }),
  });
  const end = (done: string) => async () => {
    setOffer(undefined);
    setRemoving(false);
    setCode("");
    notifications.show({ color: "teal", message: t(done) });
    await loadSession();
  };
  const confirm = useMutation({ mutationFn: (c: string) => json("PUT", "/session/own/totp", { code: c }), onSuccess: end("totpOn") });
  const remove = useMutation({ mutationFn: (c: string) => json("DELETE", "/session/own/totp", { code: c }), onSuccess: end("totpOff") });
  const busy = removing ? remove : confirm;
  const close = () => {
    setOffer(undefined);
    setRemoving(false);
    setCode("");
    confirm.reset();
    remove.reset();
  };
  return (
    <Part title={t("totp")}>
      <Text size="sm">{t(s?.totp ? "totpIsOn" : "totpText")}</Text>
      <ProblemAlert error={begin.error} />
      <Group>
        {s?.totp ? (
          <Button variant="default" onClick={() => setRemoving(true)}>
            {t("totpRemove")}
          </Button>
        ) : (
          <Button variant="default" loading={begin.isPending} onClick={() => begin.mutate()}>
            {t("totpSetUp")}
          </Button>
        )}
      </Group>
      <Modal opened={Boolean(offer) || removing} onClose={close} title={t(removing ? "totpRemove" : "totpSetUp")}>
        <form
          onSubmit={(e) => {
            e.preventDefault();
            busy.mutate(code);
          }}
        >
          <Stack align="center">
            {offer && (
              <>
                <Text size="sm">{t("scan")}</Text>
                <Image src={offer.picture} w={220} alt={t("qr")} />
                <Code>{offer.secret}</Code>
              </>
            )}
            <Text size="sm" id="totp-code">
              {t("enterCode")}
            </Text>
            <PinInput length={6} type="number" oneTimeCode aria-label={t("enterCode")} value={code} onChange={setCode} />
            <ProblemAlert error={busy.error} />
            <Button type="submit" loading={busy.isPending} disabled={code.length !== 6}>
              {t("confirm")}
            </Button>
          </Stack>
        </form>
      </Modal>
    </Part>
  );
}

interface Passkey {
  id: string;
  name: string;
  added: string;
}

function Passkeys() {
  const { t } = useTranslation("settings");
  const list = useQuery({ queryKey: ["passkeys"], queryFn: () => json<{ items: Passkey[] }>("GET", "/session/own/passkeys") });
  return (
    <Part title={t("passkeys")}>
      <Loaded of={list} lines={2}>
        {({ items }) =>
          items.length ? (
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t("passkeyName")}</Table.Th>
                  <Table.Th>{t("added")}</Table.Th>
                  <Table.Th>{t("do")}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {items.map((k) => (
                  <Table.Tr key={k.id}>
                    <Table.Td>{k.name}</Table.Td>
                    <Table.Td>
                      <When at={k.added} />
                    </Table.Td>
                    <Table.Td>
                      <Action
                        size="compact-sm"
                        variant="subtle"
                        color="red"
                        leftSection={<IconTrash size={14} aria-hidden />}
                        label={t("remove")}
                        text={t("removeText", { name: k.name })}
                        done={t("removed", { name: k.name })}
                        run={() => json("DELETE", `/session/own/passkeys/${encodeURIComponent(k.id)}`)}
                        then={() => void loadSession()}
                      />
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          ) : (
            <Empty title={t("noPasskeys")} icon={<IconFingerprint />}>
              {t("passkeysText")}
            </Empty>
          )
        }
      </Loaded>
      <Group>
        <Action
          label={t("addPasskey")}
          asks={[{ name: "name", label: t("passkeyName"), hint: t("passkeyNameText"), required: true, most: 64 }]}
          done={t("passkeyAdded")}
          run={(v) => addPasskey(String(v.name))}
          then={() => void loadSession()}
        />
      </Group>
    </Part>
  );
}
