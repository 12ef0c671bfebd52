import { Badge, Button, Group, Modal, Select, Stack, Tabs, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconPlus, IconSearch, IconUsers } from "@tabler/icons-react";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, queries, type Schema } from "@/api/client";
import { problemOf } from "@/api/problem";
import { useMay, useSession } from "@/api/session";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { GoTo } from "@/ui/GoTo";
import { Money } from "@/ui/Money";
import { Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { StateBadge } from "@/ui/StateBadge";

import { useBilaterals, useMembers, useOwed, useProblems } from "./queries";
import type { List, partnersSearch } from "./search";

type Search = ReturnType<typeof partnersSearch>;

const partnerPath = (code: string) => `/partners/${encodeURIComponent(code)}`;

// PartnersPage lists with whom we trade, and who else is on the network.
export function PartnersPage() {
  const { t } = useTranslation("partners");
  const may = useMay();
  const navigate = useNavigate();
  const search: Search = useSearch({ strict: false });
  const list: List = search.list ?? "partners";
  const [opening, setOpening] = useState<string>();
  const go = (s: Search) => void navigate({ to: "/partners", search: s as never, replace: true });
  return (
    <Page
      title={t("title")}
      lead={t("lead")}
      actions={
        may("open-bilateral") && (
          <>
            <Button variant="default" onClick={() => void navigate({ to: "/onboarding" })}>
              {t("wizard")}
            </Button>
            <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setOpening("")}>
              {t("open")}
            </Button>
          </>
        )
      }
    >
      <Tabs value={list} onChange={(v) => go({ list: v as List, q: search.q })} keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="partners">{t("partners")}</Tabs.Tab>
          <Tabs.Tab value="members">{t("members")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="partners" pt="md">
          <Partners search={search} go={go} />
        </Tabs.Panel>
        <Tabs.Panel value="members" pt="md">
          <Members search={search} go={go} onOpen={setOpening} />
        </Tabs.Panel>
      </Tabs>
      <OpenBilateral partner={opening} onClose={() => setOpening(undefined)} />
    </Page>
  );
}

function Find({ value, onChange }: { value: string | undefined; onChange: (v: string | undefined) => void }) {
  const { t } = useTranslation("partners");
  return <TextInput aria-label={t("find")} placeholder={t("find")} leftSection={<IconSearch size={16} aria-hidden />} value={value ?? ""} onChange={(e) => onChange(e.currentTarget.value || undefined)} w={240} />;
}

function Partners({ search, go }: { search: Search; go: (s: Search) => void }) {
  const { t } = useTranslation("partners");
  const may = useMay();
  const bilaterals = useBilaterals();
  const problems = useProblems(may("list-problems"));
  const owed = useOwed(may("get-ageing"));
  const troubles = (b: Schema<"Bilateral">) => (problems.get(b.partner)?.length ?? 0) + (b.problem ? 1 : 0) + (b.divergence ? 1 : 0) + (b.signed_twice?.length ?? 0);
  const debts = (b: Schema<"Bilateral">, theirs: boolean) => (owed.get(b.partner) ?? []).filter((a) => (a.payer === b.partner) === theirs);
  const money = (of: Schema<"Aged">[]) =>
    of.length ? (
      <Group gap="xs" justify="flex-end" wrap="nowrap">
        {of.map((a) => (
          <Money key={a.currency} amount={a.total} currency={a.currency} />
        ))}
      </Group>
    ) : (
      <Text span c="dimmed">
        –
      </Text>
    );
  const text = (of: Schema<"Aged">[]) => of.map((a) => `${a.total} ${a.currency}`).join("; ");
  const columns: Column<Schema<"Bilateral">>[] = [
    { id: "partner", header: t("partner"), cell: (b) => <GoTo to={partnerPath(b.partner)}>{b.partner}</GoTo>, value: (b) => b.partner },
    { id: "state", header: t("state"), width: "130px", cell: (b) => <StateBadge state={b.state} />, value: (b) => b.state },
    {
      id: "problems",
      header: t("problems"),
      width: "110px",
      cell: (b) =>
        troubles(b) ? (
          <Badge color="yellow" variant="light">
            {troubles(b)}
          </Badge>
        ) : (
          <Text span c="dimmed" size="sm">
            {t("none")}
          </Text>
        ),
      value: troubles,
    },
    ...(may("get-ageing")
      ? [
          { id: "theyOwe", header: t("theyOwe"), right: true, width: "minmax(170px, 1fr)", cell: (b: Schema<"Bilateral">) => money(debts(b, true)), value: (b: Schema<"Bilateral">) => text(debts(b, true)) },
          { id: "weOwe", header: t("weOwe"), right: true, width: "minmax(170px, 1fr)", cell: (b: Schema<"Bilateral">) => money(debts(b, false)), value: (b: Schema<"Bilateral">) => text(debts(b, false)) },
        ]
      : []),
    { id: "attested", header: t("attested"), right: true, width: "150px", cell: (b) => <span className="numbers">{t("attestedOf", { attested: b.attested, position: b.position })}</span>, value: (b) => b.attested },
  ];
  const needle = search.q?.toLowerCase();
  const shown = bilaterals.rows.filter((b) => (!needle || b.partner.toLowerCase().includes(needle)) && (!search.state || b.state === search.state));
  const rows = needle || search.state ? { ...bilaterals, rows: shown, total: shown.length, all: async () => shown } : bilaterals;
  return (
    <DataTable
      label={t("partners")}
      columns={columns}
      rows={rows}
      rowKey={(b) => b.channel}
      file="partners"
      toolbar={
        <Group gap="xs">
          <Find value={search.q} onChange={(q) => go({ ...search, q })} />
          <Select
            aria-label={t("state")}
            placeholder={t("anyState")}
            clearable
            w={170}
            data={["opening", "open", "diverged", "halted", "lapsed"].map((value) => ({ value, label: t(`ui:states.${value}`, { defaultValue: value }) }))}
            value={search.state ?? null}
            onChange={(v) => go({ ...search, state: v ?? undefined })}
          />
        </Group>
      }
      empty={
        needle || search.state ? (
          <Empty title={t("noMatch")}>{t("noMatchText")}</Empty>
        ) : (
          <Empty title={t("noPartners")} icon={<IconUsers />}>
            {may("open-bilateral") ? t("noPartnersText") : t("noPartnersWait")}
          </Empty>
        )
      }
    />
  );
}

const memberStates = ["applied", "active", "suspended", "left"] as const;

function Members({ search, go, onOpen }: { search: Search; go: (s: Search) => void; onOpen: (code: string) => void }) {
  const { t } = useTranslation("partners");
  const may = useMay();
  const me = useSession()?.carrier;
  const state = memberStates.find((s) => s === search.state);
  const members = useMembers(state);
  const bilaterals = useBilaterals();
  const trade = new Set(bilaterals.rows.filter((b) => b.state !== "lapsed").map((b) => b.partner));
  const columns: Column<Schema<"Member">>[] = [
    { id: "code", header: t("code"), width: "140px", cell: (m) => (trade.has(m.code) ? <GoTo to={partnerPath(m.code)}>{m.code}</GoTo> : m.code), value: (m) => m.code },
    { id: "name", header: t("legalName"), width: "minmax(180px, 2fr)", cell: (m) => m.legal_name, value: (m) => m.legal_name },
    { id: "country", header: t("country"), width: "90px", cell: (m) => m.country, value: (m) => m.country },
    { id: "state", header: t("state"), width: "130px", cell: (m) => <StateBadge state={m.state} />, value: (m) => m.state },
    { id: "vouchers", header: t("vouchers"), cell: (m) => (m.vouchers ?? []).join(", ") || "–", value: (m) => (m.vouchers ?? []).join(", ") },
    {
      id: "act",
      header: t("next"),
      width: "220px",
      cell: (m) => (
        <Group gap={6} wrap="nowrap">
          {m.code === me ? (
            <Text size="sm" c="dimmed">
              {t("thisIsUs")}
            </Text>
          ) : trade.has(m.code) ? (
            <Text size="sm" c="dimmed">
              {t("isPartner")}
            </Text>
          ) : (
            m.state === "active" &&
            may("open-bilateral") && (
              <Button size="compact-sm" variant="default" onClick={() => onOpen(m.code)} aria-label={t("openWith", { partner: m.code })}>
                {t("open")}
              </Button>
            )
          )}
          {m.state === "applied" && !(m.vouchers ?? []).includes(me ?? "") && may("vouch-member") && <Vouch member={m} />}
        </Group>
      ),
      value: () => "",
    },
  ];
  const needle = search.q?.toLowerCase();
  const shown = members.rows.filter((m) => !needle || m.code.toLowerCase().includes(needle) || m.legal_name.toLowerCase().includes(needle));
  return (
    <DataTable
      label={t("members")}
      columns={columns}
      rows={needle ? { ...members, rows: shown, total: shown.length, all: async () => shown } : members}
      rowKey={(m) => m.code}
      file="members"
      toolbar={
        <Group gap="xs">
          <Find value={search.q} onChange={(q) => go({ ...search, q })} />
          <Select
            aria-label={t("state")}
            placeholder={t("anyState")}
            clearable
            w={170}
            data={memberStates.map((value) => ({ value, label: t(`ui:states.${value}`, { defaultValue: value }) }))}
            value={state ?? null}
            onChange={(v) => go({ ...search, state: v ?? undefined })}
          />
        </Group>
      }
      empty={<Empty title={t("noMatch")}>{t("noMatchText")}</Empty>}
    />
  );
}

function Vouch({ member }: { member: Schema<"Member"> }) {
  const { t } = useTranslation("partners");
  const vouch = api.useMutation("post", "/v1/members/{code}/vouch", {
    onSuccess: () => {
      notifications.show({ color: "teal", message: t("vouched", { member: member.code }) });
      void queries.invalidateQueries();
    },
    onError: (err) => notifications.show({ color: "red", autoClose: false, message: problemOf(err).detail }),
  });
  return (
    <Button size="compact-sm" variant="default" loading={vouch.isPending} onClick={() => vouch.mutate({ params: { path: { code: member.code } } })} aria-label={t("vouchFor", { member: member.code })}>
      {t("vouch")}
    </Button>
  );
}

// OpenBilateral asks with whom to open a channel, and begins it.
function OpenBilateral({ partner, onClose }: { partner: string | undefined; onClose: () => void }) {
  const { t } = useTranslation("partners");
  const navigate = useNavigate();
  const me = useSession()?.carrier;
  const [chosen, setChosen] = useState<string | null>(null);
  const members = useMembers("active");
  const bilaterals = useBilaterals();
  const trade = new Set(bilaterals.rows.filter((b) => b.state !== "lapsed").map((b) => b.partner));
  const with_ = chosen ?? (partner || null);
  const open = api.useMutation("post", "/v1/bilaterals", {
    onSuccess: (b) => {
      notifications.show({ color: "teal", message: t("opened", { partner: b.partner }) });
      void queries.invalidateQueries();
      close();
      void navigate({ to: partnerPath(b.partner) });
    },
  });
  const close = () => {
    setChosen(null);
    open.reset();
    onClose();
  };
  return (
    <Modal opened={partner !== undefined} onClose={close} title={t("openTitle")}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          if (with_) open.mutate({ body: { partner: with_ } });
        }}
      >
        <Stack>
          <Text size="sm">{t("openText")}</Text>
          <Select
            label={t("partner")}
            required
            searchable
            data-autofocus
            data={members.rows.filter((m) => m.code !== me && !trade.has(m.code)).map((m) => ({ value: m.code, label: `${m.code} – ${m.legal_name}` }))}
            value={with_}
            onChange={setChosen}
            nothingFoundMessage={t("noMatch")}
          />
          <ProblemAlert error={open.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {t("ui:cancel")}
            </Button>
            <Button type="submit" loading={open.isPending} disabled={!with_}>
              {t("open")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

