import type { Problem } from "@/api/problem";
import { csrf, reauthenticate } from "@/api/session";
import type { Schema } from "@/api/client";

// mediaOf gives the type that a file of call records is sent with, by its name.
export function mediaOf(name: string): string {
  const lower = name.toLowerCase();
  if (lower.endsWith(".gz")) return "application/gzip";
  if (lower.endsWith(".parquet")) return "application/vnd.apache.parquet";
  if (/\.(jsonl|ndjson|json)$/.test(lower)) return "application/x-ndjson";
  return "text/csv";
}

// formatOf writes a format with the zone of times that name none.
export function formatOf(name: string, zone: string): string | undefined {
  if (!name) return undefined;
  return zone.trim() ? `${name} in ${zone.trim()}` : name;
}

export interface Upload {
  done: Promise<Schema<"Import">>;
  stop: () => void;
}

// upload sends a file of call records; progress is the share that has gone. fetch does not
// tell how far a body is, XMLHttpRequest does. When the session has ended it waits for the
// person to sign in, and sends the file again.
export function upload(partner: string, file: File, format: string | undefined, progress: (share: number) => void): Upload {
  const query = new URLSearchParams({ name: file.name.slice(0, 200), ...(format ? { format } : {}) });
  const url = `/v1/bilaterals/${encodeURIComponent(partner)}/usage?${query.toString()}`;
  let request: XMLHttpRequest | undefined;
  const once = () =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const x = new XMLHttpRequest();
      request = x;
      x.open("POST", url);
      x.setRequestHeader("Content-Type", mediaOf(file.name));
      const token = csrf();
      if (token) x.setRequestHeader("X-CSRF-Token", token);
      x.upload.onprogress = (e) => e.lengthComputable && progress(e.total ? e.loaded / e.total : 1);
      x.upload.onload = () => progress(1);
      x.onload = () => resolve({ status: x.status, text: x.responseText });
      x.onerror = () => reject({ code: "unreachable", detail: "The node does not answer.", remedy: "Send the file again in a moment: what was imported is not imported twice.", status: 503 } satisfies Problem);
      x.onabort = () => reject({ code: "stopped", detail: "The upload was stopped.", remedy: "Nothing was imported. Send the file again when you want.", status: 0 } satisfies Problem);
      x.send(file);
    });
  const whole = async () => {
    let answer = await once();
    if (answer.status === 401 && (await reauthenticate())) answer = await once();
    let value: unknown;
    try {
      value = JSON.parse(answer.text);
    } catch {
      value = undefined;
    }
    if (answer.status >= 300 || value === undefined) {
      throw value ?? ({ code: "unreachable", detail: `The node answered with status ${answer.status}.`, remedy: "Try again in a moment.", status: answer.status } satisfies Problem);
    }
    return value as Schema<"Import">;
  };
  return { done: whole(), stop: () => request?.abort() };
}
