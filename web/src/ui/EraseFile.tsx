import { useTranslation } from "react-i18next";

import { client } from "@/api/client";
import { sent } from "@/api/sent";
import { useMay } from "@/api/session";

import { Action } from "./Action";

// EraseFile erases this node's copy of a file for good, by its hash. What the channel says
// of it stays.
export function EraseFile({ hash, name }: { hash: string; name: string }) {
  const { t } = useTranslation();
  if (!useMay()("erase-file")) return null;
  return <Action size="compact-sm" color="red" label={t("eraseFile")} text={t("eraseFileText", { name })} done={t("erasedFile")} run={() => sent(client.DELETE("/v1/files/{hash}", { params: { path: { hash } } }))} />;
}
