import { expect, test } from "vitest";
import { toBytes, toText } from "./passkey";

test("bytes survive as base64url without padding", () => {
  for (let length = 0; length < 70; length++) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 37 + length * 101) % 256);
    const text = toText(bytes.buffer);
    expect(text).toMatch(/^[A-Za-z0-9_-]*$/);
    expect(toBytes(text)).toEqual(bytes);
  }
});
