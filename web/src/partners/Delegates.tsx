import { Button, Group, Modal, MultiSelect, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, queries, type Schema } from "@/api/client";
import { isProblem } from "@/api/problem";
import { amounts } from "@/lib/amounts";
import { ProblemAlert } from "@/ui/ProblemAlert";



// Roles of delegates, as the ledger spells them.
export const delegateRoles = ["contracts", "orders", "disputes", "finance"] as const;

export function AddDelegate({ partner }: { partner: string }) {
  const { t } = useTranslation("partners");
  const [opened, setOpened] = useState(false);
  const form = useForm({
    initialValues: { key: "", name: "", roles: [] as string[], limits: "" },
    validate: { limits: (v) => (amounts(v) ? null : t("limitsBad")), roles: (v) => (v.length ? null : t("rolesNone")) },
  });
  const add = api.useMutation("post", "/v1/bilaterals/{partner}/delegates", {
    onSuccess: (d) => {
      notifications.show({ color: "teal", message: t("delegateAdded", { name: d.record.name }) });
      void queries.invalidateQueries();
      setOpened(false);
      form.reset();
    },
    onError: (err) => {
      if (isProblem(err) && err.field && err.field in form.values) form.setFieldError(err.field, err.detail);
    },
  });
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={() => setOpened(true)}>
        {t("addDelegate")}
      </Button>
      <Modal opened={opened} onClose={() => setOpened(false)} title={t("addDelegate")}>
        <form onSubmit={form.onSubmit((v) => add.mutate({ params: { path: { partner } }, body: { key: v.key, name: v.name, roles: v.roles, limits: amounts(v.limits) } }))}>
          <Stack>
            <Text size="sm">{t("addDelegateText")}</Text>
            <TextInput label={t("name")} required maxLength={100} data-autofocus {...form.getInputProps("name")} />
            <TextInput label={t("keyHex")} required {...form.getInputProps("key")} />
            <MultiSelect label={t("roles")} required data={[...delegateRoles]} {...form.getInputProps("roles")} />
            <TextInput label={t("limits")} description={t("limitsText")} placeholder="EUR 5000, USD 2500" {...form.getInputProps("limits")} />
            <ProblemAlert error={add.error} />
            <Group justify="flex-end">
              <Button type="submit" loading={add.isPending}>
                {t("addDelegate")}
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}

export function RevokeDelegate({ partner, delegate }: { partner: string; delegate: Schema<"Delegate"> }) {
  const { t } = useTranslation("partners");
  const [opened, setOpened] = useState(false);
  const revoke = api.useMutation("post", "/v1/bilaterals/{partner}/delegates/{key}/revoke", {
    onSuccess: () => {
      notifications.show({ color: "teal", message: t("delegateEnded", { name: delegate.name }) });
      void queries.invalidateQueries();
      setOpened(false);
    },
  });
  return (
    <>
      <Button size="compact-sm" variant="subtle" color="red" onClick={() => setOpened(true)} aria-label={t("endDelegateOf", { name: delegate.name })}>
        {t("endDelegate")}
      </Button>
      <Modal opened={opened} onClose={() => setOpened(false)} title={t("endDelegateOf", { name: delegate.name })}>
        <Stack>
          <Text size="sm">{t("endDelegateText")}</Text>
          <ProblemAlert error={revoke.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setOpened(false)}>
              {t("ui:cancel")}
            </Button>
            <Button color="red" loading={revoke.isPending} onClick={() => revoke.mutate({ params: { path: { partner, key: delegate.key } } })}>
              {t("endDelegate")}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
