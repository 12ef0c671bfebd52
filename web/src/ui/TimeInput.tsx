import { TextInput, type TextInputProps } from "@mantine/core";

import { fromWall, wall } from "@/lib/wall";

import { useZone } from "./When";

interface Props extends Omit<TextInputProps, "value" | "onChange" | "type"> {
  value: string | undefined; // RFC 3339
  onChange: (at: string | undefined) => void;
  seconds?: boolean; // are asked for too
}

// TimeInput takes a date and a time in the chosen zone, which it names.
export function TimeInput({ value, onChange, label, seconds, ...rest }: Props) {
  const { zone } = useZone();
  return (
    <TextInput
      type="datetime-local"
      step={seconds ? 1 : undefined}
      label={
        <>
          {label} <small>({zone})</small>
        </>
      }
      value={value ? wall(value, zone) : ""}
      onChange={(e) => onChange(fromWall(e.currentTarget.value, zone))}
      {...rest}
    />
  );
}
