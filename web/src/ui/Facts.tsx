import { Box, Text } from "@mantine/core";
import type { ReactNode } from "react";

// Facts lists what is known of one thing: name and value.
export function Facts({ of }: { of: [name: ReactNode, value: ReactNode][] }) {
  return (
    <Box component="dl" className="facts" m={0}>
      {of.map(([name, value], i) => (
        <div key={i}>
          <Text component="dt" size="sm" c="dimmed">
            {name}
          </Text>
          <Text component="dd" size="sm" m={0} style={{ overflowWrap: "anywhere" }}>
            {value ?? "–"}
          </Text>
        </div>
      ))}
    </Box>
  );
}
