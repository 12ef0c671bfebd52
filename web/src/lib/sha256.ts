// sha256 gives the hash of a file, in hex. Browsers compute it on secure pages only.
export async function sha256(data: Blob): Promise<string> {
  if (!globalThis.crypto?.subtle) throw new Error("This browser computes hashes on secure pages only (https or localhost): write the SHA-256 of the file by hand.");
  const digest = await crypto.subtle.digest("SHA-256", await data.arrayBuffer());
  return [...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, "0")).join("");
}
