import { Alert, Button, Code, CopyButton, Group, Menu, Modal, Select, Stack, Text, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, queries, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { problemOf } from "@/api/problem";
import { useMay, useSession } from "@/api/session";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { When } from "@/ui/When";

type User = Schema<"User">;
type Access = Schema<"Access">;
type Role = Schema<"AddUser">["role"];

const roles: Role[] = ["clerk", "product-manager", "engineer", "finance", "auditor", "administrator", "subscriber"];

// Secret is shown once: a link to sign in with, or a token.
interface Secret {
  name: string;
  text: string;
  expires?: string;
  link: boolean;
}

const renew = () => queries.invalidateQueries();

// UsersPage is who signs in to the portal, and which programs use the API.
export function UsersPage() {
  const { t } = useTranslation("users");
  const may = useMay();
  const [secret, show] = useState<Secret>();
  return (
    <Page title={t("title")} lead={t("lead")}>
      {may("list-users") && <People show={show} />}
      {may("list-access") && <Tokens show={show} />}
      <Modal opened={Boolean(secret)} onClose={() => show(undefined)} title={t(secret?.link ? "linkFor" : "tokenFor", { name: secret?.name })} closeOnClickOutside={false} closeButtonProps={{ "aria-label": t("ui:close") }}>
        {secret && (
          <Stack>
            <Alert color="yellow" role="note">
              {t("once")}
            </Alert>
            <Code block style={{ overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}>
              {secret.text}
            </Code>
            {secret.expires && (
              <Text size="sm">
                {t("until")} <When at={secret.expires} />
              </Text>
            )}
            <CopyButton value={secret.text}>{({ copied, copy }) => <Button onClick={copy}>{t(copied ? "copied" : "copy")}</Button>}</CopyButton>
          </Stack>
        )}
      </Modal>
    </Page>
  );
}

function useRoleData() {
  const { t } = useTranslation();
  return roles.map((value) => ({ value, label: t(`roles.${value}`) }));
}

function People({ show }: { show: (s: Secret) => void }) {
  const { t } = useTranslation("users");
  const may = useMay();
  const me = useSession()?.name;
  const data = useRoleData();
  const rows = usePages("/v1/users", {});
  const [adding, setAdding] = useState(false);
  const [asked, ask] = useState<{ user: User; what: "remove" | "reset" | "role" }>();
  const [role, setRole] = useState<Role>("clerk");
  const link = api.useMutation("post", "/v1/users/{name}/link", {
    onSuccess: async (l, v) => {
      const name = v.params.path.name;
      setAdding(false);
      ask(undefined);
      show({ name, text: new URL(l.path, location.origin).href, expires: l.expires, link: true });
      await renew();
    },
  });
  const form = useForm<{ name: string; role: Role }>({ initialValues: { name: "", role: "clerk" } });
  const add = api.useMutation("post", "/v1/users", {
    onSuccess: async (u) => {
      form.reset();
      setAdding(false);
      notifications.show({ color: "teal", message: t("added", { name: u.name }) });
      await renew();
      if (may("link-user")) link.mutate({ params: { path: { name: u.name } }, body: {} });
    },
    onError: (err) => {
      const p = problemOf(err);
      if (p.field) form.setFieldError(p.field, p.detail);
    },
  });
  const done = async () => {
    ask(undefined);
    notifications.show({ color: "teal", message: t("done") });
    await renew();
  };
  const change = api.useMutation("put", "/v1/users/{name}", { onSuccess: done });
  const remove = api.useMutation("delete", "/v1/users/{name}", { onSuccess: done });
  const ways = (u: User) => [u.password && t("password"), u.totp && t("totp"), u.passkeys > 0 && t("passkeys", { count: u.passkeys })].filter(Boolean).join(", ");
  const acting = may("change-user") || may("remove-user") || may("link-user");
  const columns: Column<User>[] = [
    { id: "name", header: t("name"), width: "minmax(160px, 1.2fr)", cell: (u) => <Text size="sm" truncate>{u.name}{u.name === me && ` (${t("you")})`}</Text>, value: (u) => u.name },
    { id: "role", header: t("role"), width: "170px", cell: (u) => t(`ui:roles.${u.role}`), value: (u) => u.role },
    { id: "ways", header: t("ways"), width: "minmax(160px, 1fr)", cell: (u) => <Text size="sm" c={ways(u) ? undefined : "dimmed"} truncate>{ways(u) || t("noWay")}</Text>, value: ways },
    { id: "added", header: t("since"), width: "220px", cell: (u) => <When at={u.added} size="sm" />, value: (u) => u.added },
    { id: "link", header: t("openLink"), width: "220px", cell: (u) => <When at={u.link} size="sm" />, value: (u) => u.link },
    ...(acting
      ? [
          {
            id: "act",
            header: t("actions"),
            width: "120px",
            cell: (u: User) => (
              <Menu position="bottom-end">
                <Menu.Target>
                  <Button size="compact-sm" variant="default" aria-label={t("actionsFor", { name: u.name })}>
                    {t("actions")}
                  </Button>
                </Menu.Target>
                <Menu.Dropdown>
                  {may("link-user") && <Menu.Item onClick={() => link.mutate({ params: { path: { name: u.name } }, body: {} })}>{t("makeLink")}</Menu.Item>}
                  {may("link-user") && <Menu.Item onClick={() => ask({ user: u, what: "reset" })}>{t("reset")}</Menu.Item>}
                  {may("change-user") && (
                    <Menu.Item
                      onClick={() => {
                        setRole(u.role as Role);
                        ask({ user: u, what: "role" });
                      }}
                    >
                      {t("changeRole")}
                    </Menu.Item>
                  )}
                  {may("remove-user") && (
                    <Menu.Item color="red" onClick={() => ask({ user: u, what: "remove" })}>
                      {t("remove")}
                    </Menu.Item>
                  )}
                </Menu.Dropdown>
              </Menu>
            ),
            value: () => "",
          } satisfies Column<User>,
        ]
      : []),
  ];
  const name = asked?.user.name ?? "";
  const act = asked?.what === "remove" ? remove : asked?.what === "role" ? change : link;
  return (
    <Stack gap="xs" component="section">
      <Group justify="space-between">
        <Title order={2} size="h4">
          {t("people")}
        </Title>
        {may("add-user") && <Button onClick={() => setAdding(true)}>{t("addUser")}</Button>}
      </Group>
      {!asked && <ProblemAlert error={link.error} />}
      <DataTable label={t("people")} columns={columns} rows={rows} rowKey={(u) => u.name} file="users" height={480} empty={<Empty title={t("noUsers")}>{t("noUsersText")}</Empty>} />
      <Modal opened={adding} onClose={() => setAdding(false)} title={t("addUser")} closeButtonProps={{ "aria-label": t("ui:close") }}>
        <form onSubmit={form.onSubmit((v) => add.mutate({ body: v }))}>
          <Stack>
            <TextInput label={t("name")} required maxLength={64} data-autofocus {...form.getInputProps("name")} />
            <Select label={t("role")} data={data} allowDeselect={false} {...form.getInputProps("role")} />
            <ProblemAlert error={add.error} />
            <Button type="submit" loading={add.isPending}>
              {t("addUser")}
            </Button>
          </Stack>
        </form>
      </Modal>
      <Modal opened={Boolean(asked)} onClose={() => ask(undefined)} title={asked && t(asked.what === "role" ? "changeRole" : asked.what)} closeButtonProps={{ "aria-label": t("ui:close") }}>
        {asked && (
          <Stack>
            <Text size="sm">{t(`ask.${asked.what}`, { name })}</Text>
            {asked.what === "role" && <Select label={t("role")} data={data} value={role} allowDeselect={false} onChange={(v) => v && setRole(v as Role)} />}
            <ProblemAlert error={act.error} />
            <Group justify="flex-end">
              <Button variant="default" onClick={() => ask(undefined)}>
                {t("ui:cancel")}
              </Button>
              <Button
                color={asked.what === "remove" ? "red" : undefined}
                loading={act.isPending}
                onClick={() => {
                  const params = { path: { name } };
                  if (asked.what === "remove") remove.mutate({ params });
                  else if (asked.what === "role") change.mutate({ params, body: { role } });
                  else link.mutate({ params, body: { reset: true } });
                }}
              >
                {t(asked.what === "role" ? "changeRole" : asked.what)}
              </Button>
            </Group>
          </Stack>
        )}
      </Modal>
    </Stack>
  );
}

function Tokens({ show }: { show: (s: Secret) => void }) {
  const { t } = useTranslation("users");
  const may = useMay();
  const data = useRoleData();
  const rows = usePages("/v1/access", {});
  const [adding, setAdding] = useState(false);
  const [asked, ask] = useState<Access>();
  const form = useForm<{ name: string; role: Role }>({ initialValues: { name: "", role: "clerk" } });
  const add = api.useMutation("post", "/v1/access", {
    onSuccess: async (a) => {
      form.reset();
      setAdding(false);
      show({ name: a.name, text: a.token, expires: a.expires, link: false });
      await renew();
    },
    onError: (err) => {
      const p = problemOf(err);
      if (p.field) form.setFieldError(p.field, p.detail);
    },
  });
  const remove = api.useMutation("delete", "/v1/access/{name}", {
    onSuccess: async () => {
      ask(undefined);
      notifications.show({ color: "teal", message: t("done") });
      await renew();
    },
  });
  const columns: Column<Access>[] = [
    { id: "name", header: t("name"), width: "minmax(180px, 1.4fr)", cell: (a) => <Text size="sm" truncate>{a.name}</Text>, value: (a) => a.name },
    { id: "role", header: t("role"), width: "190px", cell: (a) => t(`ui:roles.${a.role}`), value: (a) => a.role },
    { id: "expires", header: t("expires"), width: "220px", cell: (a) => <When at={a.expires} size="sm" />, value: (a) => a.expires },
    ...(may("remove-access") ? [{ id: "act", header: t("actions"), width: "130px", cell: (a: Access) => <Button size="compact-sm" variant="subtle" color="red" aria-label={t("removeToken", { name: a.name })} onClick={() => ask(a)}>{t("remove")}</Button>, value: () => "" } satisfies Column<Access>] : []),
  ];
  return (
    <Stack gap="xs" component="section">
      <Group justify="space-between">
        <Title order={2} size="h4">
          {t("tokens")}
        </Title>
        {may("add-access") && (
          <Button variant="default" onClick={() => setAdding(true)}>
            {t("addToken")}
          </Button>
        )}
      </Group>
      <DataTable label={t("tokens")} columns={columns} rows={rows} rowKey={(a) => a.name} file="tokens" height={420} empty={<Empty title={t("noTokens")}>{t("noTokensText")}</Empty>} />
      <Modal opened={adding} onClose={() => setAdding(false)} title={t("addToken")} closeButtonProps={{ "aria-label": t("ui:close") }}>
        <form onSubmit={form.onSubmit((v) => add.mutate({ body: v }))}>
          <Stack>
            <TextInput label={t("name")} description={t("tokenNameText")} required maxLength={64} data-autofocus {...form.getInputProps("name")} />
            <Select label={t("role")} data={data} allowDeselect={false} {...form.getInputProps("role")} />
            <ProblemAlert error={add.error} />
            <Button type="submit" loading={add.isPending}>
              {t("addToken")}
            </Button>
          </Stack>
        </form>
      </Modal>
      <Modal opened={Boolean(asked)} onClose={() => ask(undefined)} title={asked && t("removeToken", { name: asked.name })} closeButtonProps={{ "aria-label": t("ui:close") }}>
        <Stack>
          <Text size="sm">{t("removeTokenText")}</Text>
          <ProblemAlert error={remove.error} />
          <Button color="red" loading={remove.isPending} onClick={() => asked && remove.mutate({ params: { path: { name: asked.name } } })}>
            {t("remove")}
          </Button>
        </Stack>
      </Modal>
    </Stack>
  );
}
