import { Alert, Badge, Button, Card, Code, Group, SimpleGrid, Stack, Table, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconCertificate, IconCheck, IconShieldCheck, IconX } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { client, type Schema } from "@/api/client";
import { call } from "@/api/http";
import { usePages } from "@/api/pages";
import { sent } from "@/api/sent";
import { useMay, useSession } from "@/api/session";
import { download } from "@/lib/csv";
import { group, micro } from "@/lib/money";
import { span } from "@/lib/time";
import { Action } from "@/ui/Action";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Money } from "@/ui/Money";
import { Loaded, Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { StateBadge } from "@/ui/StateBadge";
import { When } from "@/ui/When";

import { Hint, Sections, useAddress, useTokens } from "./common";
import { Rates } from "./Rates";

type Token = Schema<"Token">;
type Act = Schema<"Issue">;

// ReservePage shows what stands behind each token, and lets anybody check it.
export function ReservePage() {
  const { t } = useTranslation("money");
  const may = useMay();
  return (
    <Page title={t("reserve.title")} lead={t("reserve.lead")} actions={may("define-token") && <Define />}>
      <Sections
        label={t("reserve.title")}
        of={[
          { id: "tokens", text: t("reserve.tokens"), show: () => <Tokens />, absent: !may("list-tokens") },
          { id: "audit", text: t("reserve.audit"), show: () => <Audit />, absent: !may("audit-tokens") },
          { id: "acts", text: t("reserve.acts"), show: () => <Acts />, absent: !may("list-acts") },
          { id: "rates", text: t("balances.rates"), show: () => <Rates />, absent: !may("list-feeds") },
        ]}
      />
    </Page>
  );
}

// Define asks the other members to let this carrier issue a token.
function Define() {
  const { t } = useTranslation("money");
  return (
    <Action
      label={t("reserve.define")}
      text={t("reserve.defineText")}
      asks={[
        { name: "token", label: t("token"), hint: t("reserve.defineToken"), required: true, most: 8 },
        { name: "cap", label: t("reserve.cap"), required: true, most: 24 },
        { name: "hours", label: t("reserve.defineHours"), kind: "number", required: true, value: 24 },
      ]}
      done={t("reserve.defined")}
      run={(v) => sent(client.POST("/v1/tokens", { body: { token: String(v.token), cap: String(v.cap), redeem_ms: Number(v.hours) * 3_600_000 } }))}
    />
  );
}

function Covered({ covered }: { covered: boolean }) {
  const { t } = useTranslation("money");
  return (
    <Badge variant="light" className="state" miw={104} color={covered ? "teal" : "red"} leftSection={covered ? <IconCheck size={14} aria-hidden /> : <IconX size={14} aria-hidden />}>
      {t(covered ? "reserve.covered" : "reserve.short")}
    </Badge>
  );
}

function Tokens() {
  const { t } = useTranslation("money");
  const list = useTokens();
  return (
    <Loaded of={list}>
      {({ items }) =>
        items.length ? (
          <SimpleGrid cols={{ base: 1, lg: 2 }}>
            {items.map((x) => (
              <TokenCard key={x.code} of={x} />
            ))}
          </SimpleGrid>
        ) : (
          <Card withBorder>
            <Empty title={t("reserve.none")} icon={<IconCertificate />}>
              {t("reserve.noneText")}
            </Empty>
          </Card>
        )
      }
    </Loaded>
  );
}

// verified has the node check a proof as a stranger would, by what the validators signed.
async function verified(proof: Blob): Promise<Schema<"Proven">> {
  const response = await call(new Request(new URL("/v1/proofs/verify", location.origin), { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: await proof.arrayBuffer() }));
  const answer: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw answer ?? new Error(String(response.status));
  return answer as Schema<"Proven">;
}

function TokenCard({ of }: { of: Token }) {
  const { t, i18n } = useTranslation("money");
  const may = useMay();
  const own = useSession()?.carrier;
  const take = async () => {
    const { data, error } = await client.GET("/v1/tokens/{code}/proof", { params: { path: { code: of.code } }, parseAs: "blob" });
    if (!data) throw error;
    return data as unknown as Blob;
  };
  const check = useMutation({ mutationFn: async () => verified(await take()) });
  const proof = useMutation({
    mutationFn: async () => {
      const blob = await take();
      download(`${of.code}.proof`, blob);
      return blob.size;
    },
    onSuccess: () => notifications.show({ color: "teal", message: t("reserve.saved", { file: `${of.code}.proof` }) }),
  });
  const frozen = (of.frozen ?? []) as Schema<"Frozen">[];
  return (
    <Card withBorder component="section" aria-label={of.code}>
      <Stack gap="sm">
        <Group justify="space-between">
          <Group gap="xs">
            <Title order={2} size="h4">
              {of.code}
            </Title>
            <StateBadge state={of.state} />
          </Group>
          {of.state === "asked" && of.issuer !== own && may("approve-token") && !of.approved?.includes(own ?? "") ? (
            <Action size="compact-sm" label={t("reserve.approve")} text={t("reserve.approveText", { issuer: of.issuer, token: of.code })} done={t("reserve.approvedDone")} run={() => sent(client.POST("/v1/tokens/{code}/approve", { params: { path: { code: of.code } } }))} />
          ) : (
            <Covered covered={of.covered} />
          )}
        </Group>
        <Group gap="xl">
          <div>
            <Text size="sm" c="dimmed">
              {t("reserve.supply")}
            </Text>
            <Money amount={of.supply} currency={of.code} fz={20} fw={650} />
          </div>
          <div>
            <Text size="sm" c="dimmed">
              {t("reserve.cap")}
            </Text>
            <Money amount={of.cap} currency={of.code} fz={20} />
          </div>
        </Group>
        <Table.ScrollContainer minWidth={360}>
          <Table aria-label={t("reserve.reserveOf", { code: of.code })}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("currency")}</Table.Th>
                <Table.Th ta="right">{t("reserve.have")}</Table.Th>
                <Table.Th ta="right">{t("reserve.needed")}</Table.Th>
                {of.next_basket && <Table.Th ta="right">{t("reserve.neededNext")}</Table.Th>}
                <Table.Th>{t("state")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {of.reserve.map((r) => (
                <Table.Tr key={r.currency}>
                  <Table.Td>{r.currency}</Table.Td>
                  <Table.Td ta="right">
                    <Money amount={r.have} currency={r.currency} size="sm" />
                  </Table.Td>
                  <Table.Td ta="right">
                    <Money amount={r.needed} currency={r.currency} size="sm" />
                  </Table.Td>
                  {of.next_basket && (
                    <Table.Td ta="right">
                      <Money amount={r.needed_next} currency={r.currency} size="sm" />
                    </Table.Td>
                  )}
                  <Table.Td>
                    <Covered covered={micro(r.have) >= micro(r.needed) && (!r.needed_next || micro(r.have) >= micro(r.needed_next))} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
        <Text size="sm">{t("reserve.issuedBy", { issuer: of.issuer, within: span(of.redeem_ms) })}</Text>
        {of.basket && (
          <Text size="sm">
            {t("reserve.basket", { name: of.basket.name })} {of.basket.parts.map((p) => `${p.amount} ${p.currency}`).join(" + ")}
          </Text>
        )}
        {frozen.length > 0 && <Text size="sm">{t("reserve.frozen", { who: frozen.map((f) => f.member).join(", ") })}</Text>}
        {may("get-token-proof") && (
          <>
            <ProblemAlert error={proof.error ?? check.error} />
            {check.data && (
              <Alert color={check.data.cover?.covered ? "teal" : "red"} icon={check.data.cover?.covered ? <IconCheck aria-hidden /> : <IconX aria-hidden />} role="status" title={t("reserve.checked", { height: check.data.height })}>
                {t("reserve.checkedText", { supply: group(check.data.cover?.supply ?? "0", i18n.language), token: of.code, reserve: (check.data.cover?.reserve ?? []).map((r) => `${group(r.amount, i18n.language)} ${r.currency}`).join(" + ") })} <When at={check.data.time} size="sm" />
              </Alert>
            )}
            {proof.isSuccess && (
              <Alert color="blue" icon={<IconShieldCheck aria-hidden />} role="status">
                {t("reserve.offline")} <Code>lateral verify --network network.json {of.code}.proof</Code>
              </Alert>
            )}
            <Group>
              {may("verify-proof") && (
                <Button leftSection={<IconShieldCheck size={18} aria-hidden />} loading={check.isPending} onClick={() => check.mutate()}>
                  {t("reserve.check")}
                </Button>
              )}
              <Button variant="light" leftSection={<IconCertificate size={18} aria-hidden />} loading={proof.isPending} onClick={() => proof.mutate()}>
                {t("reserve.proof")}
              </Button>
            </Group>
          </>
        )}
      </Stack>
    </Card>
  );
}

function Audit() {
  const { t, i18n } = useTranslation("money");
  const audit = useMutation({
    mutationFn: async () => {
      const { data, error } = await client.GET("/v1/tokens/audit", {});
      if (!data) throw error;
      return data;
    },
  });
  return (
    <Stack>
      <Hint>{t("reserve.auditText")}</Hint>
      <Group>
        <Button loading={audit.isPending} onClick={() => audit.mutate()}>
          {t(audit.data ? "reserve.again" : "reserve.run")}
        </Button>
      </Group>
      <ProblemAlert error={audit.error} />
      {audit.data && (
        <Stack role="status">
          <Text size="sm">
            {t("reserve.audited", { accounts: audit.data.accounts.toLocaleString(i18n.language), height: audit.data.height.toLocaleString(i18n.language) })} <When at={audit.data.time} size="sm" />
          </Text>
          <SimpleGrid cols={{ base: 1, lg: 2 }}>
            <Card withBorder component="section" aria-label={t("reserve.zero")}>
              <Title order={2} size="h4" mb="xs">
                {t("reserve.zero")}
              </Title>
              <Table>
                <Table.Tbody>
                  {Object.entries(audit.data.sum).map(([currency, amount]) => (
                    <Table.Tr key={currency}>
                      <Table.Th scope="row">{currency}</Table.Th>
                      <Table.Td ta="right">
                        <Money amount={amount} currency={currency} />
                      </Table.Td>
                      <Table.Td>
                        <Badge variant="light" className="state" color={micro(amount) === 0n ? "teal" : "red"}>
                          {t(micro(amount) === 0n ? "reserve.even" : "reserve.uneven")}
                        </Badge>
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Card>
            {((audit.data.tokens ?? []) as Schema<"TradeBacking">[]).map((b) => (
              <Card withBorder key={b.token} component="section" aria-label={b.token}>
                <Group justify="space-between" mb="xs">
                  <Title order={2} size="h4">
                    {b.token}
                  </Title>
                  <Covered covered={b.covered} />
                </Group>
                <Table>
                  <Table.Tbody>
                    <Table.Tr>
                      <Table.Th scope="row">{t("reserve.supply")}</Table.Th>
                      <Table.Td ta="right">
                        <Money amount={b.supply} currency={b.token} />
                      </Table.Td>
                    </Table.Tr>
                    <Table.Tr>
                      <Table.Th scope="row">{t("reserve.held")}</Table.Th>
                      <Table.Td ta="right">
                        <Money amount={b.held} currency={b.token} />
                      </Table.Td>
                    </Table.Tr>
                    {pairs(b).map((r) => (
                      <Table.Tr key={r.currency}>
                        <Table.Th scope="row">{t("reserve.reserveIn", { currency: r.currency })}</Table.Th>
                        <Table.Td ta="right">
                          <Money amount={r.have} currency={r.currency} /> / <Money amount={r.needed} currency={r.currency} />
                        </Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Card>
            ))}
          </SimpleGrid>
        </Stack>
      )}
    </Stack>
  );
}

// pairs puts what a token's reserve has beside what it needs, for each currency.
export function pairs(b: Pick<Schema<"TradeBacking">, "reserve" | "needed">): { currency: string; have: string; needed: string }[] {
  const have = (b.reserve ?? []) as Schema<"MoneyAmount">[];
  const needed = (b.needed ?? []) as Schema<"MoneyAmount">[];
  const currencies = [...new Set([...needed, ...have].map((m) => m.currency))];
  const of = (list: Schema<"MoneyAmount">[], currency: string) => list.find((m) => m.currency === currency)?.amount ?? "0.000000";
  return currencies.map((currency) => ({ currency, have: of(have, currency), needed: of(needed, currency) }));
}

function Acts() {
  const { t } = useTranslation("money");
  const [{ token }, change] = useAddress();
  const tokens = useTokens();
  const code = token ?? tokens.data?.items[0]?.code;
  const rows = usePages("/v1/tokens/{code}/acts", { path: { code: code ?? "" } }, { enabled: Boolean(code) });
  const columns: Column<Act>[] = [
    { id: "id", header: t("id"), cell: (r) => <span title={r.id}>{r.id}</span>, value: (r) => r.id },
    { id: "kind", header: t("kind"), width: "130px", cell: (r) => t(`reserve.act.${r.act.kind}`, { defaultValue: r.act.kind }), value: (r) => r.act.kind },
    { id: "amount", header: t("amount"), width: "170px", right: true, cell: (r) => (r.act.amount ? <Money amount={r.act.amount.amount} currency={r.act.amount.currency} size="sm" /> : "–"), value: (r) => r.act.amount?.amount },
    { id: "state", header: t("state"), width: "120px", cell: (r) => <StateBadge state={r.state} />, value: (r) => r.state },
    { id: "first", header: t("reserve.first"), width: "150px", cell: (r) => <code title={r.proposed.key}>{r.proposed.key?.slice(0, 10)}…</code>, value: (r) => r.proposed.key },
    { id: "second", header: t("reserve.second"), width: "150px", cell: (r) => (r.answered?.key ? <code title={r.answered.key}>{r.answered.key.slice(0, 10)}…</code> : "–"), value: (r) => r.answered?.key },
    { id: "time", header: t("time"), width: "230px", cell: (r) => <When at={r.proposed.time} size="sm" />, value: (r) => r.proposed.time },
    { id: "reference", header: t("payments.bankReference"), cell: (r) => r.act.reference ?? "–", value: (r) => r.act.reference },
    { id: "evidence", header: t("reserve.evidence"), width: "170px", cell: (r) => (r.act.evidence ? <code title={r.act.evidence}>{r.act.evidence.slice(0, 14)}…</code> : "–"), value: (r) => r.act.evidence },
  ];
  return (
    <DataTable
      label={t("reserve.acts")}
      columns={columns}
      rows={rows}
      rowKey={(r) => r.id}
      file={`acts-${code}`}
      empty={<Empty title={t("reserve.actsNone")} icon={<IconShieldCheck />}>{t("reserve.actsNoneText")}</Empty>}
      toolbar={
        <Group gap="xs">
          {tokens.data?.items.map((x) => (
            <Button key={x.code} size="compact-md" variant={x.code === code ? "filled" : "default"} aria-pressed={x.code === code} onClick={() => change({ token: x.code })}>
              {x.code}
            </Button>
          ))}
        </Group>
      }
    />
  );
}
