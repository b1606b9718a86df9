// Who is called about recording faults, as the hub tells it. Minutes of the day are local to the hub's time zone.

import { call } from "../api";

export type Channel = "email" | "webhook" | "sms";

export interface Hours {
  days: number[];
  from_minute: number;
  to_minute: number;
}

export interface Contact {
  name: string;
  channel: Channel;
  address: string;
  hours: Hours;
  first_day: string | null;
  last_day: string | null;
}

export interface Step {
  contacts: Contact[];
  wait_minutes: number;
}

export interface Plan {
  on: boolean;
  kinds: string[];
  stands_minutes: number;
  again_minutes: number;
  rounds: number;
  office: Hours;
  closed_days: string[];
  in_office_hours: boolean;
  steps: Step[];
}

export interface PlanSet {
  version: number;
  plan: Plan;
  set_by: string;
  set_us: number;
  channels: Channel[];
  time_zone: string;
  kinds: { kind: string; title: string }[];
  silent: boolean;
  on_now: string[];
}

export interface Sent {
  what: "call" | "taken" | "over";
  name: string;
  channel: Channel;
  state: "waiting" | "sent" | "failed" | "dropped";
  round: number;
  step: number;
  tries: number;
  made_us: number;
  done_us: number | null;
  fault: string;
}

export interface Called {
  id: string;
  site: string;
  test: boolean;
  state: "asked" | "calling" | "answered" | "unanswered" | "over";
  round: number;
  step: number;
  asked_by: string;
  opened_us: number;
  answered_us: number | null;
  answered_by: string;
  answered_how: string;
  over_us: number | null;
  faults: string[];
  messages: Sent[];
}

export const paging = {
  plan: () => call<PlanSet>("GET", "/api/paging"),
  put: (version: number, plan: Plan) => call<PlanSet>("PUT", "/api/paging", { version, plan }),
  test: () => call<{ id: string }>("POST", "/api/paging/test"),
  pages: () => call<{ now_us: number; on: boolean; pages: Called[] }>("GET", "/api/pages"),
  answer: (id: string) => call<Called>("POST", `/api/pages/${encodeURIComponent(id)}/answer`),
};

export const MAY_SET = ["manager", "administrator"];
export const MAY_ANSWER = ["operator", "supervisor", "manager", "installer", "administrator"];
export const WAYS: Record<Channel, string> = { email: "E-mail", webhook: "Webhook", sms: "SMS" };
export const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
export const EVERY_DAY: Hours = { days: [0, 1, 2, 3, 4, 5, 6], from_minute: 0, to_minute: 0 };

/** Minutes of the day as a field holds them, 18:30. */
export const toClock = (minute: number): string => `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;

/** The other way; null for what is no time. */
export function fromClock(text: string): number | null {
  const match = /^(\d{2}):(\d{2})/.exec(text);
  return match ? Number(match[1]) * 60 + Number(match[2]) : null;
}

/** Hours in words: Mon to Fri, 18:00 to 08:00. */
export function hoursInWords(hours: Hours): string {
  const days = [...hours.days].sort((a, b) => a - b);
  const run = days.length > 2 && days.every((day, at) => at === 0 || day === (days[at - 1] ?? 0) + 1);
  const names = days.map((day) => DAYS[day] ?? "");
  const when = days.length === 7 ? "every day" : days.length === 0 ? "never" : run ? `${names[0]} to ${names.at(-1)}` : names.join(", ");
  return hours.from_minute === hours.to_minute ? when : `${when}, ${toClock(hours.from_minute)} to ${toClock(hours.to_minute)}`;
}

const STATES: Record<Sent["state"], string> = { waiting: "not sent yet", sent: "sent", failed: "could not be sent", dropped: "not needed any more" };
const WHAT: Record<Sent["what"], string> = { call: "called", taken: "told who took it", over: "told that it is over" };

/** One message in words: Ann called by e-mail. */
export function sentInWords(sent: Sent): string {
  const words = `${sent.name} ${WHAT[sent.what]} by ${sent.channel === "sms" ? "SMS" : sent.channel === "email" ? "e-mail" : "webhook"}`;
  return sent.state === "sent" ? words : `${words}: ${STATES[sent.state]}${sent.fault ? `. ${sent.fault}` : ""}`;
}
