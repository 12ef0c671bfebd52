import { Button, NumberInput, Select, Switch, Textarea, TextInput, type ButtonProps } from "@mantine/core";
import { useForm } from "@mantine/form";
import { notifications } from "@mantine/notifications";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { queries } from "@/api/client";
import { problemOf } from "@/api/problem";

import { Step } from "./Step";
import { TimeInput } from "./TimeInput";

type Value = string | number | boolean | undefined;

// Ask is one thing that a step has to know.
export interface Ask {
  name: string; // of the field in the request, so that a Problem is shown at it
  label: string;
  kind?: "text" | "long" | "number" | "time" | "choice" | "yes";
  hint?: ReactNode;
  required?: boolean;
  choices?: { value: string; label: string }[];
  value?: Value;
  most?: number; // characters
  seconds?: boolean; // of a time are asked for too
}

interface Props extends Omit<ButtonProps, "children"> {
  label: string;
  text?: ReactNode; // what it does; one is asked before it is done
  asks?: Ask[];
  confirm?: string; // on the button that does it; absent: as label
  done: string; // said when it is done
  run: (values: Record<string, Value>) => Promise<unknown>;
  then?: (answer: unknown) => void;
  opened?: boolean; // it asks as soon as it is there
}

// Action is a button for one step. It asks what the step has to know, says what went wrong
// beside it, and has what is shown asked again afterwards.
export function Action({ label, text, asks = [], confirm, done, run, then, opened, color, ...rest }: Props) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(Boolean(opened));
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const initial = Object.fromEntries(asks.map((a) => [a.name, a.value ?? (a.kind === "yes" ? false : "")]));
  const form = useForm<Record<string, Value>>({
    initialValues: initial,
    validate: Object.fromEntries(asks.filter((a) => a.required).map((a) => [a.name, (v: Value) => (v === "" || v === undefined ? t("required") : null)])),
  });
  const act = async (values: Record<string, Value>) => {
    setBusy(true);
    setProblem(undefined);
    try {
      const given = Object.fromEntries(Object.entries(values).map(([k, v]) => [k, v === "" || v === false ? undefined : v]));
      const answer = await run(given);
      setOpen(false);
      notifications.show({ color: "teal", message: done });
      void queries.invalidateQueries();
      then?.(answer);
    } catch (err) {
      setProblem(err);
      setOpen(true);
      const p = problemOf(err);
      const at = asks.find((a) => p.field === a.name || p.field?.endsWith(`.${a.name}`));
      if (at) form.setFieldError(at.name, p.detail);
    } finally {
      setBusy(false);
    }
  };
  const start = () => {
    if (!text && !asks.length) return void act({});
    form.setInitialValues(initial);
    form.reset();
    setProblem(undefined);
    setOpen(true);
  };
  return (
    <>
      <Button variant="default" color={color} c={color === "red" ? "light-dark(var(--mantine-color-red-9), var(--mantine-color-red-4))" : undefined} loading={busy && !open} {...rest} onClick={start}>
        {label}
      </Button>
      {open && (
        <Step title={label} text={text} onClose={() => setOpen(false)} onSubmit={form.onSubmit((v) => void act(v))} busy={busy} error={problem} confirm={confirm} color={color as string | undefined} ownChecks>
          {asks.map((a, i) => {
            const { value, onChange, error } = form.getInputProps(a.name) as { value: never; onChange: (v: unknown) => void; error?: ReactNode };
            const common = { label: a.label, description: a.hint, required: a.required, error, "data-autofocus": i === 0 || undefined };
            switch (a.kind) {
              case "long":
                return <Textarea key={a.name} {...common} autosize minRows={2} maxRows={8} maxLength={a.most} value={value} onChange={onChange} />;
              case "number":
                return <NumberInput key={a.name} {...common} min={0} value={value} onChange={onChange} />;
              case "time":
                return <TimeInput key={a.name} {...common} seconds={a.seconds} value={value} onChange={(v) => onChange(v ?? "")} />;
              case "choice":
                return <Select key={a.name} {...common} data={a.choices} value={value || null} onChange={(v) => onChange(v ?? "")} clearable={!a.required} comboboxProps={{ withinPortal: true }} />;
              case "yes":
                return <Switch key={a.name} label={a.label} description={a.hint} error={error} checked={Boolean(value)} onChange={(e) => onChange(e.currentTarget.checked)} />;
              default:
                return <TextInput key={a.name} {...common} maxLength={a.most} value={value} onChange={onChange} />;
            }
          })}
        </Step>
      )}
    </>
  );
}
