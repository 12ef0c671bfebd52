import { notifications } from "@mantine/notifications";
import { useState } from "react";

import { call } from "@/api/http";
import { problemOf } from "@/api/problem";
import { download } from "@/lib/csv";

// useTake hands files of the node to the browser: which one is under way, and what the
// node says where it refuses one. A link would wait without a word, and fail without one.
export function useTake() {
  const [busy, setBusy] = useState("");
  const take = async (path: string, file: string) => {
    setBusy(file);
    try {
      const response = await call(new Request(new URL(path, location.origin)));
      if (!response.ok) throw (await response.json().catch(() => undefined)) ?? new Error(response.statusText);
      download(file, await response.blob());
    } catch (err) {
      const p = problemOf(err);
      notifications.show({ color: "red", title: p.detail, message: `${p.remedy ?? ""} (${p.code})`, autoClose: false });
    }
    setBusy("");
  };
  return { busy, take };
}
