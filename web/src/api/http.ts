import type { Problem } from "./problem";
import { csrf, reauthenticate } from "./session";

// call is fetch with what every request of the portal needs: the session's token against
// forged requests; signing in again, in place, when the session has ended; and an answer
// that is a Problem even where the node could not be reached.
export async function call(input: Request): Promise<Response> {
  // A body can be read once only: what may have to be sent again is kept.
  const again = input.clone();
  const response = await send(input);
  if (response.status !== 401) return response;
  if (!(await reauthenticate())) return response;
  return send(again);
}

async function send(request: Request): Promise<Response> {
  const token = csrf();
  if (token && !["GET", "HEAD"].includes(request.method)) request.headers.set("X-CSRF-Token", token);
  try {
    return await fetch(request);
  } catch (err) {
    if (err instanceof DOMException && err.name === "AbortError") throw err;
    const problem: Problem = {
      code: "unreachable",
      detail: "The node does not answer.",
      remedy: "It is asked again by itself. If this stays, ask whoever runs the node.",
      status: 503,
    };
    return new Response(JSON.stringify(problem), { status: 503, headers: { "Content-Type": "application/problem+json" } });
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
