import { Button, Group, NumberInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, queries } from "@/api/client";
import { isProblem } from "@/api/problem";
import { amounts } from "@/lib/amounts";
import { base64 } from "@/lib/base64";
import { sha256 } from "@/lib/sha256";
import { FileDrop } from "@/ui/FileDrop";
import { Step } from "@/ui/Step";

// RecordFile acknowledges a file that went from node to node: what it was stays provable.
// The file itself stays where it is.
export function RecordFile({ partner }: { partner: string }) {
  const { t } = useTranslation("partners");
  const [open, setOpen] = useState(false);
  const [name, setName] = useState<string>();
  const form = useForm({
    initialValues: { hash: "", size: "" as number | "", kind: "", reference: "", count: "" as number | "", totals: "" },
    validate: { hash: (v) => (/^[0-9a-f]{64}$/i.test(v) ? null : t("hashBad")), size: (v) => (v === "" ? t("ui:required") : null), kind: (v) => (v ? null : t("ui:required")), totals: (v) => (amounts(v) ? null : t("limitsBad")) },
  });
  const record = api.useMutation("post", "/v1/bilaterals/{partner}/files", {
    onSuccess: () => {
      notifications.show({ color: "teal", message: t("recorded") });
      void queries.invalidateQueries();
      setOpen(false);
      form.reset();
    },
    onError: (err) => {
      if (isProblem(err) && err.field && err.field in form.values) form.setFieldError(err.field, err.detail);
    },
  });
  const take = async (f: File) => {
    setName(f.name);
    form.setValues({ size: f.size, hash: await sha256(f).catch(() => "") });
  };
  return (
    <>
      <Button size="sm" variant="light" onClick={() => setOpen(true)}>
        {t("recordFile")}
      </Button>
      {open && (
        <Step
          title={t("recordFile")}
          text={t("recordFileText")}
          onClose={() => setOpen(false)}
          busy={record.isPending}
          error={record.error}
          ownChecks
          onSubmit={form.onSubmit((v) =>
            record.mutate({
              params: { path: { partner } },
              body: { hash: v.hash.toLowerCase(), size: Number(v.size), kind: v.kind, ...(v.reference ? { reference: base64(new TextEncoder().encode(v.reference).buffer) } : {}), ...(v.count === "" ? {} : { count: v.count }), ...(v.totals ? { totals: amounts(v.totals) } : {}) },
            }),
          )}
        >
          <FileDrop label={t("recordDrop")} hint={name ?? t("recordDropText")} onFiles={([f]) => f && void take(f)} />
          <TextInput label={t("kind")} description={t("kindText")} required maxLength={32} {...form.getInputProps("kind")} />
          <TextInput label={t("reference")} maxLength={256} {...form.getInputProps("reference")} />
          <TextInput label={t("hash")} description={t("hashText")} required maxLength={64} autoComplete="off" {...form.getInputProps("hash")} />
          <Group grow align="flex-start">
            <NumberInput label={t("size")} required min={0} {...form.getInputProps("size")} />
            <NumberInput label={t("count")} min={0} {...form.getInputProps("count")} />
          </Group>
          <TextInput label={t("totals")} description={t("totalsText")} placeholder="EUR 5000, USD 2500" {...form.getInputProps("totals")} />
        </Step>
      )}
    </>
  );
}
