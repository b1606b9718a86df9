import { describe, expect, it } from "vitest";
import { fragmentTimes } from "./fragment";

function box(type: string, ...contents: Uint8Array[]): Uint8Array {
  const size = 8 + contents.reduce((sum, part) => sum + part.length, 0);
  const out = new Uint8Array(size);
  new DataView(out.buffer).setUint32(0, size);
  out.set(new TextEncoder().encode(type), 4);
  let at = 8;
  for (const part of contents) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function words(...values: (number | bigint)[]): Uint8Array {
  const out = new Uint8Array(values.reduce<number>((sum, value) => sum + (typeof value === "bigint" ? 8 : 4), 0));
  const view = new DataView(out.buffer);
  let at = 0;
  for (const value of values) {
    if (typeof value === "bigint") view.setBigUint64(at, value);
    else view.setUint32(at, value >>> 0);
    at += typeof value === "bigint" ? 8 : 4;
  }
  return out;
}

const tfdt = (ticks: bigint) => box("tfdt", words(0x01000000, ticks));

describe("fragmentTimes", () => {
  it("reads durations, sizes and signed offsets per frame", () => {
    const run = box("trun", words(0x01000b01, 3, 100, 3600, 10, 7200, 3600, 10, -3600, 3600, 10, 0));
    const moof = box("moof", box("mfhd", words(0, 1)), box("traf", box("tfhd", words(0x020000, 1)), tfdt(5_000_000_000n), run));
    const part = new Uint8Array([...moof, ...box("mdat", words(1, 2))]);
    expect(fragmentTimes(part).shown).toEqual([5_000_007_200, 5_000_000_000, 5_000_007_200]);
  });

  it("uses the default duration", () => {
    const moof = box("moof", box("traf", box("tfhd", words(0x020008, 1, 6000)), tfdt(90n), box("trun", words(0, 2))));
    expect(fragmentTimes(moof).shown).toEqual([90, 6090]);
  });

  it("survives cut and garbage bytes", () => {
    const moof = box("moof", box("traf", box("tfhd", words(0x020008, 1, 6000)), tfdt(90n), box("trun", words(0, 2))));
    for (let cut = 0; cut < moof.length; cut += 1) fragmentTimes(moof.slice(0, cut));
    expect(fragmentTimes(new Uint8Array(64).fill(255)).shown).toEqual([]);
  });
});
