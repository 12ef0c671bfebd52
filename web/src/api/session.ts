import { useSyncExternalStore } from "react";

import type { Problem } from "./problem";

// Session is who is signed in, as the node says. Operations are those of the API that the
// role may use: what is not among them is not shown.
export interface Session {
  signed_in: boolean;
  carrier: string;
  ways: string[];
  name?: string;
  role?: string;
  expires?: string;
  csrf?: string;
  password?: boolean;
  old_needed?: boolean; // to set another password
  totp?: boolean;
  passkeys?: number;
  operations?: string[];
}

let current: Session | undefined;
let waiting: { promise: Promise<boolean>; done: (ok: boolean) => void } | undefined;
const listeners = new Set<() => void>();

function changed() {
  for (const l of listeners) l();
}

export const csrf = () => current?.csrf;

export function session(): Session | undefined {
  return current;
}

export function setSession(s: Session) {
  current = s;
  if (s.signed_in) {
    waiting?.done(true);
    waiting = undefined;
  }
  changed();
}

// reauthenticate is called when the node knows the session no more. Nothing of the page is
// lost: a dialog asks to sign in, and what was asked is asked again.
export function reauthenticate(): Promise<boolean> {
  if (!current?.signed_in && !waiting) return Promise.resolve(false);
  if (!waiting) {
    let done = (_: boolean) => {};
    const promise = new Promise<boolean>((resolve) => (done = resolve));
    waiting = { promise, done };
    changed();
  }
  return waiting.promise;
}

// giveUp ends the waiting for a sign-in: what was asked fails.
export function giveUp() {
  waiting?.done(false);
  waiting = undefined;
  changed();
}

// useExpired reports whether a page waits for its person to sign in again.
export function useExpired(): boolean {
  return useSyncExternalStore(subscribe, () => waiting !== undefined);
}

function subscribe(l: () => void) {
  listeners.add(l);
  return () => void listeners.delete(l);
}

export function useSession(): Session | undefined {
  return useSyncExternalStore(subscribe, () => current);
}

// useMay gives a function that says whether the role may use an operation of the API.
export function useMay(): (operation: string) => boolean {
  const s = useSession();
  return (operation) => s?.operations?.includes(operation) ?? false;
}

// ask talks to /session itself: it never waits for a sign-in.
export async function ask(method: string, path: string, body?: unknown): Promise<Session> {
  return askAny<Session>(method, path, body);
}

export async function askAny<T>(method: string, path: string, body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...(method !== "GET" && current?.csrf ? { "X-CSRF-Token": current.csrf } : {}) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw { code: "unreachable", detail: "The node does not answer.", remedy: "Try again in a moment.", status: 503 } satisfies Problem;
  }
  const value: unknown = response.status === 204 ? undefined : await response.json().catch(() => undefined);
  if (!response.ok) {
    throw value ?? ({ code: "unreachable", detail: `The node answered with status ${response.status}.`, remedy: "Try again in a moment.", status: response.status } satisfies Problem);
  }
  return value as T;
}

export async function loadSession(): Promise<Session> {
  const s = await ask("GET", "/session");
  setSession(s);
  return s;
}

export async function signOut() {
  await askAny("DELETE", "/session");
  // A page of somebody who is gone is to show nothing: everything is loaded anew.
  location.assign("/sign-in");
}
