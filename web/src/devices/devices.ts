// ONVIF devices as the hub tells them. Every `*_us` is an integer of microseconds, UTC.

import { call, query } from "../api";
import type { Speeds } from "./mover";

export interface DeviceNow {
  camera: string;
  state: "connecting" | "watching" | "waiting" | "denied";
  message: string;
  manufacturer: string;
  model: string;
  firmware: string;
  serial: string;
  ptz: boolean;
  events: boolean;
  archive: boolean;
  clock_error_us: number | null;
  clock_uncertainty_us: number;
  clock_seen_us: number;
  dropped_events: number;
  /** Who moves it now, "" nobody; `free_us` is when others may, if the holder does nothing more. */
  holder: string;
  mine: boolean;
  free_us: number;
}

export interface DeviceEvent {
  kind: "motion" | "tamper" | "input";
  source: string;
  active: boolean;
  camera_us: number | null;
  arrival_us: number;
}

export interface Turn {
  camera: string;
  holder: string;
  mine: boolean;
  free_us: number;
}

export interface Preset {
  token: string;
  name: string;
}

interface Events {
  now_us: number;
  events: DeviceEvent[];
}

const path = (camera: string, act: string): string => `/api/devices/${encodeURIComponent(camera)}/${act}`;

export const devices = {
  all: () => call<{ now_us: number; devices: DeviceNow[] }>("GET", "/api/devices").then((answer) => answer.devices),
  tampers: (camera: string) => call<Events>("GET", path(camera, "tampers")).then((answer) => answer.events),
  events: (camera: string, grant: string) =>
    call<Events>("GET", `${path(camera, "events")}?${query({ grant, limit: 20 })}`).then((answer) => answer.events),
  move: (camera: string, grant: string, speeds: Speeds, seconds: number) =>
    call<Turn>("POST", path(camera, "move"), { grant, ...speeds, seconds }),
  release: (camera: string, grant: string) => call<Turn>("POST", path(camera, "release"), { grant }),
  presets: (camera: string, grant: string) =>
    call<{ presets: Preset[] }>("GET", `${path(camera, "presets")}?${query({ grant })}`).then((answer) => answer.presets),
  go: (camera: string, grant: string, preset: string) => call<Turn>("POST", path(camera, "goto"), { grant, preset }),
  keep: (camera: string, grant: string, name: string) =>
    call<{ presets: Preset[] }>("POST", path(camera, "presets"), { grant, name }).then((answer) => answer.presets),
};

const STARTED: Record<DeviceEvent["kind"], string> = { motion: "Motion", tamper: "Tampering", input: "Input on" };
const ENDED: Record<DeviceEvent["kind"], string> = { motion: "Motion over", tamper: "Tampering over", input: "Input off" };

export function eventWords(event: DeviceEvent): string {
  return (event.active ? STARTED : ENDED)[event.kind];
}
