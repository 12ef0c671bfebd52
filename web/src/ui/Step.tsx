import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useEffect, type FormEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { ProblemAlert } from "./ProblemAlert";

interface Props {
  title: ReactNode;
  text?: ReactNode; // what it does
  onClose: () => void;
  onSubmit: (e: FormEvent<HTMLFormElement>) => void;
  busy: boolean;
  error?: unknown;
  confirm?: ReactNode; // on the button that does it; absent: as the title
  cancel?: ReactNode;
  color?: string; // of that button; red for what cannot be undone
  disabled?: boolean;
  size?: string;
  other?: ReactNode; // further buttons, on the left
  ownChecks?: boolean; // what is missing is said at the fields, not by the browser
  children?: ReactNode; // what it has to know
}

// Step is the dialog before every step: it says what the step does and asks what that has to
// know. While it is under way its button is busy; what went wrong is shown here, and nothing
// that was filled in is lost.
export function Step({ title, text, onClose, onSubmit, busy, error, confirm, cancel, color, disabled, size, other, ownChecks, children }: Props) {
  const { t } = useTranslation();
  // Who opened it by keyboard goes on from there.
  useEffect(() => {
    const before = document.activeElement;
    return () => void setTimeout(() => before instanceof HTMLElement && before.isConnected && before.focus({ preventScroll: true }));
  }, []);
  return (
    <Modal opened onClose={onClose} title={title} size={size} closeOnClickOutside={!busy} closeButtonProps={{ "aria-label": t("close") }}>
      <form
        noValidate={ownChecks}
        onSubmit={(e) => {
          e.preventDefault();
          onSubmit(e);
        }}
      >
        <Stack>
          {text && (
            <Text size="sm" component="div">
              {text}
            </Text>
          )}
          {children}
          <ProblemAlert error={error} />
          <Group justify={other ? "space-between" : "flex-end"}>
            {other && <Group gap="xs">{other}</Group>}
            <Group gap="sm">
              <Button variant="default" onClick={onClose} disabled={busy}>
                {cancel ?? t("cancel")}
              </Button>
              <Button type="submit" color={color === "red" ? "red.9" : color} loading={busy} disabled={disabled}>
                {confirm ?? title}
              </Button>
            </Group>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
