// inside gives an address of the portal itself: where a link leads is somebody else's word.
export function inside(then: unknown): string {
  if (typeof then !== "string" || !/^\/(?![/\\])/.test(then) || then.startsWith("/sign-in")) return "/";
  return then;
}
