import { Code } from "@mantine/core";

// Json shows a text of JSON with line breaks, and any other text as it is.
export function Json({ text, label }: { text: unknown; label: string }) {
  let shown: string;
  if (typeof text === "string") {
    try {
      shown = JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      shown = text;
    }
  } else shown = JSON.stringify(text, null, 2);
  return (
    <Code block tabIndex={0} role="region" aria-label={label} mah={420} style={{ overflow: "auto" }}>
      {shown}
    </Code>
  );
}
