import { Alert, Badge, Button, Card, Group, SimpleGrid, Stack, Text, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconBuildingBank, IconShieldCheck } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { useMay, useSession } from "@/api/session";
import { Empty } from "@/ui/Empty";
import { Loaded } from "@/ui/Page";
import { Ago } from "@/ui/When";

import { FormModal, MemberInput, PartnerSelect, useAddress, useFieldProblem, useRenewed } from "./common";

type Payee = Schema<"Payee">;

// Payees are the accounts where partners are paid: one person proposes, another compares
// with the partner's own paper and approves.
export function Payees() {
  const { t } = useTranslation("money");
  const may = useMay();
  const me = useSession()?.name;
  const [{ partner }] = useAddress();
  const list = api.useQuery("get", "/v1/payments/accounts", { params: { query: { limit: 1000 } } });
  const [proposing, setProposing] = useState(false);
  const [approving, setApproving] = useState<Payee>();
  const [rejecting, setRejecting] = useState<Payee>();
  return (
    <Stack>
      <Group gap="sm" align="flex-end">
        <PartnerSelect />
        {may("propose-payee") && <Button onClick={() => setProposing(true)}>{t("accounts.new")}</Button>}
      </Group>
      <Loaded of={list}>
        {({ items }) => {
          const shown = items.filter((p) => !partner || p.partner === partner);
          return shown.length ? (
            <SimpleGrid cols={{ base: 1, lg: 2 }}>
              {shown.map((p) => (
                <Card withBorder key={`${p.partner} ${p.currency}`} component="section" aria-label={`${p.partner} ${p.currency}`}>
                  <Stack gap="sm">
                    <Group justify="space-between">
                      <Title order={2} size="h4">
                        {p.partner}
                      </Title>
                      <Text size="sm" c="dimmed">
                        {p.currency ?? t("accounts.all")}
                      </Text>
                    </Group>
                    {p.in_force ? <Account of={p.in_force} state="active" /> : <Text size="sm">{t("accounts.noneInForce")}</Text>}
                    {p.proposed && (
                      <>
                        <Account of={p.proposed} state="proposed" />
                        {p.proposed.proposed.by === me && <Text size="sm">{t("accounts.own")}</Text>}
                        <Group>
                          {may("approve-payee") && p.proposed.proposed.by !== me && (
                            <Button size="compact-md" onClick={() => setApproving(p)}>
                              {t("accounts.approve")}
                            </Button>
                          )}
                          {may("reject-payee") && (
                            <Button size="compact-md" variant="light" color="red" onClick={() => setRejecting(p)}>
                              {t("accounts.reject")}
                            </Button>
                          )}
                        </Group>
                      </>
                    )}
                  </Stack>
                </Card>
              ))}
            </SimpleGrid>
          ) : (
            <Card withBorder>
              <Empty title={t("accounts.none")} icon={<IconBuildingBank />}>
                {t("accounts.noneText")}
              </Empty>
            </Card>
          );
        }}
      </Loaded>
      {proposing && <ProposeForm partner={partner ?? ""} onClose={() => setProposing(false)} />}
      {approving && <ApproveForm of={approving} onClose={() => setApproving(undefined)} />}
      {rejecting && <RejectForm of={rejecting} onClose={() => setRejecting(undefined)} />}
    </Stack>
  );
}

function Account({ of, state }: { of: Schema<"PayeeAccount">; state: "active" | "proposed" }) {
  const { t } = useTranslation("money");
  return (
    <div>
      <Group gap="xs">
        <Text fw={600} className="numbers" style={{ overflowWrap: "anywhere", whiteSpace: "normal" }}>
          {of.account}
        </Text>
        <Badge variant="light" className="state" color={state === "active" ? "teal" : "yellow"}>
          {t(`accounts.${state}`)}
        </Badge>
      </Group>
      <Text size="sm">
        {of.name}
        {of.bic && ` · ${of.bic}`}
      </Text>
      <Text size="sm" c="dimmed">
        {t("accounts.proposedBy", { by: of.proposed.by })} <Ago at={of.proposed.time} />
        {of.approved && (
          <>
            {" · "}
            {t("accounts.approvedBy", { by: of.approved.by })} <Ago at={of.approved.time} />
          </>
        )}
      </Text>
    </div>
  );
}

