// Conflicts of interest that people declare of themselves. The words go to the hub once and are not kept there.

import { call } from "../api";

export interface Conflict {
  id: string;
  kind: string;
  declared_us: number;
}

export interface DeclaredBy {
  name: string;
  kind: string;
  count: number;
  newest_us: number;
}

export const conflicts = {
  mine: () => call<{ conflicts: Conflict[] }>("GET", "/api/conflicts").then((answer) => answer.conflicts),
  declare: (kind: string, words: string) => call<Conflict>("POST", "/api/conflicts", { kind, words }),
  withdraw: (id: string) => call<void>("DELETE", `/api/conflicts/${encodeURIComponent(id)}`),
  all: () => call<{ declared: DeclaredBy[] }>("GET", "/api/dpo/conflicts").then((answer) => answer.declared),
};

export const CONFLICT_KIND: Record<string, string> = { address: "An address", vehicle: "A vehicle", person: "A person", camera: "A camera" };

export const CONFLICT_HINT: Record<string, string> = {
  address: "Such as 14 Alder Way. The street alone counts too.",
  vehicle: "The registration plate.",
  person: "The name as others would write it.",
  camera: "",
};
