// plain gives the text that is written in base64, and what is no text as it came.
export function plain(base64: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)));
  } catch {
    return base64;
  }
}

// base64 writes bytes in base64.
export const base64 = (data: ArrayBuffer): string => btoa(Array.from(new Uint8Array(data), (b) => String.fromCharCode(b)).join(""));