function ProposeForm({ partner, onClose }: { partner: string; onClose: () => void }) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const form = useForm({
    initialValues: { partner, name: "", iban: "", other: "", bic: "", currency: "" },
    validate: { partner: (v) => (v ? null : t("ui:required")), name: (v) => (v.trim() ? null : t("ui:required")), iban: (v, all) => (v || all.other ? null : t("accounts.oneOf")) },
  });
  const propose = api.useMutation("post", "/v1/payments/accounts", renewed(t("accounts.proposeDone"), onClose));
  useFieldProblem(form, propose.error);
  return (
    <FormModal
      opened
      onClose={onClose}
      title={t("accounts.new")}
      submit={t("accounts.propose")}
      busy={propose.isPending}
      error={propose.error}
      onSubmit={form.onSubmit((v) =>
        propose.mutate({
          body: {
            partner: v.partner,
            name: v.name.trim(),
            ...(v.iban ? { iban: v.iban.replaceAll(" ", "").toUpperCase() } : { other: v.other.trim() }),
            ...(v.bic ? { bic: v.bic.trim().toUpperCase() } : {}),
            ...(v.currency ? { currency: v.currency.trim().toUpperCase() } : {}),
          },
        }),
      )}
    >
      <Alert color="yellow" icon={<IconShieldCheck aria-hidden />}>
        {t("accounts.warning")}
      </Alert>
      <MemberInput label={t("partner")} required {...form.getInputProps("partner")} />
      <TextInput label={t("accounts.holder")} description={t("accounts.holderText")} required maxLength={140} {...form.getInputProps("name")} />
      <TextInput label="IBAN" autoComplete="off" maxLength={42} {...form.getInputProps("iban")} />
      <Group grow align="flex-start">
        <TextInput label={t("accounts.other")} autoComplete="off" maxLength={34} {...form.getInputProps("other")} />
        <TextInput label="BIC" autoComplete="off" maxLength={11} {...form.getInputProps("bic")} />
      </Group>
      <TextInput label={t("currency")} description={t("accounts.currencyText")} maxLength={3} {...form.getInputProps("currency")} />
    </FormModal>
  );
}

function ApproveForm({ of, onClose }: { of: Payee; onClose: () => void }) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const form = useForm({ initialValues: { account: "" }, validate: { account: (v) => (v.trim() ? null : t("ui:required")) } });
  const approve = api.useMutation("post", "/v1/payments/accounts/approve", renewed(t("accounts.approveDone"), onClose));
  useFieldProblem(form, approve.error);
  return (
    <FormModal
      opened
      onClose={onClose}
      title={t("accounts.approveTitle", { partner: of.partner })}
      submit={t("accounts.approve")}
      busy={approve.isPending}
      error={approve.error}
      onSubmit={form.onSubmit((v) => approve.mutate({ body: { partner: of.partner, account: v.account.replaceAll(" ", "").toUpperCase(), ...(of.currency ? { currency: of.currency } : {}) } }))}
    >
      <Alert color="yellow" icon={<IconShieldCheck aria-hidden />}>
        {t("accounts.warning")}
      </Alert>
      <TextInput label={t("accounts.type")} description={t("accounts.typeText")} required autoComplete="off" maxLength={42} {...form.getInputProps("account")} />
    </FormModal>
  );
}

function RejectForm({ of, onClose }: { of: Payee; onClose: () => void }) {
  const { t } = useTranslation("money");
  const renewed = useRenewed();
  const reject = api.useMutation("post", "/v1/payments/accounts/reject", renewed(t("accounts.rejectDone"), onClose));
  return (
    <FormModal opened danger onClose={onClose} title={t("accounts.rejectTitle", { partner: of.partner })} submit={t("accounts.reject")} busy={reject.isPending} error={reject.error} onSubmit={() => reject.mutate({ body: { partner: of.partner, ...(of.currency ? { currency: of.currency } : {}) } })}>
      <Text size="sm">
        {of.proposed?.account} · {of.proposed?.name}
      </Text>
    </FormModal>
  );
}
