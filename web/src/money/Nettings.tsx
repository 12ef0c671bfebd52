import { Alert, Button, Drawer, Group, Stack, Text, Title } from "@mantine/core";
import { IconArrowsLeftRight } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { useMay, useSession } from "@/api/session";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Money } from "@/ui/Money";
import { Loaded } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { StateBadge } from "@/ui/StateBadge";
import { When } from "@/ui/When";

import { FormModal, GoTo, Opens, PartnerSelect, StateSelect, useAddress, usePartners, useRenewed } from "./common";
import { BeforeAfter } from "./DebtGraph";
import { bilateral } from "./graph";
import { before } from "./proposal";

type Netting = Schema<"Netting">;

// Nettings offset final invoices of both sides of one Bilateral.
export function Nettings() {
  const { t } = useTranslation("money");
  const may = useMay();
  const [{ partner: wanted, state, id }, change] = useAddress();
  const { codes } = usePartners();
  const partner = wanted ?? codes?.[0];
  const rows = usePages("/v1/bilaterals/{partner}/nettings", { path: { partner: partner ?? "" }, query: { descending: true, ...(state ? { state: state as "proposed" } : {}) } }, { enabled: Boolean(partner) });
  const [proposing, setProposing] = useState(false);
  const columns: Column<Netting>[] = [
    { id: "id", header: t("netting.one"), width: "minmax(180px, 1fr)", cell: (r) => <Opens onClick={() => change({ id: r.id, partner })}>{r.id}</Opens>, value: (r) => r.id },
    { id: "state", header: t("state"), width: "120px", cell: (r) => <StateBadge state={r.state} />, value: (r) => r.state },
    { id: "proposer", header: t("netting.proposer"), width: "130px", cell: (r) => r.proposer, value: (r) => r.proposer },
    { id: "invoices", header: t("netting.invoices"), width: "100px", right: true, cell: (r) => r.invoices.length, value: (r) => r.invoices.length },
    {
      id: "net",
      header: t("netting.result"),
      width: "minmax(280px, 2fr)",
      cell: (r) =>
        r.sums.map((s) => (
          <Text span size="sm" key={s.currency} mr="sm">
            {s.payer ? `${s.payer} → ${s.payee} ` : ""}
            <Money amount={s.net} currency={s.currency} size="sm" fw={600} />
          </Text>
        )),
      value: (r) => r.sums.map((s) => `${s.payer ?? ""} ${s.payee ?? ""} ${s.net} ${s.currency}`).join(", "),
    },
    { id: "time", header: t("netting.proposed"), width: "230px", cell: (r) => <When at={r.proposed.time} size="sm" />, value: (r) => r.proposed.time },
    { id: "accepted", header: t("netting.accepted"), width: "230px", cell: (r) => <When at={r.accepted?.time} size="sm" />, value: (r) => r.accepted?.time },
  ];
  return (
    <>
      <DataTable
        label={t("netting.pairs")}
        columns={columns}
        rows={rows}
        rowKey={(r) => r.id}
        file={`nettings-${partner}`}
        empty={<Empty title={t("netting.none")} icon={<IconArrowsLeftRight />}>{t("netting.noneText")}</Empty>}
        toolbar={
          <Group gap="sm" align="flex-end">
            <PartnerSelect all={false} />
            <StateSelect of={["proposed", "accepted", "rejected"]} />
            {may("propose-netting") && partner && <Button onClick={() => setProposing(true)}>{t("netting.propose")}</Button>}
          </Group>
        }
      />
      <Drawer opened={Boolean(id && partner)} onClose={() => change({ id: undefined })} position="right" size="xl" title={id} closeButtonProps={{ "aria-label": t("ui:close") }}>
        {id && partner && <One partner={partner} id={id} />}
      </Drawer>
      {proposing && partner && <Proposal partner={partner} onClose={() => setProposing(false)} onDone={(made) => change({ id: made, partner })} />}
    </>
  );
}

