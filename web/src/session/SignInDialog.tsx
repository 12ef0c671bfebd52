import { Button, getDefaultZIndex, Group, Modal, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { giveUp, useExpired, useSession } from "@/api/session";

import { SignInForm } from "./SignInForm";

// SignInDialog asks to sign in again, over the page, when a session has ended: what was
// filled in stays, and what was asked is asked again.
export function SignInDialog() {
  const { t } = useTranslation("session");
  const expired = useExpired();
  const s = useSession();
  // Dialogs of pages lie below it, whichever of the two was there first.
  return (
    <Modal zIndex={getDefaultZIndex("overlay")} opened={expired} onClose={giveUp} title={t("again")} closeOnClickOutside={false} centered>
      <Text size="sm" mb="md">
        {t("againText")}
      </Text>
      {expired && <SignInForm name={s?.name} onDone={() => {}} />}
      <Group justify="flex-end" mt="md">
        <Button variant="subtle" color="gray" onClick={giveUp}>
          {t("notNow")}
        </Button>
      </Group>
    </Modal>
  );
}
