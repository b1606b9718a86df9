// The state of a review in the address bar, so that a link shows a colleague exactly this.

import { DAY, HOUR, SECOND } from "../time";
import { clampSpan } from "./timescale";

export interface Address {
  cameras: string[] | null;
  at: number | null;
  span: number | null;
  in: number | null;
  out: number | null;
  detail: boolean;
}

function moment(text: string | null): number | null {
  if (!text) return null;
  const ms = Date.parse(text);
  return Number.isFinite(ms) ? ms * 1000 : null;
}

/** Down, as clocks show it: an access that was asked for the marks as shown covers them when they come back. */
const iso = (us: number): string => new Date(Math.floor(us / 1000)).toISOString();

export function readAddress(params: URLSearchParams): Address {
  const cameras = params.get("cameras");
  const span = Number(params.get("span"));
  return {
    cameras: cameras ? cameras.split(",").filter(Boolean) : null,
    at: moment(params.get("at")),
    span: span > 0 ? clampSpan(span * SECOND) : null,
    in: moment(params.get("in")),
    out: moment(params.get("out")),
    detail: params.get("detail") === "full",
  };
}

export function writeAddress(state: {
  cameras: string[];
  at: number;
  span: number;
  in: number | null;
  out: number | null;
  detail: boolean;
}): URLSearchParams {
  const params = new URLSearchParams();
  params.set("cameras", state.cameras.join(","));
  params.set("at", iso(state.at));
  params.set("span", String(Math.round(state.span / (SECOND / 10)) / 10));
  if (state.in !== null) params.set("in", iso(state.in));
  if (state.out !== null) params.set("out", iso(state.out));
  if (state.detail) params.set("detail", "full");
  return params;
}

export const FIRST_SPAN = 2 * HOUR;
export const WHOLE_DAY = DAY;
