import { Text, Timeline } from "@mantine/core";
import type { ReactNode } from "react";

import { Section } from "./Section";
import { StateBadge } from "./StateBadge";
import { When } from "./When";

export interface Moment {
  state: string;
  time?: string; // absent: it is not known, or has yet to come
  text?: ReactNode;
  ahead?: boolean; // it has yet to come
}

// inOrder puts moments by time; what has none stays at the end.
export function inOrder(of: Moment[]): Moment[] {
  const at = (m: Moment) => (m.time ? Date.parse(m.time) : Infinity);
  return of
    .map((m, i) => ({ m, i }))
    .sort((x, y) => at(x.m) - at(y.m) || x.i - y.i)
    .map(({ m }) => m);
}

// Course is a part of a page that shows what something went through.
export function Course({ of, title }: { of: Moment[]; title: string }) {
  return (
    <Section title={title}>
      <History of={of} label={title} />
    </Section>
  );
}

// History shows what something went through, the oldest first.
export function History({ of, label }: { of: Moment[]; label: string }) {
  const reached = of.filter((m) => !m.ahead).length - 1;
  return (
    <Timeline active={reached} bulletSize={16} lineWidth={2} aria-label={label} role="list">
      {of.map((m, i) => (
        <Timeline.Item key={i} role="listitem" title={<StateBadge state={m.state} variant={m.ahead ? "outline" : "light"} />} lineVariant={i >= reached ? "dashed" : "solid"}>
          {m.time && <When at={m.time} size="sm" c="dimmed" />}
          {m.text && (
            <Text size="sm" component="div" style={{ overflowWrap: "anywhere" }}>
              {m.text}
            </Text>
          )}
        </Timeline.Item>
      ))}
    </Timeline>
  );
}