function One({ partner, id }: { partner: string; id: string }) {
  const { t } = useTranslation("money");
  const may = useMay();
  const own = useSession()?.carrier ?? "";
  const renewed = useRenewed();
  const one = api.useQuery("get", "/v1/bilaterals/{partner}/nettings/{id}", { params: { path: { partner, id } } });
  const accept = api.useMutation("post", "/v1/bilaterals/{partner}/nettings/{id}/accept", renewed(t("netting.acceptDone")));
  const [refusing, setRefusing] = useState(false);
  const reject = api.useMutation("post", "/v1/bilaterals/{partner}/nettings/{id}/reject", renewed(t("netting.rejectDone"), () => setRefusing(false)));
  return (
    <Loaded of={one}>
      {(n) => (
        <Stack>
          <Group>
            <StateBadge state={n.state} size="lg" />
            <Text size="sm">
              {t("netting.by", { by: n.proposer })} <When at={n.proposed.time} size="sm" />
            </Text>
          </Group>
          {n.state === "proposed" && <Alert color="blue">{n.proposer === own ? t("netting.waitsFor", { partner }) : t("netting.waitsForUs")}</Alert>}
          <ProblemAlert error={accept.error} />
          {n.state === "proposed" && n.proposer !== own && (
            <Group>
              {may("accept-netting") && (
                <Button loading={accept.isPending} onClick={() => accept.mutate({ params: { path: { partner, id } } })}>
                  {t("netting.accept")}
                </Button>
              )}
              {may("reject-netting") && (
                <Button color="red" variant="light" onClick={() => setRefusing(true)}>
                  {t("netting.reject")}
                </Button>
              )}
            </Group>
          )}
          {n.sums.map((s) => (
            <Stack key={s.currency} gap="sm">
              <Title order={2} size="h4">
                {s.currency}
              </Title>
              <BeforeAfter {...bilateral([own, partner], s)} currency={s.currency} own={own} />
            </Stack>
          ))}
          <Title order={2} size="h5">
            {t("netting.invoices")}
          </Title>
          <Group gap="sm">
            {n.invoices.slice(0, 200).map((i) => (
              <GoTo key={i} to={`/invoices/${encodeURIComponent(partner)}/${encodeURIComponent(i)}`}>
                {i}
              </GoTo>
            ))}
          </Group>
          <FormModal opened={refusing} danger onClose={() => setRefusing(false)} title={t("netting.rejectTitle")} submit={t("netting.reject")} busy={reject.isPending} error={reject.error} onSubmit={() => reject.mutate({ params: { path: { partner, id } } })}>
            <Text size="sm">{t("netting.rejectText")}</Text>
          </FormModal>
        </Stack>
      )}
    </Loaded>
  );
}

// Proposal chooses invoices that may be offset, and shows what comes of it before it is sent.
function Proposal({ partner, onClose, onDone }: { partner: string; onClose: () => void; onDone: (id: string) => void }) {
  const { t } = useTranslation("money");
  const own = useSession()?.carrier ?? "";
  const renewed = useRenewed();
  const rows = usePages("/v1/bilaterals/{partner}/invoices", { path: { partner }, query: { payable: true } });
  const [chosen, choose] = useState<Set<string>>(new Set());
  const propose = api.useMutation("post", "/v1/bilaterals/{partner}/nettings", {
    onSuccess: (done) => {
      renewed(t("netting.proposeDone"), onClose).onSuccess(done);
      onDone(done.record.id);
    },
  });
  const picked = rows.rows.filter((r) => chosen.has(r.id));
  return (
    <FormModal
      opened
      onClose={onClose}
      title={t("netting.proposeTitle", { partner })}
      submit={t("netting.propose")}
      disabled={!chosen.size}
      busy={propose.isPending}
      error={propose.error}
      onSubmit={() => propose.mutate({ params: { path: { partner } }, body: { invoices: [...chosen] } })}
    >
      <Text size="sm">{t("netting.proposeText")}</Text>
      <DataTable
        label={t("netting.invoices")}
        rows={rows}
        rowKey={(r) => r.id}
        height={260}
        selected={chosen}
        onSelect={choose}
        empty={<Empty title={t("netting.noInvoices")}>{t("netting.noInvoicesText")}</Empty>}
        columns={[
          { id: "id", header: t("invoice"), width: "minmax(150px, 1fr)", cell: (r) => r.id, value: (r) => r.id },
          { id: "payer", header: t("payer"), width: "110px", cell: (r) => r.buyer, value: (r) => r.buyer },
          { id: "amount", header: t("amount"), width: "150px", right: true, cell: (r) => <Money amount={r.total} currency={r.currency} size="sm" />, value: (r) => r.total },
        ]}
      />
      {before(picked, own).map((c) => (
        <Stack key={c.currency} gap="xs">
          <Title order={3} size="h5">
            {t("netting.preview", { currency: c.currency })}
          </Title>
          <BeforeAfter before={c.before} after={c.after} currency={c.currency} own={own} />
        </Stack>
      ))}
    </FormModal>
  );
}
