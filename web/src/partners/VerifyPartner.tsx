import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, queries } from "@/api/client";
import { sha256 } from "@/lib/sha256";
import { FileDrop } from "@/ui/FileDrop";
import { ProblemAlert } from "@/ui/ProblemAlert";

// VerifyPartner puts on record that we have checked who the partner is. The document
// that was looked at stays on this device: only its hash goes out.
export function VerifyPartner({ partner }: { partner: string }) {
  const { t } = useTranslation("partners");
  const [opened, setOpened] = useState(false);
  const [unreadable, setUnreadable] = useState<unknown>();
  const form = useForm({ initialValues: { document: "", expires: "" } });
  const verify = api.useMutation("post", "/v1/bilaterals/{partner}/verification", {
    onSuccess: () => {
      notifications.show({ color: "teal", message: t("verified") });
      void queries.invalidateQueries();
      setOpened(false);
      form.reset();
    },
  });
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={() => setOpened(true)}>
        {t("verify")}
      </Button>
      <Modal opened={opened} onClose={() => setOpened(false)} title={t("verifyTitle", { partner })}>
        <form onSubmit={form.onSubmit((v) => verify.mutate({ params: { path: { partner } }, body: { document: v.document, expires: new Date(`${v.expires}T00:00:00Z`).toISOString() } }))}>
          <Stack>
            <Text size="sm">{t("verifyText")}</Text>
            <FileDrop
              label={t("verifyFile")}
              onFiles={([f]) => {
                if (f) sha256(f).then((h) => form.setFieldValue("document", h), setUnreadable);
              }}
            />
            <TextInput label={t("documentHash")} required {...form.getInputProps("document")} />
            <TextInput label={t("expiresUTC")} type="date" required {...form.getInputProps("expires")} />
            <ProblemAlert error={unreadable ?? verify.error} />
            <Group justify="flex-end">
              <Button type="submit" loading={verify.isPending}>
                {t("verify")}
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
