import { describe, expect, it } from "vitest";
import { circleRing, coordinates, placeWords } from "./partners";

describe("places to ask about", () => {
  it("reads what people paste", () => {
    expect(coordinates("51.5012, -0.1419")).toEqual({ lat: 51.5012, lon: -0.1419 });
    expect(coordinates(" 51.5012 -0.1419 ")).toEqual({ lat: 51.5012, lon: -0.1419 });
    for (const wrong of ["", "51.5", "91, 0", "51.5, 181", "Rowan Court", "51,5 ; 0,1 x"]) expect(coordinates(wrong)).toBeNull();
  });
  it("says what was asked about", () => {
    expect(placeWords({ shape: "circle", lat: 51.5, lon: -0.1, radius_m: 50 })).toBe("50 m round 51.50000, -0.10000");
    expect(placeWords({ shape: "polygon", points: [[0, 0], [0, 1], [1, 1]] })).toBe("An area of 3 corners");
  });
  it("draws a closed ring of the right size", () => {
    const ring = circleRing(51.5, -0.1, 100);
    expect(ring[0]![1]).toBeCloseTo(ring.at(-1)![1], 12);
    expect((ring[0]![1] - 51.5) * 111_195).toBeCloseTo(100, 6);
  });
});
