import { beforeAll, describe, expect, it } from "vitest";
import type { EntryProof } from "./audit";
import { filtersOf } from "./audit";
import { checkProof, toHex, Wrong } from "./proof";

// A log of three entries, made here by the formats' own words, with one witness.
const utf8 = new TextEncoder();
const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const sha = async (...parts: Uint8Array[]) => new Uint8Array(await crypto.subtle.digest("SHA-256", join(...parts)));
const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));

async function makeKey(name: string | null, kind: number) {
  const pair = (await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"])) as CryptoKeyPair;
  const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const named = name ?? `belvedere/log/${toHex(await sha(raw)).slice(0, 16)}`;
  const id = (await sha(utf8.encode(`${named}\n`), Uint8Array.of(kind), raw)).slice(0, 4);
  const line = `${named}+${toHex(id)}+${base64(join(Uint8Array.of(kind), raw))}`;
  const sign = async (words: string) => new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, pair.privateKey, utf8.encode(words)));
  return { name: named, id, line, sign };
}

let good: EntryProof;
let other: Awaited<ReturnType<typeof makeKey>>;

beforeAll(async () => {
  const hub = await makeKey(null, 1);
  const witness = await makeKey("site.example/main", 4);
  other = await makeKey(null, 1);
  const records = [0, 1, 2].map((index) => JSON.stringify({ actor: "a", facts: {}, index, kind: "view.live", time_us: index }));
  const salts = records.map((_, index) => new Uint8Array(32).fill(index + 1));
  const entries = await Promise.all(records.map((record, index) => sha(salts[index] as Uint8Array, utf8.encode(record))));
  const leaves = await Promise.all(entries.map((entry) => sha(Uint8Array.of(0), entry)));
  const [a, b, c] = leaves as [Uint8Array, Uint8Array, Uint8Array];
  const left = await sha(Uint8Array.of(1), a, b);
  const root = await sha(Uint8Array.of(1), left, c);
  const text = `${hub.name}\n3\n${base64(root)}\n`;
  const stamp = new Uint8Array(8);
  new DataView(stamp.buffer).setBigUint64(0, 1780000000n);
  const cosigned = await witness.sign(`cosignature/v1\ntime 1780000000\n${text}`);
  const lines = [
    `— ${hub.name} ${base64(join(hub.id, await hub.sign(text)))}`,
    `— ${witness.name} ${base64(join(witness.id, stamp, cosigned))}`,
    `— stranger.example ${base64(new Uint8Array(76))}`,
  ];
  good = {
    format: 1,
    index: 1,
    record: records[1] as string,
    salt: toHex(salts[1] as Uint8Array),
    entry: toHex(entries[1] as Uint8Array),
    path: [toHex(a), toHex(c)],
    checkpoint: `${text}\n${lines.join("\n")}\n`,
    key: hub.line,
    witnesses: `${witness.line}\n`,
    witnessed: true,
  };
});

describe("a proof checked in the browser", () => {
  it("holds, and says who signed", async () => {
    const shown = await checkProof(good, 1);
    expect(shown).toMatchObject({ size: 3, erased: false, strangers: ["stranger.example"] });
    expect(shown.witnesses).toEqual([{ name: "site.example/main", time_s: 1780000000 }]);
  });

  it("of an erased entry shows that something stood there", async () => {
    expect((await checkProof({ ...good, record: "", salt: "" }, 1)).erased).toBe(true);
  });

  it.each<[string, (proof: EntryProof) => Partial<EntryProof>]>([
    ["another record", (proof) => ({ record: proof.record.replace("view.live", "view.none") })],
    ["the record of another entry", (proof) => ({ record: proof.record.replace('"index":1', '"index":2') })],
    ["another salt", () => ({ salt: "00".repeat(32) })],
    ["another place", () => ({ index: 2 })],
    ["a shorter path", (proof) => ({ path: proof.path.slice(1) })],
    ["a longer path", (proof) => ({ path: [...proof.path, proof.path[0] as string] })],
    ["a swapped path", (proof) => ({ path: [...proof.path].reverse() })],
    ["another root", (proof) => ({ checkpoint: proof.checkpoint.replace("\n3\n", "\n4\n") })],
    ["another key", () => ({ key: other.line })],
    ["no signature", (proof) => ({ checkpoint: proof.checkpoint.split("\n\n")[0] + "\n" })],
    ["a cosignature of another time", (proof) => ({ checkpoint: proof.checkpoint.replace(/(site\.example\/main )(.{12})(.)/, (_, a: string, b: string, c: string) => a + b + (c === "A" ? "B" : "A")) })],
    ["an emptied entry of another hash", () => ({ record: "", salt: "", entry: "11".repeat(32) })],
    ["hex that is none", () => ({ salt: "zz" })],
  ])("refuses %s", async (_, change) => {
    await expect(checkProof({ ...good, ...change(good) }, 1)).rejects.toThrow(Wrong);
  });
});

it("takes its own filters from an address and nothing else", () => {
  expect(filtersOf(new URLSearchParams("kind=view.live&refused=true&entry=7&x=1&camera="))).toEqual({ kind: "view.live", refused: "true" });
});
