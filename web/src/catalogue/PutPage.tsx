import { Accordion, Button, Card, Group, List, Stack, Text, Textarea } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { queries } from "@/api/client";
import { problemOf } from "@/api/problem";
import { Loaded, Page } from "@/ui/Page";
import { ProblemAlert } from "@/ui/ProblemAlert";

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

function PutForm({ kind, start }: { kind: Kind; start: Item }) {
  const { t } = useTranslation("catalogue");
  const navigate = useNavigate();
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
  return (
    <Card withBorder>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          if (item) send.mutate(item);
        }}
      >
        <Stack>
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
