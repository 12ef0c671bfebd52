import { queries, type Schema } from "@/api/client";

// Asked is an inquiry with what came back. The node keeps no list of them: what came back
// stays in this window until it is closed or loaded anew.
export interface Asked {
  inquiry: Schema<"Inquire">;
  at: string;
  answer: Schema<"Inquired">;
}

const all = ["inquiries"];

export function keep(a: Asked) {
  queries.setQueryDefaults(all, { gcTime: Infinity, staleTime: Infinity, meta: { still: true } });
  queries.setQueryData<Asked[]>(all, (before) => [a, ...(before ?? []).filter((b) => b.answer.id !== a.answer.id)].slice(0, 50));
}

export function kept(): Asked[] {
  return queries.getQueryData<Asked[]>(all) ?? [];
}
