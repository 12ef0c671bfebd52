import { Card, Group, Title } from "@mantine/core";
import type { ReactNode } from "react";

// Section is a part of a page in a frame, with its heading.
export function Section({ title, actions, children }: { title: ReactNode; actions?: ReactNode; children: ReactNode }) {
  return (
    <Card withBorder component="section">
      <Group justify="space-between" gap="sm" mb="sm">
        <Title order={2} size="h4">
          {title}
        </Title>
        {actions}
      </Group>
      {children}
    </Card>
  );
}
