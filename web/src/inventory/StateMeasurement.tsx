import { Button, FileButton, Group, Modal, NumberInput, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useDisclosure } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { client, queries, type Schema } from "@/api/client";
import { problemOf } from "@/api/problem";
import { sent } from "@/api/sent";
import { sha256 } from "@/lib/sha256";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { TimeInput } from "@/ui/TimeInput";

import { measured } from "./figures";

interface Values {
  from?: string;
  to?: string;
  root: string;
  figures: Record<string, string | number>;
}

// StateMeasurement states what this side has measured of a product in an interval. The
// records behind it stay here: their hash goes along.
export function StateMeasurement({ of: p, partner }: { of: Schema<"Product">; partner: string }) {
  const { t } = useTranslation("inventory");
  const [open, { open: show, close }] = useDisclosure();
  const names = measured(p);
  const form = useForm<Values>({
    initialValues: { root: "", figures: {} },
    validate: {
      from: (v) => (v ? null : t("ui:required")),
      to: (v, all) => (!v ? t("ui:required") : all.from && v <= all.from ? t("endsBefore") : null),
      root: (v) => (/^[0-9a-fA-F]{64}$/.test(v) ? null : t("rootNeeded")),
    },
  });
  const state = useMutation({
    mutationFn: (v: Values) => {
      const figures = (of: "use" | "service") => names.filter((n) => n.of === of && v.figures[n.name] !== undefined && v.figures[n.name] !== "").map((n) => ({ name: n.name, value: Number(v.figures[n.name]) }));
      const short = (at: string | undefined) => new Date(at!).toISOString().replace(".000Z", "Z");
      return sent(client.POST("/v1/bilaterals/{partner}/measurements", { params: { path: { partner } }, body: { product: p.id, interval: `${short(v.from)}/${short(v.to)}`, root: v.root, used: figures("use"), service: figures("service") } }));
    },
    onSuccess: () => {
      notifications.show({ color: "teal", message: t("statedDone") });
      void queries.invalidateQueries();
      close();
    },
    onError: (err) => {
      const field = problemOf(err).field;
      if (field === "interval") form.setFieldError("from", problemOf(err).detail);
    },
  });
  return (
    <>
      <Button variant="default" onClick={show}>
        {t("stateMeasurement")}
      </Button>
      <Modal opened={open} onClose={close} title={t("stateMeasurement")} closeButtonProps={{ "aria-label": t("ui:close") }}>
        <form noValidate onSubmit={form.onSubmit((v) => state.mutate(v))}>
          <Stack>
            <Text size="sm">{t("stateText")}</Text>
            <TimeInput label={t("from")} required seconds value={form.values.from} onChange={(v) => form.setFieldValue("from", v)} error={form.errors.from} data-autofocus />
            <TimeInput label={t("to")} required seconds value={form.values.to} onChange={(v) => form.setFieldValue("to", v)} error={form.errors.to} />
            {names.map((n) => (
              <NumberInput key={`${n.of} ${n.name}`} label={n.name} description={t(n.of === "use" ? "figureOfUse" : "figureOfService")} min={0} allowDecimal={false} value={form.values.figures[n.name] ?? ""} onChange={(v) => form.setFieldValue("figures", { ...form.values.figures, [n.name]: v })} />
            ))}
            <TextInput label={t("root")} description={t("rootHint")} required maxLength={64} {...form.getInputProps("root")} />
            <Group>
              <FileButton onChange={(f) => f && void sha256(f).then((h) => form.setFieldValue("root", h), (err: unknown) => form.setFieldError("root", problemOf(err).detail))}>
                {(props) => (
                  <Button {...props} variant="default" size="xs">
                    {t("hashOfFile")}
                  </Button>
                )}
              </FileButton>
            </Group>
            <ProblemAlert error={state.error} />
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                {t("ui:cancel")}
              </Button>
              <Button type="submit" loading={state.isPending}>
                {t("state_")}
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
