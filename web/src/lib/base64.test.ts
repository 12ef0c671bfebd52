import { expect, it } from "vitest";

import { base64, plain } from "./base64";

it("reads what is written in base64, and leaves what is no text as it came", () => {
  expect(plain("eyJhIjoiw7wifQ==")).toBe('{"a":"ü"}');
  expect(plain("/////w==")).toBe("/////w==");
  expect(plain("no base64!")).toBe("no base64!");
});

it("writes bytes in base64", () => {
  expect(base64(new Uint8Array([0, 255, 16]).buffer)).toBe("AP8Q");
  expect(base64(new ArrayBuffer(0))).toBe("");
});
