// Cameras in words.

import type { Camera } from "../api";

const NAMED = 4;

/** `Gate, Yard and 3 more`; `all 12 cameras` where it is all there are. */
export function camerasWords(ids: string[], all: Pick<Camera, "id" | "name">[]): string {
  if (all.length > 1 && ids.length >= all.length) return `all ${all.length} cameras`;
  const names = ids.map((id) => all.find((each) => each.id === id)?.name ?? id);
  if (names.length <= NAMED) return names.join(", ");
  return `${names.slice(0, NAMED - 1).join(", ")} and ${names.length - NAMED + 1} more`;
}
