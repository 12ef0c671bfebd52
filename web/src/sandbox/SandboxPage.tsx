import { Alert, Anchor, Badge, Button, Card, Checkbox, Group, Modal, NumberInput, Radio, ScrollArea, Select, SimpleGrid, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconBolt, IconHeartbeat, IconLinkOff, IconMask, IconPlayerPlay, IconSkull, IconTool, IconUserPlus } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { isProblem } from "@/api/problem";
import { Empty } from "@/ui/Empty";
import { Loaded, Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { StateBadge } from "@/ui/StateBadge";
import { Ago, When } from "@/ui/When";

import { type Node, type State, useAct, useAdd, useDamages, useNews, useSandboxState } from "./queries";

// SandboxPage does harm to the sandbox, and shows what the system makes of it.
export function SandboxPage() {
  const { t } = useTranslation("sandbox");
  const state = useSandboxState();
  const act = useAct();
  const [kill, setKill] = useState<Node>();
  const [hurt, setHurt] = useState<Node>();
  const go = (path: string, body?: object) => act.mutate({ path, body });
  return (
    <Page title={t("title")} lead={t("lead")}>
      <ProblemAlert error={act.error} />
      <Loaded of={state} lines={8}>
        {(s) => (
          <SimpleGrid cols={{ base: 1, xl: 2 }} spacing="lg">
            <Stack gap="lg">
              <Nodes state={s} busy={act.isPending} onKill={setKill} onHurt={setHurt} go={go} />
              <Links state={s} busy={act.isPending} go={go} />
              <Lie state={s} busy={act.isPending} go={go} />
              <Newcomer />
            </Stack>
            <Stack gap="lg">
              <Feed />
              <Faults state={s} />
            </Stack>
          </SimpleGrid>
        )}
      </Loaded>
      <Modal opened={Boolean(kill)} onClose={() => setKill(undefined)} title={t("killTitle", { name: kill?.name })} closeButtonProps={{ "aria-label": t("ui:close") }}>
        <Text size="sm">{t(kill?.kind === "validator" ? "killValidator" : "killCarrier")}</Text>
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={() => setKill(undefined)} data-autofocus>
            {t("ui:cancel")}
          </Button>
          <Button
            color="red"
            leftSection={<IconSkull size={16} aria-hidden />}
            onClick={() => {
              if (kill) go(`nodes/${encodeURIComponent(kill.name)}/kill`);
              setKill(undefined);
            }}
          >
            {t("kill")}
          </Button>
        </Group>
      </Modal>
      {hurt && (
        <Hurt
          node={hurt}
          onClose={() => setHurt(undefined)}
          onDo={(kind) => {
            go(`nodes/${encodeURIComponent(hurt.name)}/corrupt`, { kind });
            setHurt(undefined);
          }}
        />
      )}
    </Page>
  );
}

// Hurt asks what of a node's store is to be damaged.
function Hurt({ node, onClose, onDo }: { node: Node; onClose: () => void; onDo: (kind: string) => void }) {
  const { t } = useTranslation("sandbox");
  const kinds = useDamages(node.name);
  const [kind, setKind] = useState<string>();
  const all = kinds.data?.kinds ?? [];
  const chosen = kind ?? all[0]?.kind ?? "";
  return (
    <Modal opened onClose={onClose} title={t("corruptTitle", { name: node.name })} closeButtonProps={{ "aria-label": t("ui:close") }}>
      <Loaded of={kinds} lines={3}>
        {() => (
          <Radio.Group label={t("corruptWhat")} value={chosen} onChange={setKind}>
            <Stack gap="sm" mt="xs">
              {all.map((k) => (
                <Radio key={k.kind} value={k.kind} label={t(`damage.${k.kind}`, { defaultValue: k.kind })} description={t(`damageText.${k.kind}`, { defaultValue: k.note })} />
              ))}
            </Stack>
          </Radio.Group>
        )}
      </Loaded>
      <Group justify="flex-end" mt="lg">
        <Button variant="default" onClick={onClose}>
          {t("ui:cancel")}
        </Button>
        <Button color="orange" disabled={!chosen} leftSection={<IconBolt size={16} aria-hidden />} onClick={() => onDo(chosen)}>
          {t("corrupt")}
        </Button>
      </Group>
    </Modal>
  );
}

interface Part {
  state: State;
  busy: boolean;
  go: (path: string, body?: object) => void;
}

function Section({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <Card withBorder component="section" aria-label={title}>
      <Title order={2} size="h4" mb="sm">
        {title}
      </Title>
      {children}
    </Card>
  );
}

function Nodes({ state, busy, go, onKill, onHurt }: Part & { onKill: (n: Node) => void; onHurt: (n: Node) => void }) {
  const { t } = useTranslation("sandbox");
  return (
    <Section title={t("nodes")}>
      <Table.ScrollContainer minWidth={520}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("node")}</Table.Th>
              <Table.Th>{t("state")}</Table.Th>
              <Table.Th ta="right">{t("height")}</Table.Th>
              <Table.Th>{t("since")}</Table.Th>
              <Table.Th>{t("do")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {state.nodes.map((n) => (
              <Table.Tr key={n.name}>
                <Table.Td>
                  {n.name}
                  {n.problem && (
                    <Text size="xs" c="var(--mantine-color-error)" style={{ whiteSpace: "normal" }}>
                      {n.problem}
                    </Text>
                  )}
                </Table.Td>
                <Table.Td>
                  <Group gap={4}>
                    <StateBadge state={n.state} />
                    {n.damaged && (
                      <Badge color="orange" variant="light">
                        {t("damaged")}
                      </Badge>
                    )}
                  </Group>
                </Table.Td>
                <Table.Td ta="right" className="numbers">
                  {n.height}
                </Table.Td>
                <Table.Td>
                  <Ago at={n.since} size="sm" />
                </Table.Td>
                <Table.Td>
                  <Group gap={4} wrap="nowrap">
                    {n.state !== "stopped" ? (
                      <Button size="compact-sm" variant="light" color="red" disabled={busy} leftSection={<IconSkull size={14} aria-hidden />} onClick={() => onKill(n)} aria-label={t("killNode", { name: n.name })}>
                        {t("kill")}
                      </Button>
                    ) : (
                      <>
                        <Button size="compact-sm" variant="light" disabled={busy} leftSection={<IconPlayerPlay size={14} aria-hidden />} onClick={() => go(`nodes/${encodeURIComponent(n.name)}/start`)} aria-label={t("startNode", { name: n.name })}>
                          {t("start")}
                        </Button>
                        {n.kind === "carrier" && (
                          <>
                            <Button size="compact-sm" variant="light" color="orange" disabled={busy} leftSection={<IconBolt size={14} aria-hidden />} onClick={() => onHurt(n)} aria-label={t("corruptNode", { name: n.name })}>
                              {t("corrupt")}
                            </Button>
                            <Button size="compact-sm" variant="light" color="teal" disabled={busy} leftSection={<IconTool size={14} aria-hidden />} onClick={() => go(`nodes/${encodeURIComponent(n.name)}/rebuild`)} aria-label={t("rebuildNode", { name: n.name })}>
                              {t("rebuild")}
                            </Button>
                          </>
                        )}
                      </>
                    )}
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Section>
  );
}

function Links({ state, busy, go }: Part) {
  const { t } = useTranslation("sandbox");
  return (
    <Section title={t("links")}>
      <Text size="sm" c="dimmed" mb="sm">
        {t("linksText")}
      </Text>
      <Group gap="md">
        {state.links.map((l) => (
          <Checkbox
            key={`${l.a}/${l.b}`}
            disabled={busy}
            checked={!l.cut}
            label={t(l.cut ? "linkCut" : "linkUp", { a: l.a, b: l.b })}
            icon={({ className }) => (l.cut ? <IconLinkOff className={className} /> : <IconHeartbeat className={className} />)}
            onChange={() => go(`links/${encodeURIComponent(l.a)}/${encodeURIComponent(l.b)}/${l.cut ? "mend" : "cut"}`)}
          />
        ))}
      </Group>
    </Section>
  );
}

function Lie({ state, busy, go }: Part) {
  const { t } = useTranslation("sandbox");
  const [carrier, setCarrier] = useState<string | null>(state.traffic.between[0] ?? null);
  const [calls, setCalls] = useState<number | string>(3);
  const [factor, setFactor] = useState<number | string>(2);
  return (
    <Section title={t("lie")}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          if (carrier) go(`carriers/${encodeURIComponent(carrier)}/lie`, { calls: Number(calls), factor: Number(factor) });
        }}
      >
        <Text size="sm" c="dimmed" mb="sm">
          {t("lieText")}
        </Text>
        <Group align="flex-end" gap="sm">
          <Select label={t("who")} data={state.traffic.between} value={carrier} onChange={setCarrier} allowDeselect={false} w={130} />
          <NumberInput label={t("calls")} min={1} max={1000} allowDecimal={false} value={calls} onChange={setCalls} w={110} />
          <NumberInput label={t("factor")} min={1.1} max={100} step={0.5} value={factor} onChange={setFactor} w={130} />
          <Button type="submit" variant="light" color="orange" disabled={busy} leftSection={<IconMask size={16} aria-hidden />}>
            {t("lieNow")}
          </Button>
        </Group>
      </form>
    </Section>
  );
}

// Newcomer adds a carrier that has a node and is no member: its people join by First steps.
function Newcomer() {
  const { t } = useTranslation("sandbox");
  const add = useAdd();
  const form = useForm({ initialValues: { code: "", name: "" } });
  const submit = form.onSubmit((v) =>
    add.mutate(v, {
      onSuccess: () => form.reset(),
      onError: (err) => {
        if (isProblem(err) && err.field && err.field in form.values) form.setFieldError(err.field, err.detail);
      },
    }),
  );
  return (
    <Section title={t("newcomer")}>
      <form onSubmit={submit}>
        <Text size="sm" c="dimmed" mb="sm">
          {t("newcomerText")}
        </Text>
        <Group align="flex-end" gap="sm">
          <TextInput label={t("code")} placeholder="HOTEL" maxLength={32} w={130} {...form.getInputProps("code")} />
          <TextInput label={t("legalName")} maxLength={200} w={220} {...form.getInputProps("name")} />
          <Button type="submit" variant="light" loading={add.isPending} leftSection={<IconUserPlus size={16} aria-hidden />}>
            {t("add")}
          </Button>
        </Group>
      </form>
      {add.error && <ProblemAlert error={add.error} />}
      {add.data && (
        <Alert color="teal" mt="sm" title={t("added", { code: add.data.carrier })} role="status">
          <Text size="sm">{t("addedText")}</Text>
          <Anchor href={add.data.sign_in} target="_blank" rel="noreferrer" size="sm" underline="always" style={{ overflowWrap: "anywhere" }}>
            {t("addedLink", { code: add.data.carrier })}
          </Anchor>
        </Alert>
      )}
    </Section>
  );
}

function Feed() {
  const { t } = useTranslation("sandbox");
  const { news, connected } = useNews();
  return (
    <Section title={t("feed")}>
      {news.length === 0 ? (
        <Empty title={t(connected ? "nothingYet" : "feedWaits")}>{t("nothingYetText")}</Empty>
      ) : (
        <ScrollArea h={420} viewportProps={{ tabIndex: 0, "aria-label": t("feed"), role: "log" }}>
          <Stack gap={6}>
            {news.map((n, i) => (
              <Group key={news.length - i} gap="sm" wrap="nowrap" align="baseline">
                <When at={n.at} shape={{ date: false }} size="xs" c="dimmed" />
                <Badge size="sm" variant="default" className="state" style={{ flexShrink: 0 }}>
                  {n.carrier ?? n.kind}
                </Badge>
                <Text size="sm">{n.text}</Text>
              </Group>
            ))}
          </Stack>
        </ScrollArea>
      )}
    </Section>
  );
}

function Faults({ state }: { state: State }) {
  const { t } = useTranslation("sandbox");
  const faults = state.faults ?? [];
  return (
    <Section title={t("faults")}>
      {faults.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t("noFaults")}
        </Text>
      ) : (
        <Stack gap={6}>
          {faults.map((f) => (
            <Group key={f.at + f.note} gap="sm" wrap="nowrap" align="baseline">
              <When at={f.at} shape={{ date: false }} size="xs" c="dimmed" />
              <Text size="sm">
                {f.note} <Text span c="dimmed" size="xs">({f.by})</Text>
              </Text>
            </Group>
          ))}
        </Stack>
      )}
      <Text size="xs" c="dimmed" mt="md">
        {t("seed", { seed: state.seed, calls: state.traffic.calls, between: state.traffic.between.join(" – "), period: state.traffic.period })}
      </Text>
    </Section>
  );
}
