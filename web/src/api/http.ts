import { closed, keyOf, takesKey } from "./once";
import type { Problem } from "./problem";
import { answered, pauseOf, unanswered, waited } from "./reach";
import { csrf, reauthenticate } from "./session";

// call is fetch with what every request of the portal needs: the session's token against
// forged requests; signing in again, in place, when the session has ended; and an answer
// that is a Problem even where the node could not be reached. A change that its operation
// can tell from another one is sent again when its answer was lost.
export async function call(input: Request): Promise<Response> {
  if (!takesKey(input.method, new URL(input.url).pathname)) return signed(input);
  const change = `${input.method} ${input.url} ${await input.clone().text()}`;
  if (!input.headers.has("Idempotency-Key")) input.headers.set("Idempotency-Key", keyOf(change)); // a form may have chosen one
  for (let tried = 0; ; tried++) {
    const response = await signed(input.clone());
    if (!lost(response)) {
      closed(change);
      return response;
    }
    if (tried >= tries) return response;
    await new Promise((r) => setTimeout(r, pauseOf(tried)));
  }
}

// tries is how often a change whose answer was lost is sent again: for a minute, about.
const tries = 6;

// signed sends a request, once more when its person had to sign in again.
async function signed(input: Request): Promise<Response> {
  // A body can be read once only: what may have to be sent again is kept.
  const again = input.clone();
  const response = await send(input);
  if (response.status !== 401) return response;
  if (!(await reauthenticate())) return response;
  return send(again);
}

// lost reports whether nobody knows if the node has taken a request.
const lost = (r: Response) => r.status === 502 || r.status === 503 || r.status === 504;

async function send(request: Request): Promise<Response> {
  const token = csrf();
  const reads = ["GET", "HEAD"].includes(request.method);
  if (token && !reads) request.headers.set("X-CSRF-Token", token);
  const done = reads ? waited() : () => {};
  try {
    const response = await fetch(request);
    if (lost(response)) unanswered();
    else answered();
    return response;
  } catch (err) {
    if (err instanceof DOMException && err.name === "AbortError") throw err;
    unanswered();
    const problem: Problem = reads
      ? { code: "unreachable", detail: "The node does not answer.", remedy: "It is asked again by itself. If this stays, ask whoever runs the node.", status: 503 }
      : { code: "unreachable", detail: "The node did not answer: whether this was done is not known.", remedy: "What you filled in is still here. When the node answers again, see whether it was done before you send it once more.", status: 503 };
    return new Response(JSON.stringify(problem), { status: 503, headers: { "Content-Type": "application/problem+json" } });
  } finally {
    done();
  }
}

// json asks an address outside of the OpenAPI document, and throws a Problem.
export async function json<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
  const response = await call(
    new Request(new URL(path, location.origin), {
      method,
      headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    }),
  );
  const text = await response.text();
  let value: unknown;
  try {
    value = text ? JSON.parse(text) : undefined;
  } catch {
    value = undefined;
  }
  if (!response.ok) {
    throw value ?? { code: "unreachable", detail: `The node answered with status ${response.status}.`, remedy: "Try again in a moment.", status: response.status };
  }
  return value as T;
}
