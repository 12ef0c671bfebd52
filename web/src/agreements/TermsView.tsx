import { Badge, Box, Card, Code, Group, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { changed, lineId, readable, type Terms } from "./terms";

// TermsView tells terms in words; what is otherwise than in the terms before is marked.
export function TermsView({ terms, before }: { terms: Terms; before?: Terms }) {
  const { t } = useTranslation("agreements");
  const say = (key: string, v?: Record<string, unknown>): string => t(key, { defaultValue: key.split(".").at(-1), ...v });
  const sections = readable(terms, say);
  const marked = before ? changed(readable(before, say), sections) : new Set<string>();
  return (
    <SimpleGrid cols={{ base: 1, lg: 2 }}>
      {sections.map((s) => (
        <Card withBorder key={s.key + (s.name ?? "")} component="section" aria-label={s.name ?? t(`sections.${s.key}`)}>
          <Stack gap="xs">
            <Title order={3} size="h5">
              {s.name ?? t(`sections.${s.key}`)}
            </Title>
            <Box component="dl" className="facts" m={0}>
              {s.lines.map((l, i) => (
                <div key={i}>
                  <Text component="dt" size="sm" c="dimmed">
                    {l.name ?? say(`terms.${l.key}`)}
                  </Text>
                  <Text component="dd" size="sm" m={0} style={{ overflowWrap: "anywhere" }}>
                    <Group gap={6}>
                      {l.key === "rule" || l.key === "creditRule" || l.key === "tolerance" ? (
                        <Code block w="100%" style={{ whiteSpace: "pre-wrap" }}>
                          {l.value}
                        </Code>
                      ) : (
                        <span>{l.value}</span>
                      )}
                      {marked.has(lineId(s, l)) && (
                        <Badge size="sm" color="yellow" variant="light" className="state">
                          {t("isChanged")}
                        </Badge>
                      )}
                    </Group>
                  </Text>
                </div>
              ))}
            </Box>
          </Stack>
        </Card>
      ))}
    </SimpleGrid>
  );
}
