import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { json } from "@/api/http";

// What the sandbox answers under /sandbox: docs/guide/sandbox.md. A node of its own has none of it.

export interface Node {
  name: string;
  kind: "carrier" | "validator";
  carrier?: string;
  state: "running" | "starting" | "stopped";
  height: number;
  peers?: number;
  since: string;
  problem?: string;
  damaged?: boolean;
}

export interface State {
  nodes: Node[];
  links: { a: string; b: string; cut: boolean }[];
  faults: { at: string; what: string; by: string; note: string }[] | null;
  traffic: { between: [string, string]; calls_per_second: number; calls: number; period: string };
  seed: number;
}

export interface News {
  kind: string;
  carrier?: string;
  at: string;
  text: string;
}

const key = ["sandbox", "state"];

export function useSandboxState() {
  return useQuery({ queryKey: key, queryFn: () => json<State>("GET", "/sandbox/state"), refetchInterval: 2000 });
}

// useDamages gives what of a node's store can be damaged.
export function useDamages(name: string) {
  return useQuery({ queryKey: ["sandbox", "damages"], meta: { still: true }, queryFn: () => json<{ kinds: { kind: string; note: string }[] }>("GET", `/sandbox/nodes/${encodeURIComponent(name)}/corrupt`) });
}

// useAct does something to the sandbox; it answers with the state that is then.
export function useAct() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ path, body }: { path: string; body?: object }) => json<State>("POST", `/sandbox/${path}`, body ?? {}, { "X-Sandbox": "1" }),
    onSuccess: (state) => cache.setQueryData(key, state),
  });
}

// Arrival is a carrier that was added, and where its administrator signs in, once.
export interface Arrival {
  carrier: string;
  name: string;
  address: string;
  sign_in: string;
}

// useAdd starts the node of one more carrier, which is no member of the network yet.
export function useAdd() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: { code: string; name: string }) => json<Arrival>("POST", "/sandbox/carriers", body, { "X-Sandbox": "1" }),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["sandbox"] }),
  });
}

const kept = 200;

// useNews follows what the system does, newest first.
export function useNews(): { news: News[]; connected: boolean } {
  const [news, set] = useState<News[]>([]);
  const [connected, setConnected] = useState(false);
  useEffect(() => {
    const source = new EventSource("/sandbox/events");
    const take = (m: MessageEvent<string>) => {
      const n = JSON.parse(m.data) as News;
      set((old) => [n, ...old].slice(0, kept));
    };
    source.onopen = () => setConnected(true);
    source.onerror = () => setConnected(false);
    source.onmessage = take;
    source.addEventListener("news", take);
    return () => source.close();
  }, []);
  return { news, connected };
}
