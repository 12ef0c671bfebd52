import { Box, Button, Group, NumberInput, Select, SimpleGrid, Stack, Switch, TagsInput, Text, TextInput, Textarea } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { titled } from "@/lib/names";

import { cleaned, fresh, kindOf, resolve, type Json, type JsonSchema } from "./schema";
import { TimeInput } from "./TimeInput";

interface Props {
  schema: JsonSchema;
  root: unknown; // the document in which the schema's references are
  value: Json;
  onChange: (v: Json) => void;
  problem?: { path: string; detail: string }; // shown at its field
}

// SchemaForm fills in a value as its JSON Schema says: fields with types, choices and help.
export function SchemaForm({ schema, root, value, onChange, problem }: Props) {
  return <Fields schema={resolve(schema, root)} root={root} value={value} onChange={onChange} problem={problem} path="" />;
}

type At = Props & { path: string };

// Fields are those of an object: what is short side by side, what is long beneath.
function Fields({ schema: s, root, value, onChange, problem, path }: At) {
  const of = (typeof value === "object" && value !== null && !Array.isArray(value) ? value : {}) as Record<string, Json>;
  const all = Object.entries(s.properties ?? {}).map(([name, p]) => {
    const r = resolve(p, root);
    return { name, schema: r, kind: kindOf(r, root), required: Boolean(s.required?.includes(name)) };
  });
  const must = (x: (typeof all)[number]) => (x.required ? 0 : 1);
  const shown = all.filter((x) => x.kind !== "const").sort((x, y) => must(x) - must(y));
  const wide = (k: string) => k === "object" || k === "list" || k === "json";
  const field = ({ name, schema, required }: (typeof all)[number]) => (
    <Field key={name} name={name} schema={schema} root={root} required={required} value={of[name]} onChange={(v) => onChange({ ...of, [name]: v })} problem={problem} path={path ? `${path}.${name}` : name} />
  );
  return (
    <Stack>
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>{shown.filter((x) => !wide(x.kind)).map(field)}</SimpleGrid>
      {shown.filter((x) => wide(x.kind)).map(field)}
    </Stack>
  );
}

function Field({ name, schema: s, root, required, value, onChange, problem, path }: At & { name: string; required: boolean }) {
  const { t } = useTranslation();
  const common = { label: titled(name), description: s.description, required, error: problem?.path === path ? problem.detail : undefined };
  switch (kindOf(s, root)) {
    case "enum":
      return <Select {...common} data={(s.enum ?? []).map(String)} value={typeof value === "string" ? value : null} onChange={(v) => onChange(v ?? undefined)} clearable={!required} clearButtonProps={{ "aria-label": t("filters.clearOne") }} />;
    case "time":
      return <TimeInput {...common} value={typeof value === "string" ? value : undefined} onChange={onChange} />;
    case "number":
      return <NumberInput {...common} min={s.minimum} max={s.maximum} allowDecimal={s.type !== "integer"} thousandSeparator={" "} value={typeof value === "number" ? value : ""} onChange={(v) => onChange(v === "" ? undefined : Number(v))} />;
    case "yes":
      return <Switch label={common.label} description={s.description} error={common.error} checked={value === true} onChange={(e) => onChange(e.currentTarget.checked || undefined)} />;
    case "texts":
      return <TagsInput {...common} value={Array.isArray(value) ? value.map(String) : []} onChange={(v) => onChange(v.length ? v : undefined)} />;
    case "object":
      return (
        <Box component="fieldset" className="part">
          <legend>{common.label}</legend>
          {s.description && (
            <Text size="xs" c="dimmed" mb="xs">
              {s.description}
            </Text>
          )}
          <Fields schema={s} root={root} value={value} onChange={(v) => onChange(required ? v : cleaned(v))} problem={problem} path={path} />
        </Box>
      );
    case "list": {
      const items = resolve(s.items!, root);
      const rows = Array.isArray(value) ? value : [];
      return (
        <Box component="fieldset" className="part">
          <legend>{common.label}</legend>
          {s.description && (
            <Text size="xs" c="dimmed" mb="xs">
              {s.description}
            </Text>
          )}
          <Stack>
            {rows.map((row, i) => (
              <Box component="fieldset" className="part" key={i}>
                <legend>
                  {common.label} {i + 1}
                </legend>
                <Fields schema={items} root={root} value={row} onChange={(v) => onChange(rows.map((x, n) => (n === i ? v : x)))} problem={problem} path={`${path}.${i}`} />
                <Button mt="sm" size="compact-sm" variant="default" onClick={() => onChange(rows.length > 1 ? rows.filter((_, n) => n !== i) : undefined)}>
                  {t("form.remove", { name: `${common.label} ${i + 1}` })}
                </Button>
              </Box>
            ))}
            <Group>
              <Button size="compact-sm" variant="default" onClick={() => onChange([...rows, fresh(items, root) ?? {}])}>
                {t("form.add", { name: common.label })}
              </Button>
            </Group>
          </Stack>
        </Box>
      );
    }
    case "json":
      return <JsonField common={common} value={value} onChange={onChange} />;
    default:
      return <TextInput {...common} maxLength={s.maxLength} value={typeof value === "string" ? value : value === undefined || value === null ? "" : JSON.stringify(value)} onChange={(e) => onChange(e.currentTarget.value || undefined)} />;
  }
}

// JsonField takes what no other field fits, as JSON.
function JsonField({ common, value, onChange }: { common: object; value: Json; onChange: (v: Json) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState(value === undefined ? "" : JSON.stringify(value));
  const [wrong, setWrong] = useState(false);
  return (
    <Textarea
      {...common}
      autosize
      minRows={1}
      value={text}
      error={wrong ? t("form.notJson") : undefined}
      onChange={(e) => {
        const v = e.currentTarget.value;
        setText(v);
        try {
          onChange(v ? (JSON.parse(v) as Json) : undefined);
          setWrong(false);
        } catch {
          setWrong(true);
        }
      }}
    />
  );
}
