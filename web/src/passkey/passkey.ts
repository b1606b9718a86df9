// Passkeys: what the hub asks is handed to the browser, and the browser's answer back to the hub, as WebAuthn's JSON.

import { call, HubError, keepCsrf, type Session } from "../api";
import { confirmByCode } from "./code";

export interface Passkey {
  id: string;
  name: string;
  /** Kept in its maker's cloud, so that it is on several devices. */
  synced: boolean;
  added_us: number;
  used_us: number;
  /** It opened this very session. */
  this: boolean;
}

export interface Passkeys {
  passkeys: Passkey[];
  /** Why none can be added at this address; empty where one can. */
  why_not: string;
  advice: string;
}

export interface Question {
  id: string;
  options: Record<string, unknown>;
}

/** `by`: passkey, or code: in the demo, for who has no passkey. */
interface StepUpQuestion extends Question {
  by?: string;
}

interface Descriptor {
  id: string;
  type: "public-key";
}

export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (sign) => sign.charCodeAt(0));
}

export function toText(bytes: ArrayBuffer): string {
  const plain = String.fromCharCode(...new Uint8Array(bytes));
  return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/** Whether this browser, at this address, can hold passkeys at all: they need a name, and TLS or this very machine. */
export function possible(): boolean {
  return window.isSecureContext && "PublicKeyCredential" in window && !/^[\d.]+$|:/.test(location.hostname);
}

function descriptors(list: unknown): PublicKeyCredentialDescriptor[] {
  return ((list ?? []) as Descriptor[]).map((each) => ({ type: each.type, id: toBytes(each.id) }));
}

function encode(credential: PublicKeyCredential): Record<string, unknown> {
  const answer = credential.response;
  const response: Record<string, string> = { clientDataJSON: toText(answer.clientDataJSON) };
  if (answer instanceof AuthenticatorAttestationResponse) response.attestationObject = toText(answer.attestationObject);
  if (answer instanceof AuthenticatorAssertionResponse) {
    response.authenticatorData = toText(answer.authenticatorData);
    response.signature = toText(answer.signature);
    if (answer.userHandle) response.userHandle = toText(answer.userHandle);
  }
  const id = toText(credential.rawId);
  return { id, rawId: id, type: credential.type, response, clientExtensionResults: {} };
}

/** The browser's own words are for programmers; these are for the person at the screen. */
function inWords(problem: unknown): Error {
  const name = problem instanceof DOMException ? problem.name : "";
  if (name === "InvalidStateError") return new HubError(0, "passkey", "That one holds a passkey of yours already.", "Choose another device or key.");
  if (name === "NotAllowedError" || name === "AbortError")
    return new HubError(0, "passkey", "The passkey was not used.", "It was called off, or took too long. Try again.");
  if (name === "SecurityError") return new HubError(0, "passkey", "Passkeys do not work at this address.", "Open the control room by its name.");
  return problem instanceof Error ? problem : new Error(String(problem));
}

async function make(options: Record<string, unknown>): Promise<Record<string, unknown>> {
  const user = options.user as { id: string; name: string; displayName: string };
  try {
    const made = await navigator.credentials.create({
      publicKey: {
        ...(options as unknown as PublicKeyCredentialCreationOptions),
        challenge: toBytes(options.challenge as string),
        user: { ...user, id: toBytes(user.id) },
        excludeCredentials: descriptors(options.excludeCredentials),
      },
    });
    return encode(made as PublicKeyCredential);
  } catch (problem) {
    throw inWords(problem);
  }
}

async function use(options: Record<string, unknown>): Promise<Record<string, unknown>> {
  try {
    const used = await navigator.credentials.get({
      publicKey: {
        ...(options as unknown as PublicKeyCredentialRequestOptions),
        challenge: toBytes(options.challenge as string),
        allowCredentials: descriptors(options.allowCredentials),
      },
    });
    return encode(used as PublicKeyCredential);
  } catch (problem) {
    throw inWords(problem);
  }
}

export async function signInWithPasskey(): Promise<Session> {
  const question = await call<Question>("POST", "/api/session/passkey/begin");
  const credential = await use(question.options);
  return keepCsrf(call<Session>("POST", "/api/session/passkey", { id: question.id, credential }));
}

/** A question that came with another way in, answered at `address`. */
export async function answerWithPasskey(address: string, question: Question): Promise<Session> {
  const credential = await use(question.options);
  return keepCsrf(call<Session>("POST", address, { id: question.id, credential }));
}

/** Does `work`; where the hub wants it confirmed, has the person confirm exactly what the hub names, and does it again. */
export async function withStepUp<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (problem) {
    if (!(problem instanceof HubError) || problem.code !== "step_up_needed" || !problem.act) throw problem;
    const act = problem.act;
    const begin = () => call<StepUpQuestion>("POST", "/api/step-up/begin", { act });
    const question = await begin();
    if (question.by === "code") await confirmByCode(question.id, begin);
    else await call("POST", "/api/step-up/finish", { id: question.id, credential: await use(question.options) });
    return work();
  }
}

export async function addPasskey(name: string): Promise<Passkey> {
  const question = await withStepUp(() => call<Question>("POST", "/api/passkeys/begin"));
  const credential = await make(question.options);
  return call<Passkey>("POST", "/api/passkeys", { id: question.id, credential, name });
}

export const passkeys = () => call<Passkeys>("GET", "/api/passkeys");

export const removePasskey = (id: string) =>
  withStepUp(() => call<void>("DELETE", `/api/passkeys/${encodeURIComponent(id)}`));

export const renamePasskey = (id: string, name: string) =>
  call<void>("PUT", `/api/passkeys/${encodeURIComponent(id)}`, { name });
