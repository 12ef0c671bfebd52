import { useTranslation } from "react-i18next";

import { client } from "@/api/client";
import { sent } from "@/api/sent";
import { useMay } from "@/api/session";

import { Action } from "./Action";

// EraseFile erases this node's copy of a file for good, by its hash. What the channel says
// of it stays. A copy that is not here is said to be gone, or, of a file that this node
// need not have had, nothing.
export function EraseFile({ hash, name, held = true, gone }: { hash: string; name: string; held?: boolean; gone?: string }) {
  const { t } = useTranslation();
  if (!useMay()("erase-file")) return null;
  if (!held) return gone ?? "–";
  return <Action size="compact-sm" color="red" label={t("eraseFile")} text={t("eraseFileText", { name })} done={t("erasedFile")} run={() => sent(client.DELETE("/v1/files/{hash}", { params: { path: { hash } } }))} />;
}
