// Problem is how every error of the API looks: what happened, and what to do next.
export interface Problem {
  code: string;
  detail: string;
  remedy?: string;
  field?: string;
  status: number;
  trace_id?: string;
}

export function isProblem(v: unknown): v is Problem {
  return typeof v === "object" && v !== null && typeof (v as Problem).code === "string" && typeof (v as Problem).detail === "string";
}

// problemOf gives anything thrown as a Problem.
export function problemOf(v: unknown): Problem {
  if (isProblem(v)) return v;
  const detail = v instanceof Error ? v.message : String(v);
  return { code: "page-failed", detail, remedy: "Load the page again. If it comes back, report it with what you did.", status: 0 };
}

// passing reports whether the same request may well succeed a little later.
export function passing(p: Problem): boolean {
  return p.status === 0 || p.status === 429 || p.status >= 502;
}
