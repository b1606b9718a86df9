import { describe, expect, it } from "vitest";
import { area, box, corner, moved, same, split, takenAway, without, type Polygon } from "./polygon";

const square: Polygon = [
  [0.1, 0.1],
  [0.5, 0.1],
  [0.5, 0.5],
  [0.1, 0.5],
];

describe("polygons of masks", () => {
  it("stay inside the picture", () => {
    expect(corner(-2, 7)).toEqual([0, 1]);
    expect(moved([square], 0, 2, 1.4, 0.25)[0]![2]).toEqual([1, 0.25]);
    for (let at = 0; at < 12; at += 1) for (const [x, y] of box(at)) expect(x >= 0 && x <= 1 && y >= 0 && y <= 1).toBe(true);
  });

  it("get and lose corners; the last three go together", () => {
    const more = split([square], 0, 3);
    expect(more[0]).toHaveLength(5);
    expect(more[0]![4]).toEqual([0.1, 0.3]);
    expect(same(without(more, 0, 4), [square])).toBe(true);
    expect(without([square.slice(0, 3)], 0, 1)).toEqual([]);
  });

  it("say what was taken away, and how large they are", () => {
    expect(takenAway([square], [box(0), square])).toBe(0);
    expect(takenAway([square], [moved([square], 0, 0, 0.2, 0.2)[0]!])).toBe(1);
    expect(area(square)).toBeCloseTo(0.16);
  });
});
