// The council's account: the provider sends the browser back to /council with an answer, which this page posts to the hub.

import { call, keepCsrf, type Session } from "../api";
import { answerWithPasskey, type Question } from "../passkey/passkey";

export const RETURN_PATH = "/council";

export interface Answer {
  state: string;
  code: string;
  iss: string;
  error: string;
}

interface Entry {
  session: Session | null;
  question: Question | null;
}

/** What the provider sent the browser back with, null at any other address. */
export function answerIn(place: { pathname: string; search: string }): Answer | null {
  const told = new URLSearchParams(place.search);
  const state = told.get("state");
  if (place.pathname !== RETURN_PATH || !state) return null;
  const word = (name: string) => told.get(name) ?? "";
  return { state, code: word("code"), iss: word("iss"), error: word("error") };
}

/** The same, once: afterwards the address no longer shows it, and the history no longer keeps it. */
export function takeAnswer(): Answer | null {
  const answer = answerIn(location);
  if (answer) history.replaceState(null, "", "/");
  return answer;
}

export const offered = () => call<{ configured: boolean }>("GET", "/api/session/council");

/** Leaves for the provider's page. */
export async function leave(): Promise<void> {
  const { url } = await call<{ url: string }>("POST", "/api/session/council/begin");
  location.assign(url);
}

export async function comeBack(answer: Answer): Promise<Entry> {
  const entry = await call<Entry>("POST", "/api/session/council", answer);
  if (entry.session) await keepCsrf(Promise.resolve(entry.session));
  return entry;
}

export const confirm = (question: Question) => answerWithPasskey("/api/session/council/passkey", question);
