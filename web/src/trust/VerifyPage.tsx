import { Alert, Badge, Card, Code, Group, List, Stack, Table, Text, TextInput, ThemeIcon, Title } from "@mantine/core";
import { IconCheck, IconCircleDashed, IconX } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { client, type Schema } from "@/api/client";
import { call } from "@/api/http";
import { problemOf } from "@/api/problem";
import { sent } from "@/api/sent";
import { useMay } from "@/api/session";
import { base64 } from "@/lib/base64";
import { FileDrop } from "@/ui/FileDrop";
import { Money } from "@/ui/Money";
import { Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { When } from "@/ui/When";

import { Fact, Hash } from "./parts";
import { marks, sha256, steps } from "./steps";

type Proven = Schema<"Proven">;

interface Checked {
  file: string;
  proven?: Proven;
  problem?: unknown;
}

// check asks the node what a file proves. It changes nothing: an answer that broke off is
// asked for again, and what stays wrong is said.
async function check(file: File): Promise<Checked> {
  const body = await file.arrayBuffer();
  for (let tried = 1; ; tried++) {
    try {
      const response = await call(new Request(new URL("/v1/proofs/verify", location.origin), { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body }));
      const answer: unknown = await response.json();
      return response.ok ? { file: file.name, proven: answer as Proven } : { file: file.name, problem: answer };
    } catch (err) {
      if (tried === 3) return { file: file.name, problem: err };
    }
  }
}

// VerifyPage checks proofs of records, invoices, credentials and tokens.
export function VerifyPage() {
  const { t } = useTranslation("trust");
  const may = useMay();
  const verify = useMutation({ mutationFn: (files: File[]) => Promise.all(files.map(check)) });
  return (
    <Page title={t("verifyTitle")} lead={t("verifyLead")}>
      <FileDrop label={t("dropProof")} hint={t("dropProofText")} multiple disabled={verify.isPending} onFiles={(files) => verify.mutate(files.slice(0, 20))} />
      <Stack aria-live="polite">
        {verify.isPending && <Text>{t("checking")}</Text>}
        {verify.data?.map((c, i) => <One key={i} of={c} />)}
      </Stack>
      {may("verify-credential") && <Presented />}
      <Card withBorder>
        <Title order={2} size="h5" mb="xs">
          {t("offline")}
        </Title>
        <Text size="sm" mb="xs">
          {t("offlineText")}
        </Text>
        <Code block style={{ whiteSpace: "pre-wrap" }}>lateral verify --network network.json FILE.proof</Code>
      </Card>
    </Page>
  );
}

// Presented checks what a holder shows this carrier of a credential: by this node's own
// records, so that nobody else learns of it.
function Presented() {
  const { t } = useTranslation("trust");
  const [nonce, setNonce] = useState("");
  const verify = useMutation({
    mutationFn: async (file: File) => sent(client.POST("/v1/credentials/verify", { body: { presentation: base64(await file.arrayBuffer()), ...(nonce.trim() ? { nonce: nonce.trim() } : {}), within_ms: 86_400_000 } })),
  });
  return (
    <Card withBorder component="section" aria-label={t("presented")}>
      <Stack gap="sm">
        <Title order={2} size="h5">
          {t("presented")}
        </Title>
        <Text size="sm">{t("presentedText")}</Text>
        <TextInput label={t("nonce")} description={t("nonceText")} maxLength={64} value={nonce} onChange={(e) => setNonce(e.currentTarget.value)} maw={420} />
        <FileDrop label={t("dropPresented")} disabled={verify.isPending} onFiles={([f]) => f && verify.mutate(f)} />
        <ProblemAlert error={verify.error} />
        {verify.data && (
          <Alert color="teal" role="status" title={t("presentedCounts")} icon={<IconCheck aria-hidden />}>
            <dl className="facts">
              <Fact name={t("subjectOf")}>{verify.data.subject}</Fact>
              <Fact name={t("issuer")}>{verify.data.issuer}</Fact>
              <Fact name={t("expires")}>
                <When at={verify.data.expires} />
              </Fact>
              {verify.data.claims.map((c) => (
                <Fact key={c.name} name={c.name}>
                  {String(c.value)}
                </Fact>
              ))}
            </dl>
          </Alert>
        )}
      </Stack>
    </Card>
  );
}

function One({ of: { file, proven, problem } }: { of: Checked }) {
  const { t } = useTranslation("trust");
  const p = problem ? problemOf(problem) : undefined;
  // Only a proof that was refused has a step that failed; of other files nothing is known.
  const each = marks(p ? (p.code === "refused" ? (p.field ?? "") : "") : undefined);
  return (
    <Card withBorder component="section" aria-label={file}>
      <Stack gap="sm">
        <Group justify="space-between">
          <Title order={2} size="h5" style={{ overflowWrap: "anywhere" }}>
            {file}
          </Title>
          <Badge color={proven ? "teal" : "red"} variant="light" size="lg" leftSection={proven ? <IconCheck size={14} aria-hidden /> : <IconX size={14} aria-hidden />}>
            {t(proven ? "proven" : "notProven")}
          </Badge>
        </Group>
        {p && <ProblemAlert error={p} />}
        {!proven?.key && (
          <List spacing={4} size="sm" center>
            {steps.filter((s) => !proven || proven.head || s === "certificate" || s === "record").map((s) => (
              <List.Item
                key={s}
                icon={
                  <ThemeIcon size={22} radius="xl" variant="light" color={each[s] === "held" ? "teal" : each[s] === "failed" ? "red" : "gray"}>
                    {each[s] === "held" ? <IconCheck size={14} aria-hidden /> : each[s] === "failed" ? <IconX size={14} aria-hidden /> : <IconCircleDashed size={14} aria-hidden />}
                  </ThemeIcon>
                }
              >
                {t(`steps.${s}`)}: {t(`marks.${each[s]}`)}
              </List.Item>
            ))}
          </List>
        )}
        {proven && <What proven={proven} />}
      </Stack>
    </Card>
  );
}

function What({ proven: p }: { proven: Proven }) {
  const { t } = useTranslation("trust");
  const [same, setSame] = useState<{ name: string; ok: boolean }>();
  return (
    <>
      <Text>{p.key ? t("signedTwiceProven") : p.what}</Text>
      <dl className="facts">
        {p.record && <Fact name={t("record")}>{p.record}</Fact>}
        <Fact name={t("hash")}>
          <Hash of={p.hash} name={t("hash")} />
        </Fact>
        {p.key && (
          <Fact name={t("key")}>
            <Hash of={p.key} name={t("key")} />
          </Fact>
        )}
        {!p.key && (
          <>
            <Fact name={t("certified")}>
              {t("atHeight", { height: p.height })}, <When at={p.time} />
            </Fact>
            <Fact name={t("network")}>{p.chain}</Fact>
          </>
        )}
        {p.head && (
          <>
            <Fact name={t("standing")}>
              {t(`anchorKinds.${p.kind}`, { defaultValue: p.kind })}, {t("afterBlock", { block: p.position })}
            </Fact>
            <Fact name={t("head")}>
              {t("headOf", { size: p.head.size, position: p.head.position })} <Hash of={p.head.root} name={t("head")} />
            </Fact>
            <Fact name={t("channelId")}>
              <Hash of={p.channel} name={t("channelId")} />
            </Fact>
            {(p.keys ?? []).map((k, i) => (
              <Fact key={k} name={t("keyOf", { n: i + 1 })}>
                <Hash of={k} name={t("keyOf", { n: i + 1 })} />
              </Fact>
            ))}
          </>
        )}
        {p.cover && <Fact name={t("issuer")}>{p.cover.issuer}</Fact>}
        {p.evidence && (
          <Fact name={t("evidence")}>
            <Hash of={p.evidence} name={t("evidence")} />
          </Fact>
        )}
      </dl>
      {p.cover && <Cover of={p.cover} />}
      {p.content !== undefined && (
        <details>
          <summary>{t("content")}</summary>
          <Code block mah={360} style={{ overflow: "auto" }} tabIndex={0}>
            {JSON.stringify(p.content, null, 2)}
          </Code>
        </details>
      )}
      {p.head && (
        <Stack gap="xs">
          <FileDrop
            label={t("compareFile")}
            hint={t("compareFileText")}
            onFiles={([f]) => {
              if (f) void f.arrayBuffer().then(async (data) => setSame({ name: f.name, ok: (await sha256(data)) === p.hash }));
            }}
          />
          {same && (
            <Alert color={same.ok ? "teal" : "red"} title={same.name} role="status">
              {t(same.ok ? "sameFile" : "otherFile")}
            </Alert>
          )}
        </Stack>
      )}
    </>
  );
}

// Cover shows what stands behind a token.
function Cover({ of }: { of: NonNullable<Proven["cover"]> }) {
  const { t } = useTranslation("trust");
  const amounts = (all: Schema<"MoneyAmount">[] | null) => new Map((all ?? []).map((a) => [a.currency, a.amount]));
  const reserve = amounts(of.reserve);
  const needed = amounts(of.needed);
  return (
    <Stack gap="xs">
      <Group gap="xl">
        <Sum name={t("supply")} amount={of.supply} currency={of.token} />
        <Sum name={t("held")} amount={of.held} currency={of.token} />
        <Badge color={of.covered ? "teal" : "red"} variant="light" className="state" leftSection={of.covered ? <IconCheck size={14} aria-hidden /> : <IconX size={14} aria-hidden />}>
          {t(of.covered ? "covered" : "notCovered")}
        </Badge>
      </Group>
      <Table aria-label={t("cover")}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("currency")}</Table.Th>
            <Table.Th ta="right">{t("reserve")}</Table.Th>
            <Table.Th ta="right">{t("needed")}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {[...new Set([...reserve.keys(), ...needed.keys()])].sort().map((c) => (
            <Table.Tr key={c}>
              <Table.Td>{c}</Table.Td>
              <Table.Td ta="right">
                <Money amount={reserve.get(c) ?? "0"} currency={c} size="sm" />
              </Table.Td>
              <Table.Td ta="right">
                <Money amount={needed.get(c) ?? "0"} currency={c} size="sm" />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Stack>
  );
}

function Sum({ name, amount, currency }: { name: string; amount: string; currency: string }) {
  return (
    <div>
      <Text size="xs" c="dimmed">
        {name}
      </Text>
      <Money amount={amount} currency={currency} fw={650} />
    </div>
  );
}
