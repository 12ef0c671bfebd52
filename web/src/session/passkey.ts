import { ask, askAny, setSession, type Session } from "@/api/session";

// The browser's part of WebAuthn, level 3: options and answers travel as JSON.

const bytes = (text: string) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

const text = (buffer: ArrayBuffer | null | undefined) =>
  buffer ? btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "") : undefined;

interface Descriptor {
  id: string;
  type: "public-key";
  transports?: AuthenticatorTransport[];
}

interface RequestOptions {
  publicKey: { challenge: string; allowCredentials?: Descriptor[] } & Omit<PublicKeyCredentialRequestOptions, "challenge" | "allowCredentials">;
}

interface CreationOptions {
  publicKey: { challenge: string; user: { id: string; name: string; displayName: string }; excludeCredentials?: Descriptor[] } & Omit<PublicKeyCredentialCreationOptions, "challenge" | "user" | "excludeCredentials">;
}

const described = (list: Descriptor[] | undefined) => list?.map((d) => ({ ...d, id: bytes(d.id) }));

// usePasskey signs in with a passkey of the device.
export function usePasskey() {
  return async (name: string) => {
    const options = await askAny<RequestOptions>("POST", "/session/passkey/begin", name ? { name } : {});
    const got = (await navigator.credentials.get({
      publicKey: { ...options.publicKey, challenge: bytes(options.publicKey.challenge), allowCredentials: described(options.publicKey.allowCredentials) },
    })) as PublicKeyCredential | null;
    if (!got) throw new Error("no passkey was chosen");
    const r = got.response as AuthenticatorAssertionResponse;
    const s: Session = await ask("POST", "/session/passkey/finish", {
      credential: {
        id: got.id,
        rawId: text(got.rawId),
        type: got.type,
        response: { authenticatorData: text(r.authenticatorData), clientDataJSON: text(r.clientDataJSON), signature: text(r.signature), userHandle: text(r.userHandle) },
      },
    });
    setSession(s);
  };
}

// addPasskey makes a passkey on the device and gives it to the account that is signed in.
export async function addPasskey(name: string): Promise<void> {
  const options = await askAny<CreationOptions>("POST", "/session/own/passkeys/begin", {});
  const made = (await navigator.credentials.create({
    publicKey: {
      ...options.publicKey,
      challenge: bytes(options.publicKey.challenge),
      user: { ...options.publicKey.user, id: bytes(options.publicKey.user.id) },
      excludeCredentials: described(options.publicKey.excludeCredentials),
    },
  })) as PublicKeyCredential | null;
  if (!made) throw new Error("no passkey was made");
  const r = made.response as AuthenticatorAttestationResponse;
  await askAny("POST", "/session/own/passkeys/finish", {
    name,
    credential: { id: made.id, rawId: text(made.rawId), type: made.type, response: { attestationObject: text(r.attestationObject), clientDataJSON: text(r.clientDataJSON), transports: r.getTransports?.() } },
  });
}
