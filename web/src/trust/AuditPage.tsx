import { Anchor, Button, Card, Group, List, Modal, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconLock } from "@tabler/icons-react";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, client, type Schema } from "@/api/client";
import { usePages } from "@/api/pages";
import { useMay, useSession } from "@/api/session";
import { download } from "@/lib/csv";
import { Action } from "@/ui/Action";
import { DataTable, type Column } from "@/ui/DataTable";
import { Empty } from "@/ui/Empty";
import { Money } from "@/ui/Money";
import { Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { StateBadge } from "@/ui/StateBadge";
import { useTake } from "@/ui/useTake";
import { Between } from "@/ui/When";

import { Fact, Hash, PartnerSelect, useBilaterals } from "./parts";
import type { PartnerSearch } from "./routes";

type Invoice = Schema<"Invoice">;

const reading = (operation: string) => /^(get|list|stream|audit|search|verify|count|try|replay|parse|export-catalog)/.test(operation);

// AuditPage is where one who checks the carrier takes evidence away.
export function AuditPage() {
  const { t } = useTranslation("trust");
  const may = useMay();
  const search = useSearch({ strict: false }) as PartnerSearch;
  const navigate = useNavigate();
  const list = useBilaterals();
  const partner = search.partner ?? list.data?.items.find((b) => b.state === "open")?.partner;
  return (
    <Page title={t("auditTitle")} lead={t("auditLead")}>
      <Scope />
      <ProblemAlert error={list.error} retry={() => void list.refetch()} />
      <PartnerSelect value={partner} onChange={(p) => void navigate({ to: "/trust/audit", search: { partner: p } as never })} />
      {partner ? (
        <>
          <Files partner={partner} />
          {may("get-proof") && <Proof partner={partner} />}
          {may("list-invoices") && <Invoices partner={partner} />}
        </>
      ) : (
        list.data && <Empty title={t("noPartner")}>{t("noPartnerText")}</Empty>
      )}
    </Page>
  );
}

// Scope says plainly what who is signed in may see and do.
function Scope() {
  const { t } = useTranslation("trust");
  const s = useSession();
  const operations = s?.operations ?? [];
  const changing = operations.filter((o) => !reading(o));
  return (
    <Card withBorder component="section" aria-label={t("scope")}>
      <Group gap="xs" mb="xs">
        <IconLock size={18} aria-hidden />
        <Title order={2} size="h5">
          {t("scope")}
        </Title>
      </Group>
      <dl className="facts">
        <Fact name={t("who")}>
          {s?.name}, {t(`ui:roles.${s?.role}`)}
        </Fact>
        <Fact name={t("carrier")}>{s?.carrier}</Fact>
        <Fact name={t("mayRead")}>{t("kindsOf", { count: operations.length - changing.length })}</Fact>
        <Fact name={t("mayChange")}>{changing.length ? t("kindsOf", { count: changing.length }) : t("nothing")}</Fact>
      </dl>
      <Text size="sm">{t(changing.length ? "scopeOther" : "scopeAuditor", { carrier: s?.carrier })}</Text>
      <List size="sm" mt="xs">
        {(["/trust/log", "/trust/verify", "/trust/anchors", "/trust/problems"] as const).map((to) => (
          <List.Item key={to}>
            <Anchor component={Link} to={to} size="sm" display="inline-block" py={2} mih={24}>
              {t(`links.${to.slice(7)}`)}
            </Anchor>
          </List.Item>
        ))}
      </List>
    </Card>
  );
}

// pagesOf reads a list to its end.
async function pagesOf<T>(page: (after?: string) => Promise<{ data?: { items: T[]; next?: string }; error?: unknown }>): Promise<T[]> {
  const all: T[] = [];
  let after: string | undefined;
  do {
    const { data, error } = await page(after);
    if (!data) throw error;
    all.push(...data.items);
    after = data.next || undefined;
  } while (after);
  return all;
}

function Files({ partner }: { partner: string }) {
  const { t } = useTranslation("trust");
  const may = useMay();
  const [busy, setBusy] = useState("");
  const [error, setError] = useState<unknown>();
  const [asking, ask] = useState(false);
  const take = async (name: string, read: () => Promise<unknown>) => {
    setBusy(name);
    setError(undefined);
    try {
      download(`${name}.json`, new Blob([JSON.stringify(await read(), null, 2)], { type: "application/json" }));
    } catch (err) {
      setError(err);
    }
    setBusy("");
  };
  const path = { partner };
  const files = [
    { key: "journal", needs: "list-journal", read: () => pagesOf((after) => client.GET("/v1/bilaterals/{partner}/journal", { params: { path, query: { limit: 1000, after } } })) },
    {
      key: "statement",
      needs: "get-statement",
      read: async () => {
        const { data, error } = await client.GET("/v1/bilaterals/{partner}/statement", { params: { path } });
        if (!data) throw error;
        return data;
      },
    },
    { key: "anchors", needs: "list-anchors", read: () => pagesOf((after) => client.GET("/v1/bilaterals/{partner}/anchors", { params: { path, query: { limit: 1000, after } } })) },
    { key: "log", needs: "list-log", read: () => pagesOf((after) => client.GET("/v1/bilaterals/{partner}/log", { params: { path, query: { limit: 1000, after } } })) },
    { key: "access", needs: "list-access", read: () => pagesOf((after) => client.GET("/v1/access", { params: { query: { limit: 1000, after } } })) },
    { key: "users", needs: "list-users", read: () => pagesOf((after) => client.GET("/v1/users", { params: { query: { limit: 1000, after } } })) },
  ];
  const exported = api.useMutation("post", "/v1/bilaterals/{partner}/export", {
    onSuccess: (x) => {
      notifications.show({ color: "teal", message: t("exported", { file: x.file, records: x.records }) });
      ask(false);
    },
  });
  return (
    <Stack gap="sm" component="section">
      <Title order={2} size="h4">
        {t("take")}
      </Title>
      <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }}>
        {files
          .filter((f) => may(f.needs))
          .map((f) => (
            <Button key={f.key} variant="default" h="auto" py={8} loading={busy.startsWith(f.key)} disabled={Boolean(busy)} onClick={() => void take(`${f.key}-${partner}`, f.read)}>
              {t(`files.${f.key}`)}
            </Button>
          ))}
        {may("export-bilateral") && (
          <Button variant="default" h="auto" py={8} onClick={() => ask(true)}>
            {t("files.export")}
          </Button>
        )}
      </SimpleGrid>
      <ProblemAlert error={error} />
      <Modal opened={asking} onClose={() => ask(false)} title={t("files.export")} closeButtonProps={{ "aria-label": t("ui:close") }}>
        <Stack>
          <Text size="sm">{t("exportText", { partner })}</Text>
          <ProblemAlert error={exported.error} />
          <Button loading={exported.isPending} onClick={() => exported.mutate({ params: { path } })}>
            {t("files.export")}
          </Button>
        </Stack>
      </Modal>
    </Stack>
  );
}

