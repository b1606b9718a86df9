// Polygons in shares of the picture, 0 to 1. Pure.

export type Corner = [number, number];
export type Polygon = Corner[];

export const MOST_MASKS = 32;
export const MOST_CORNERS = 64;

const inside = (share: number): number => Math.min(1, Math.max(0, Math.round(share * 10_000) / 10_000));

export function corner(x: number, y: number): Corner {
  return [inside(x), inside(y)];
}

/** A new mask, in the middle, for people who don't draw with a mouse. */
export function box(at: number): Polygon {
  const shift = (at % 5) * 0.04;
  return [corner(0.4 + shift, 0.4 + shift), corner(0.6 + shift, 0.4 + shift), corner(0.6 + shift, 0.6 + shift), corner(0.4 + shift, 0.6 + shift)];
}

export function moved(polygons: readonly Polygon[], mask: number, at: number, x: number, y: number): Polygon[] {
  return polygons.map((polygon, index) => (index === mask ? polygon.map((old, place) => (place === at ? corner(x, y) : old)) : polygon));
}

/** One more corner, half way to the next. */
export function split(polygons: readonly Polygon[], mask: number, at: number): Polygon[] {
  return polygons.map((polygon, index) => {
    if (index !== mask || polygon.length >= MOST_CORNERS) return polygon;
    const here = polygon[at]!;
    const next = polygon[(at + 1) % polygon.length]!;
    return [...polygon.slice(0, at + 1), corner((here[0] + next[0]) / 2, (here[1] + next[1]) / 2), ...polygon.slice(at + 1)];
  });
}

/** Without one corner; a mask of three goes as a whole. */
export function without(polygons: readonly Polygon[], mask: number, at: number): Polygon[] {
  if (polygons[mask]!.length <= 3) return polygons.filter((_, index) => index !== mask);
  return polygons.map((polygon, index) => (index === mask ? polygon.filter((_, place) => place !== at) : polygon));
}

export function same(one: readonly Polygon[], other: readonly Polygon[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Masks that stood and stand no more as they were. */
export function takenAway(before: readonly Polygon[], now: readonly Polygon[]): number {
  const kept = new Set(now.map((polygon) => JSON.stringify(polygon)));
  return before.filter((polygon) => !kept.has(JSON.stringify(polygon))).length;
}

/** Part of the picture under a polygon. */
export function area(polygon: Polygon): number {
  let sum = 0;
  for (let at = 0; at < polygon.length; at += 1) {
    const [x0, y0] = polygon[at]!;
    const [x1, y1] = polygon[(at + 1) % polygon.length]!;
    sum += x0 * y1 - x1 * y0;
  }
  return Math.abs(sum) / 2;
}
