// Permanent masks and what masking costs, as the hub tells them.

import { call } from "../api";
import type { Polygon } from "./polygon";

export interface MaskVersion {
  version: number;
  polygons: Polygon[];
  made_by: string;
  reason: string;
  made_us: number;
}

export interface Masks {
  camera: string;
  /** 0: there never were any. */
  version: number;
  polygons: Polygon[];
  needs_dpo: boolean;
  may_draw: boolean;
  may_take_away: boolean;
  /** The camera itself paints them too, and was seen to; `why` says why it does not, empty while that is open. */
  in_camera: boolean;
  why: string;
  history: MaskVersion[];
}

export interface Rendition {
  camera: string;
  /** "masked" or "painted"; ", marked" behind it where it is made for one viewer outside the control room. */
  kind: string;
  viewers: number;
  cpu_ms_per_s: number;
  share: number;
  whole: boolean;
  restarts: number;
  /** The model that looks for people, "" where none does; its part of the cost. */
  sees: string;
  look_ms_per_s: number;
}

export interface Masking {
  most: number;
  refused: number;
  renditions: Rendition[];
  pieces: number;
  pieces_cpu_ms_per_s: number;
  /** How people are found, in words. */
  finds: string;
}

const address = (camera: string) => `/api/masks/${encodeURIComponent(camera)}`;

export const masks = {
  get: (camera: string) => call<Masks>("GET", address(camera)),
  put: (camera: string, base: number, polygons: Polygon[], reason: string) =>
    call<Masks>("PUT", address(camera), { base, polygons, reason }),
  masking: () => call<Masking>("GET", "/api/masking"),
};