function Invoices({ partner }: { partner: string }) {
  const { t } = useTranslation("trust");
  const may = useMay();
  const rows = usePages("/v1/bilaterals/{partner}/invoices", { path: { partner }, query: { descending: true } });
  const { busy, take } = useTake();
  const at = (i: Invoice, what: string) => `/v1/bilaterals/${encodeURIComponent(partner)}/invoices/${encodeURIComponent(i.id)}/${what}`;
  const columns: Column<Invoice>[] = [
    { id: "id", header: t("invoice"), width: "minmax(140px, 1.4fr)", cell: (i) => <Text size="sm" truncate title={i.id}>{i.id}</Text>, value: (i) => i.id },
    { id: "interval", header: t("period"), width: "minmax(260px, 1.6fr)", cell: (i) => <Between interval={i.interval} size="sm" />, value: (i) => i.interval },
    { id: "state", header: t("state"), width: "100px", cell: (i) => <StateBadge state={i.state} />, value: (i) => i.state },
    { id: "total", header: t("total"), width: "120px", right: true, cell: (i) => <Money amount={i.total} currency={i.currency} size="sm" />, value: (i) => i.total },
    { id: "currency", header: t("currency"), value: (i) => i.currency },
    { id: "document", header: t("hash"), width: "190px", cell: (i) => <Hash of={i.document} name={t("hash")} />, value: (i) => i.document },
    {
      id: "files",
      header: t("fileList"),
      width: "172px",
      cell: (i) => (
        <Group gap={4} wrap="nowrap">
          {(
            [
              ["canonical", "get-invoice-canonical", "document.cbor", ".cbor"],
              ["proof", "get-invoice-proof", "proof", ".proof"],
            ] as const
          ).map(
            ([name, operation, what, ending]) =>
              may(operation) && (
                <Button key={name} variant="subtle" size="compact-sm" px={4} style={{ flexShrink: 0 }} loading={busy === i.id + ending} disabled={Boolean(busy)} onClick={() => void take(at(i, what), i.id + ending)} aria-label={t("takeFile", { file: t(name), invoice: i.id })}>
                  {t(name)}
                </Button>
              ),
          )}
        </Group>
      ),
      value: () => "",
    },
  ];
  return (
    <Stack gap="xs" component="section">
      <Title order={2} size="h4">
        {t("invoices")}
      </Title>
      <Text size="sm">{t("invoicesText")}</Text>
      <DataTable label={t("invoices")} columns={columns} rows={rows} rowKey={(i) => i.id} file={`invoices-${partner}`} height={480} empty={<Empty title={t("noInvoices")}>{t("noInvoicesText")}</Empty>} />
    </Stack>
  );
}

// Proof takes the proof of any record of the channel, which anybody can check.
function Proof({ partner }: { partner: string }) {
  const { t } = useTranslation("trust");
  return (
    <Stack gap="xs" component="section">
      <Title order={2} size="h4">
        {t("recordProof")}
      </Title>
      <Text size="sm">{t("recordProofText")}</Text>
      <Group>
        <Action
          size="sm"
          label={t("takeProof")}
          text={t("takeProofText", { partner })}
          asks={[{ name: "key", label: t("recordKey"), hint: t("recordKeyHint"), required: true, most: 300 }]}
          done={t("proofTaken")}
          run={async (v) => {
            const key = String(v.key);
            const { data, error } = await client.GET("/v1/bilaterals/{partner}/proof", { params: { path: { partner }, query: { key } }, parseAs: "blob" });
            if (!data) throw error;
            download(`${key.replaceAll(/[^\w.-]+/g, "-")}.proof`, data as unknown as Blob);
          }}
        />
      </Group>
    </Stack>
  );
}
