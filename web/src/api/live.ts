import { useEffect, useSyncExternalStore } from "react";

import { queries } from "./client";
import { pacer } from "./pace";
import { onBack, pauseOf, unanswered } from "./reach";
import { useMay, useSession } from "./session";

// Event is one of the node's: what happened on a Bilateral, or on the Omnilateral.
export interface Event {
  id: string;
  kind: string;
  partner?: string; // absent: on the Omnilateral
  subject: string;
  height: number;
  time: string;
  command: string;
  detail?: string;
}

type State = "wait" | "on" | "off";

let state: State = "wait";
const watchers = new Set<() => void>();
const listeners = new Set<(e: Event) => void>();

function set(next: State) {
  if (state === next) return;
  state = next;
  for (const w of watchers) w();
}

export function useLiveState(): State {
  return useSyncExternalStore(
    (w) => {
      watchers.add(w);
      return () => void watchers.delete(w);
    },
    () => state,
  );
}

// useEvents calls f for each event as it happens.
export function useEvents(f: (e: Event) => void) {
  useEffect(() => {
    listeners.add(f);
    return () => void listeners.delete(f);
  }, [f]);
}

// What is shown is asked again after something has happened, at most once in so many
// milliseconds: many events come together. A page that nobody sees waits until it is seen.
const pause = 700;

// useLive follows everything that happens at the node, by one stream of server-sent events.
// A browser connects again by itself where a stream breaks off, but not where it is
// refused: then it is opened anew here, behind the last event that was read.
export function useLive() {
  const may = useMay()("stream-all-events");
  const who = useSession()?.csrf; // another session, another stream
  useEffect(() => {
    if (!may) return;
    const { ask, stop } = pacer(() => queries.invalidateQueries({ predicate: (q) => q.meta?.still !== true }), pause);
    let unseen = false;
    const stale = () => {
      if (document.hidden) unseen = true;
      else ask();
    };
    const shown = () => {
      if (unseen && !document.hidden) ask();
      unseen &&= document.hidden;
    };
    document.addEventListener("visibilitychange", shown);
    let source: EventSource;
    let last = "";
    let tried = 0;
    let again: ReturnType<typeof setTimeout> | undefined;
    let was = false;
    const open = () => {
      clearTimeout(again);
      source = new EventSource(last ? `/v1/events?after=${encodeURIComponent(last)}` : "/v1/events");
      source.onopen = () => {
        tried = 0;
        set("on");
        if (was) stale(); // what happened meanwhile
        was = true;
      };
      source.onerror = () => {
        set("off");
        unanswered();
        if (source.readyState === EventSource.CLOSED) again = setTimeout(open, pauseOf(tried++));
      };
      source.addEventListener("event", (m) => {
        const message = m as MessageEvent<string>;
        last = message.lastEventId || last;
        const e = JSON.parse(message.data) as Event;
        for (const l of listeners) l(e);
        stale();
      });
    };
    open();
    const back = onBack(() => {
      if (source.readyState === EventSource.CLOSED) open();
    });
    return () => {
      back();
      clearTimeout(again);
      stop();
      document.removeEventListener("visibilitychange", shown);
      source.close();
      set("wait");
    };
  }, [may, who]);
}
