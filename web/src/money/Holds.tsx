import { Button, Group, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconLock } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { useMay, useSession } from "@/api/session";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Money } from "@/ui/Money";
import { StateBadge } from "@/ui/StateBadge";
import { When } from "@/ui/When";

import { later, positive } from "./amount";
import { AmountInput, FormModal, HoursInput, MemberInput, StateSelect, TokenSelect, useAddress, useFieldProblem, useKey, useRenewed } from "./common";

type Held = Schema<"Held">;

const hex32 = /^[0-9a-f]{64}$/i;

// Holds are tokens that are set aside for another member until a time.
export function Holds() {
  const { t } = useTranslation("money");
  const may = useMay();
  const own = useSession()?.carrier;
  const [{ state }] = useAddress();
  const rows = usePages("/v1/holds", { query: state ? { state: state as "pending" } : {} });
  const [placing, setPlacing] = useState(false);
  const [posting, setPosting] = useState<Held>();
  const [giving, setGiving] = useState<Held>();
  const columns: Column<Held>[] = [
    { id: "owner", header: t("owner"), cell: (r) => r.owner, value: (r) => r.owner },
    { id: "to", header: t("receiver"), cell: (r) => r.to, value: (r) => r.to },
    { id: "amount", header: t("amount"), width: "170px", right: true, cell: (r) => <Money amount={r.amount.amount} currency={r.amount.token} size="sm" />, value: (r) => r.amount.amount },
    { id: "token", header: t("token"), width: "90px", cell: (r) => r.amount.token, value: (r) => r.amount.token },
    { id: "state", header: t("state"), width: "120px", cell: (r) => <StateBadge state={r.state} />, value: (r) => r.state },
    { id: "posted", header: t("hold.posted"), width: "160px", right: true, cell: (r) => (r.posted ? <Money amount={r.posted.amount} currency={r.posted.token} size="sm" /> : "–"), value: (r) => r.posted?.amount },
    { id: "expires", header: t("expires"), width: "230px", cell: (r) => <When at={r.expires} size="sm" />, value: (r) => r.expires },
    { id: "id", header: t("id"), cell: (r) => <span title={r.id}>{r.id}</span>, value: (r) => r.id },
    {
      id: "act",
      header: t("actions"),
      text: t("actions"),
      width: "230px",
      cell: (r) =>
        r.state === "pending" && (
          <Group gap={6} wrap="nowrap">
            {may("post-hold") && (r.lock ? r.to === own : r.owner === own) && (
              <Button size="compact-sm" variant="light" onClick={() => setPosting(r)}>
                {t("hold.post")}
              </Button>
            )}
            {may("void-hold") && (r.lock ? r.to === own : r.owner === own) && (
              <Button size="compact-sm" variant="default" onClick={() => setGiving(r)}>
                {t("hold.void")}
              </Button>
            )}
          </Group>
        ),
      value: () => "",
    },
  ];
  return (
    <>
      <DataTable
        label={t("balances.holds")}
        columns={columns}
        rows={rows}
        rowKey={(r) => `${r.owner} ${r.id}`}
        file="holds"
        empty={<Empty title={t("hold.none")} icon={<IconLock />}>{t("hold.noneText")}</Empty>}
        toolbar={
          <Group gap="sm" align="flex-end">
            <StateSelect of={["pending", "posted", "void"]} />
            {may("place-hold") && <Button size="sm" variant="light" onClick={() => setPlacing(true)}>{t("hold.new")}</Button>}
          </Group>
        }
      />
      <PlaceForm opened={placing} onClose={() => setPlacing(false)} />
      {posting && <PostForm of={posting} onClose={() => setPosting(undefined)} />}
      {giving && <VoidForm of={giving} onClose={() => setGiving(undefined)} />}
    </>
  );
}

