// The wall's arithmetic and memory, without React.

export type WallView = "wall" | "both" | "map";
export const LAYOUTS = [1, 4, 9, 16] as const;
export type Layout = (typeof LAYOUTS)[number];

export interface WallState {
  /** Cameras on the wall, in order. */
  order: string[];
  /** Cameras a person took off the wall; they don't come back by themselves. */
  closed: string[];
  layout: Layout;
  view: WallView;
  /** Share of the width that the wall has beside the map. */
  split: number;
}

export const GAP_PX = 6;
export const HEADER_PX = 28;

/** Columns that make `count` tiles of 16:9 (plus their header) as wide as they can be in a box. */
export function bestColumns(count: number, width: number, height: number, header = HEADER_PX): number {
  let best = 1;
  let widest = 0;
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const rows = Math.ceil(count / columns);
    const byWidth = (width - GAP_PX * (columns - 1)) / columns;
    const byHeight = (((height - GAP_PX * (rows - 1)) / rows - header) * 16) / 9;
    const tile = Math.min(byWidth, byHeight);
    if (tile > widest + 0.5) {
      widest = tile;
      best = columns;
    }
  }
  return best;
}

/** The order with `id` moved by `by` places, kept inside. */
export function moved(order: readonly string[], id: string, by: number): string[] {
  const from = order.indexOf(id);
  if (from < 0) return [...order];
  const to = Math.max(0, Math.min(order.length - 1, from + by));
  const next = [...order];
  next.splice(from, 1);
  next.splice(to, 0, id);
  return next;
}

/** Cameras that exist: the remembered order first, then those never closed. */
export function reconcile(state: WallState, cameras: readonly string[]): string[] {
  const known = new Set(cameras);
  const kept = state.order.filter((id) => known.has(id));
  const have = new Set([...kept, ...state.closed]);
  return [...kept, ...cameras.filter((id) => !have.has(id))];
}

const FRESH: WallState = { order: [], closed: [], layout: 16, view: "both", split: 0.64 };

export function readWall(person: string): WallState {
  try {
    const kept = JSON.parse(localStorage.getItem(`belvedere.wall.${person}`) ?? "null") as Partial<WallState> | null;
    if (!kept) return FRESH;
    return {
      order: Array.isArray(kept.order) ? kept.order.map(String) : [],
      closed: Array.isArray(kept.closed) ? kept.closed.map(String) : [],
      layout: LAYOUTS.find((layout) => layout === kept.layout) ?? 16,
      view: (["wall", "both", "map"] as const).find((view) => view === kept.view) ?? "both",
      split: typeof kept.split === "number" ? Math.max(0.25, Math.min(0.8, kept.split)) : FRESH.split,
    };
  } catch {
    return FRESH; // not JSON, or storage is switched off
  }
}

export function keepWall(person: string, state: WallState): void {
  try {
    localStorage.setItem(`belvedere.wall.${person}`, JSON.stringify(state));
  } catch {
    // storage is full or switched off: the wall works, it is not remembered
  }
}
