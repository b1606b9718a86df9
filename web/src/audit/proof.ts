// A proof checked in this browser, by WebCrypto, without the hub: RFC 6962 trees; C2SP signed-note, tlog-checkpoint,
// tlog-cosignature. What is right is told as facts; the first thing wrong is thrown.

import type { EntryProof } from "./audit";

export class Wrong extends Error {}

export interface Shown {
  size: number;
  origin: string;
  /** Hex of the hub's key that was used. */
  key: string;
  witnesses: { name: string; time_s: number }[];
  /** Cosigned by somebody whose key is not known here. */
  strangers: string[];
  erased: boolean;
}

const utf8 = new TextEncoder();
type Bytes = Uint8Array<ArrayBuffer>;

function join(...parts: Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, at) => byte === b[at]);
export const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

function fromHex(text: string, what: string): Bytes {
  if (!/^(?:[0-9a-f]{2})*$/.test(text)) throw new Wrong(`${what} is not hex.`);
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function fromBase64(text: string, what: string): Bytes {
  let plain: string;
  try {
    plain = atob(text);
  } catch {
    throw new Wrong(`${what} is not base64.`);
  }
  if (btoa(plain) !== text) throw new Wrong(`${what} is not spelled the one right way.`);
  return Uint8Array.from(plain, (sign) => sign.charCodeAt(0));
}

async function sha256(...parts: Uint8Array[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", join(...parts)));
}

const leafHash = (entry: Uint8Array) => sha256(Uint8Array.of(0), entry);
const nodeHash = (left: Uint8Array, right: Uint8Array) => sha256(Uint8Array.of(1), left, right);

/** The root that a path leads to from leaf `m` of `n` (RFC 6962, 2.1.1, read backwards). */
async function rootByPath(leaf: Bytes, m: number, n: number, path: Bytes[]): Promise<Bytes> {
  if (n === 1) {
    if (path.length) throw new Wrong("The proof has more hashes than it should.");
    return leaf;
  }
  const last = path[path.length - 1];
  if (!last) throw new Wrong("The proof has fewer hashes than it should.");
  let k = 1;
  while (k * 2 < n) k *= 2;
  const rest = path.slice(0, -1);
  return m < k ? nodeHash(await rootByPath(leaf, m, k, rest), last) : nodeHash(last, await rootByPath(leaf, m - k, n - k, rest));
}

const SIGNATURE = 1;
const COSIGNATURE = 4;

interface Key {
  name: string;
  kind: number;
  key: Bytes;
  id: Bytes;
}

/** A line of name+id+base64(kind, key). */
async function readKey(line: string): Promise<Key> {
  const parts = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(line.trim());
  if (!parts?.[1] || !parts[3]) throw new Wrong("A key can't be read.");
  const blob = fromBase64(parts[3], "A key");
  const kind = blob[0] ?? 0;
  const key = blob.slice(1);
  const id = (await sha256(utf8.encode(`${parts[1]}\n`), blob)).slice(0, 4);
  if (key.length !== 32 || toHex(id) !== parts[2]) throw new Wrong("A key does not belong to its name.");
  return { name: parts[1], kind, key, id };
}

async function signed(key: Bytes, signature: Bytes, message: Bytes): Promise<boolean> {
  const verifier = await crypto.subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
  return crypto.subtle.verify({ name: "Ed25519" }, verifier, signature, message);
}

interface Signature {
  name: string;
  id: Bytes;
  blob: Bytes;
}

function readNote(note: string): { text: string; signatures: Signature[] } {
  const cut = note.lastIndexOf("\n\n");
  const tail = note.slice(cut + 2);
  if (cut < 0 || !tail.endsWith("\n")) throw new Wrong("The checkpoint has no signature, or is cut short.");
  const signatures = tail
    .slice(0, -1)
    .split("\n")
    .map((line) => {
      const parts = /^— (\S+) (\S+)$/u.exec(line);
      if (!parts?.[1] || !parts[2]) throw new Wrong("A signature line of the checkpoint is malformed.");
      const blob = fromBase64(parts[2], "A signature");
      if (blob.length < 5) throw new Wrong("A signature is too short.");
      return { name: parts[1], id: blob.slice(0, 4), blob: blob.slice(4) };
    });
  return { text: note.slice(0, cut + 1), signatures };
}

/** Whether this browser, at this address, can check signatures at all. */
export const canCheck = (): boolean => globalThis.isSecureContext !== false && Boolean(globalThis.crypto?.subtle);

/** Check one proof. Throws Wrong with the first thing that is. */
export async function checkProof(proof: EntryProof, expectedIndex: number): Promise<Shown> {
  const hub = await readKey(proof.key);
  const origin = `belvedere/log/${toHex(await sha256(hub.key)).slice(0, 16)}`;
  if (hub.kind !== SIGNATURE || hub.name !== origin) throw new Wrong("This is not the key of a Belvedere hub's log.");
  const note = readNote(proof.checkpoint);
  const lines = note.text.split("\n");
  if (lines[0] !== origin) throw new Wrong("The checkpoint is of another log.");
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(lines[1] ?? "")) throw new Wrong("The checkpoint's size is no number.");
  const size = Number(lines[1]);
  const root = fromBase64(lines[2] ?? "", "The root");
  const own = note.signatures.filter((each) => each.name === origin && same(each.id, hub.id));
  if (!own.length) throw new Wrong("The checkpoint is not signed with the hub's key.");
  for (const each of own)
    if (each.blob.length !== 64 || !(await signed(hub.key, each.blob, utf8.encode(note.text))))
      throw new Wrong("The checkpoint is not what the hub signed: the signature does not hold.");

  if (proof.index !== expectedIndex || !Number.isSafeInteger(proof.index) || proof.index < 0 || proof.index >= size)
    throw new Wrong("The proof is of another entry.");
  const erased = proof.record === "" && proof.salt === "";
  let leaf: Bytes;
  if (erased) leaf = await leafHash(fromHex(proof.entry, "The entry"));
  else {
    const words = JSON.parse(proof.record) as { index?: unknown };
    if (words.index !== proof.index) throw new Wrong("The record is that of another entry.");
    leaf = await leafHash(await sha256(fromHex(proof.salt, "The salt"), utf8.encode(proof.record)));
  }
  const path = proof.path.map((part) => fromHex(part, "A hash of the proof"));
  if (!same(await rootByPath(leaf, proof.index, size, path), root)) throw new Wrong("This record is not in the log that the hub signed.");

  const known = await Promise.all(proof.witnesses.split("\n").filter(Boolean).map(readKey));
  const shown: Shown = { size, origin, key: toHex(hub.key), witnesses: [], strangers: [], erased };
  const clock = (await sha256(utf8.encode(`${origin}\n`), Uint8Array.of(COSIGNATURE), hub.key)).slice(0, 4);
  for (const each of note.signatures) {
    if (each.name === origin && (same(each.id, hub.id) || same(each.id, clock))) continue;
    const witness = known.find((one) => one.kind === COSIGNATURE && one.name === each.name && same(one.id, each.id));
    if (!witness) {
      shown.strangers.push(each.name);
      continue;
    }
    if (each.blob.length !== 72) throw new Wrong(`The signature of witness ${each.name} has a wrong length.`);
    const time = new DataView(each.blob.buffer, each.blob.byteOffset, 8).getBigUint64(0);
    const message = utf8.encode(`cosignature/v1\ntime ${time}\n${note.text}`);
    if (!(await signed(witness.key, each.blob.slice(8), message))) throw new Wrong(`The signature of witness ${each.name} does not hold.`);
    shown.witnesses.push({ name: each.name, time_s: Number(time) });
  }
  return shown;
}