function PlaceForm({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const key = useKey(opened);
  const form = useForm({
    initialValues: { to: "", token: "", amount: "", hours: 24, lock: "" },
    validate: {
      to: (v) => (v ? null : t("ui:required")),
      token: (v) => (v ? null : t("ui:required")),
      amount: (v) => (positive(v) ? null : t("badAmount")),
      hours: (v) => (v > 0 ? null : t("ui:required")),
      lock: (v) => (!v || hex32.test(v) ? null : t("badHash")),
    },
  });
  const place = api.useMutation("post", "/v1/holds", renewed(t("hold.placed"), () => (form.reset(), onClose())));
  useFieldProblem(form, place.error);
  return (
    <FormModal
      opened={opened}
      onClose={onClose}
      title={t("hold.new")}
      submit={t("hold.place")}
      busy={place.isPending}
      error={place.error}
      onSubmit={form.onSubmit((v) =>
        place.mutate({ params: { header: { "Idempotency-Key": key } }, body: { to: v.to, amount: { token: v.token, amount: v.amount }, expires: later(v.hours), ...(v.lock ? { lock: v.lock.toLowerCase() } : {}) } }),
      )}
    >
      <Text size="sm">{t("hold.text")}</Text>
      <MemberInput label={t("receiver")} required {...form.getInputProps("to")} />
      <Group grow align="flex-start">
        <TokenSelect label={t("token")} required {...form.getInputProps("token")} />
        <AmountInput label={t("amount")} required {...form.getInputProps("amount")} />
      </Group>
      <HoursInput label={t("howLong")} value={form.values.hours} onChange={(v) => form.setFieldValue("hours", v)} />
      <TextInput label={t("hold.lock")} description={t("hold.lockText")} maxLength={64} autoComplete="off" {...form.getInputProps("lock")} />
    </FormModal>
  );
}

function PostForm({ of, onClose }: { of: Held; onClose: () => void }) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const form = useForm({
    initialValues: { amount: "", key: "" },
    validate: { amount: (v) => (!v || positive(v) ? null : t("badAmount")), key: (v) => (!of.lock || hex32.test(v) ? null : t("badHash")) },
  });
  const post = api.useMutation("post", "/v1/holds/{owner}/{id}/post", renewed(t("hold.postDone"), onClose));
  useFieldProblem(form, post.error);
  return (
    <FormModal
      opened
      onClose={onClose}
      title={t("hold.postTitle", { to: of.to })}
      submit={t("hold.post")}
      busy={post.isPending}
      error={post.error}
      onSubmit={form.onSubmit((v) =>
        post.mutate({ params: { path: { owner: of.owner, id: of.id } }, body: { ...(v.amount ? { amount: { token: of.amount.token, amount: v.amount } } : {}), ...(of.lock ? { key: v.key.toLowerCase() } : {}) } }),
      )}
    >
      <Text size="sm">
        {t("hold.held")} <Money amount={of.amount.amount} currency={of.amount.token} />
      </Text>
      {of.lock ? (
        <TextInput label={t("hold.key")} description={t("hold.keyText")} required maxLength={64} autoComplete="off" {...form.getInputProps("key")} />
      ) : (
        <AmountInput label={t("hold.part")} description={t("hold.partText")} {...form.getInputProps("amount")} />
      )}
    </FormModal>
  );
}

function VoidForm({ of, onClose }: { of: Held; onClose: () => void }) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const give = api.useMutation("post", "/v1/holds/{owner}/{id}/void", renewed(t("hold.voidDone"), onClose));
  return (
    <FormModal opened danger onClose={onClose} title={t("hold.voidTitle")} submit={t("hold.void")} busy={give.isPending} error={give.error} onSubmit={() => give.mutate({ params: { path: { owner: of.owner, id: of.id } } })}>
      <Text size="sm">
        {t("hold.voidText", { owner: of.owner, to: of.to })} <Money amount={of.amount.amount} currency={of.amount.token} />
      </Text>
    </FormModal>
  );
}
