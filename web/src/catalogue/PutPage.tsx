import { Accordion, Button, Card, Group, List, SegmentedControl, Skeleton, Stack, Text, Textarea } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { client, queries } from "@/api/client";
import { problemOf } from "@/api/problem";
import { sent } from "@/api/sent";
import { Loaded, Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";
import { cleaned, pathOf, type Json, type JsonSchema } from "@/ui/schema";
import { SchemaForm } from "@/ui/SchemaForm";

import { at, examples, read } from "./examples";
import { kindOf, put, useItem, type Item, type Kind } from "./queries";

// PutPage puts an item in force: a new one, or a new version of one that is there.
export function PutPage() {
  const { t } = useTranslation("catalogue");
  const kind = kindOf((useParams({ strict: false }) as { kind?: string }).kind);
  const { from } = useSearch({ strict: false }) as { from?: string };
  const before = useItem(kind, from ?? "", Boolean(from));
  return (
    <Page
      title={from ? t("versionOf", { id: from }) : t(`new.${kind}`)}
      lead={t("putLead")}
      crumbs={[
        { text: t("title"), to: "/catalogue" },
        { text: t(kind), to: `/catalogue/${kind}` },
      ]}
    >
      {from ? <Loaded of={before}>{(e) => <PutForm kind={kind} start={e.item} />}</Loaded> : <PutForm kind={kind} start={examples[kind]} />}
    </Page>
  );
}

const members: Record<Kind, string[]> = {
  offerings: ["id", "name", "specification", "description", "bandwidth", "term", "prices", "legs", "coverage", "windows", "guarantees", "links", "parts"],
  specifications: ["id", "name", "type", "description"],
  links: ["id", "name", "bandwidth"],
  places: ["id", "name", "country", "latitude", "longitude", "code", "names"],
};

const schemas: Record<Kind, string> = { offerings: "CatalogOffering", specifications: "CatalogSpecification", links: "CatalogLink", places: "CatalogPlace" };

interface Document {
  components: { schemas: Record<string, JsonSchema> };
}

// useDocument gives the API's own document: by it items are filled in.
function useDocument() {
  return useQuery({ queryKey: ["openapi"], staleTime: Infinity, meta: { still: true }, queryFn: () => sent(client.GET("/v1/openapi.json")) as Promise<unknown> as Promise<Document> });
}

// PutForm fills in an item by fields, as its schema says, or as JSON. Both are the same item.
function PutForm({ kind, start }: { kind: Kind; start: Item }) {
  const { t } = useTranslation("catalogue");
  const navigate = useNavigate();
  const document = useDocument();
  const [way, setWay] = useState<"fields" | "json">("fields");
  const [text, setText] = useState(() => JSON.stringify(start, null, 2));
  const { item, wrong } = read(text);
  const send = useMutation({
    mutationFn: (i: Item) => put(kind, i),
    onSuccess: (done) => {
      notifications.show({ color: done.changed ? "teal" : "gray", message: t(done.changed ? "putDone" : "putSame") });
      void queries.invalidateQueries();
      void navigate({ to: `/catalogue/${kind}/${encodeURIComponent(done.entry.item.id)}` });
    },
  });
  const problem = send.error ? problemOf(send.error) : undefined;
  const value = problem?.field && item ? at(item, problem.field) : undefined;
  const schema = document.data?.components.schemas[schemas[kind]];
  const byFields = way === "fields" && schema && item;
  return (
    <Card withBorder>
      <form
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          if (item) send.mutate(item);
        }}
      >
        <Stack>
          <Group>
            <SegmentedControl
              aria-label={t("fillIn")}
              value={way}
              onChange={(v) => setWay(v as "fields" | "json")}
              data={[
                { value: "fields", label: t("byFields") },
                { value: "json", label: t("asJson") },
              ]}
            />
          </Group>
          {way === "fields" && document.isPending && <Skeleton height={240} />}
          {way === "fields" && Boolean(document.error) && <ProblemAlert error={document.error} retry={() => void document.refetch()} />}
          {byFields && (
            <>
              <Text size="sm" c="dimmed">
                {t("itemJsonHint")}
              </Text>
              <SchemaForm schema={schema} root={document.data} value={item as unknown as Json} onChange={(v) => setText(JSON.stringify(cleaned(v) ?? {}, null, 2))} problem={problem?.field ? { path: pathOf(problem.field), detail: problem.detail } : undefined} />
            </>
          )}
          {way === "fields" && wrong && <Text c="red">{t("notJson", { wrong })}</Text>}
          {way === "json" && (
            <>
              <Textarea
                label={t("itemJson")}
                description={t("itemJsonHint")}
                value={text}
                onChange={(e) => setText(e.currentTarget.value)}
                autosize
                minRows={12}
                maxRows={30}
                spellCheck={false}
                styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: 13 } }}
                error={wrong ? t("notJson", { wrong }) : problem?.field ? `${problem.field}${value ? ` (${value})` : ""}: ${problem.detail}` : undefined}
              />
              <Accordion variant="separated" order={2}>
                <Accordion.Item value="members">
                  <Accordion.Control>{t("members")}</Accordion.Control>
                  <Accordion.Panel>
                    <List size="sm">
                      {members[kind].map((m) => (
                        <List.Item key={m}>
                          <code>{m}</code> – {t(`member.${kind === "links" && m === "bandwidth" ? "linkBandwidth" : m}`)}
                        </List.Item>
                      ))}
                    </List>
                  </Accordion.Panel>
                </Accordion.Item>
              </Accordion>
            </>
          )}
          <ProblemAlert error={send.error} />
          <Group>
            <Button type="submit" loading={send.isPending} disabled={!item}>
              {t("putInForce")}
            </Button>
            <Text size="sm" c="dimmed">
              {t("putText")}
            </Text>
          </Group>
        </Stack>
      </form>
    </Card>
  );
}
