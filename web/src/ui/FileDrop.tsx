import { Box, Button, Stack, Text } from "@mantine/core";
import { IconUpload } from "@tabler/icons-react";
import { useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

interface Props {
  label: ReactNode;
  hint?: ReactNode;
  accept?: string; // as of an input
  multiple?: boolean;
  disabled?: boolean;
  onFiles: (files: File[]) => void;
}

// FileDrop takes files that are dropped, or chosen by its button.
export function FileDrop({ label, hint, accept, multiple, disabled, onFiles }: Props) {
  const { t } = useTranslation();
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const take = (list: FileList | null) => {
    const files = [...(list ?? [])];
    if (files.length) onFiles(multiple ? files : files.slice(0, 1));
  };
  return (
    <Box
      className="drop"
      data-over={over || undefined}
      onDragOver={(e) => {
        e.preventDefault();
        setOver(!disabled);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(e) => {
        e.preventDefault();
        setOver(false);
        if (!disabled) take(e.dataTransfer.files);
      }}
    >
      <Stack align="center" gap={6}>
        <IconUpload aria-hidden />
        <Text fw={500}>{label}</Text>
        {hint && (
          <Text size="sm" c="dimmed" ta="center">
            {hint}
          </Text>
        )}
        <Button variant="default" size="sm" disabled={disabled} onClick={() => input.current?.click()}>
          {t("chooseFile")}
        </Button>
        <input
          ref={input}
          type="file"
          hidden
          accept={accept}
          multiple={multiple}
          data-testid="file"
          onChange={(e) => {
            take(e.target.files);
            e.target.value = "";
          }}
        />
      </Stack>
    </Box>
  );
}
