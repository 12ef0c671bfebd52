import type { Schema } from "@/api/client";

// patience is how long a partner may owe an answer until that is worth a word: a block
// is always under way.
const patience = 10_000;

// silent gives the channels whose partner has owed an answer for a while, at a time.
export function silent<T extends Pick<Schema<"Bilateral">, "unanswered_since">>(all: T[], at: string): T[] {
  return all.filter((b) => b.unanswered_since && Date.parse(at) - Date.parse(b.unanswered_since) > patience);
}
