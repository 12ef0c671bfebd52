import { useEffect, useState } from "react";

import type { Answers, Ask } from "./worker";

// Reading is a worker that one asks things of.
export class Reading {
  private readonly worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  private readonly waiting = new Map<number, { done: (v: never) => void; failed: (err: Error) => void; progress?: (share: number) => void }>();
  private last = 0;

  constructor() {
    this.worker.onmessage = ({ data }: MessageEvent<{ id: number; value?: never; error?: string; share?: number }>) => {
      const w = this.waiting.get(data.id);
      if (!w) return;
      if (data.share !== undefined) return w.progress?.(data.share);
      this.waiting.delete(data.id);
      if (data.error !== undefined) w.failed(new Error(data.error));
      else w.done(data.value as never);
    };
    this.worker.onerror = (e) => {
      for (const w of this.waiting.values()) w.failed(new Error(e.message || "the file could not be read"));
      this.waiting.clear();
    };
  }

  ask<K extends Ask["do"]>(ask: Extract<Ask, { do: K }>, progress?: (share: number) => void): Promise<Answers[K]> {
    const id = ++this.last;
    return new Promise((done, failed) => {
      this.waiting.set(id, { done: done as (v: never) => void, failed, progress });
      this.worker.postMessage({ id, ask });
    });
  }

  end() {
    this.worker.terminate();
  }
}

// useReading gives a worker for as long as the page is shown.
export function useReading(): Reading | undefined {
  const [reading, set] = useState<Reading>();
  useEffect(() => {
    const r = new Reading();
    set(r);
    return () => r.end();
  }, []);
  return reading;
}
