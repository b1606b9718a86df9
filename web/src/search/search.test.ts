import { describe, expect, it } from "vitest";
import { bare, joined, minuteOf, moments, readAddress, reviewAddress, reviewCameras, sum, writeAddress, type Found } from "./search";

const event = (id: number, camera: string, at: number, kind = 5): Found => ({
  camera,
  id,
  stream: "sub",
  kind,
  kind_text: "van, truck or bus",
  colour: "",
  start_us: at,
  end_us: at + 5e6,
  best_us: at + 3e6,
  confidence: 0.8,
  sure: "clear",
  box: [0, 0, 1, 1],
  why: "",
  model: "m",
});

describe("search", () => {
  it("keeps a search in its address", () => {
    const asked = { words: "van & bins", facets: { kinds: [5], zones: { gate: [[0, 0], [1, 0], [1, 1]] as [number, number][] }, at_least: 1 }, order: "newest" as const };
    const read = readAddress(new URLSearchParams(writeAddress(asked).toString()));
    expect(read).toEqual({ ...asked, facets: bare(asked.facets) });
    expect(readAddress(new URLSearchParams("q=van&facets=%7Bbroken"))).toEqual({ words: "van", facets: null, order: "best" });
    expect(readAddress(new URLSearchParams("facets=[1]")).facets).toBeNull();
  });

  it("drops what does not narrow", () => {
    expect(bare({ kinds: [], at_least: 1, most_height: 1, from_us: null, zones: {}, cameras: ["gate"] })).toEqual({ cameras: ["gate"] });
  });

  it("puts one moment of several cameras together", () => {
    const found = moments([event(1, "gate", 0), event(2, "yard", 20e6), event(3, "gate", 600e6), event(4, "gate", 1e6, 1)]);
    expect(found.map(({ first, others }) => [first.id, others.map((each) => each.id)])).toEqual([[1, [2]], [3, []], [4, []]]);
  });

  it("tells no event twice", () => {
    const old = [event(1, "gate", 0)];
    expect(joined(old, [event(1, "gate", 0), event(1, "yard", 0)]).length).toBe(2);
  });

  it("opens review at the moment with the cameras nearby", () => {
    const places = [
      { id: "far", lon: 2, lat: 51 },
      { id: "near", lon: 1.0005, lat: 51 },
      { id: "gate", lon: 1, lat: 51 },
      { id: "lost", lon: null, lat: null },
    ];
    const moment = moments([event(1, "gate", 10e6)])[0]!;
    expect(reviewCameras(moment, places)).toEqual(["gate", "near"]);
    expect(reviewAddress(moment, ["gate", "near"])).toBe("/review?cameras=gate%2Cnear&at=1970-01-01T00%3A00%3A11.000Z&span=1200");
  });

  it("reads minutes of the day", () => {
    expect([minuteOf("21:30"), minuteOf("24:00"), minuteOf("24:01"), minuteOf("7:65"), minuteOf("x")]).toEqual([1290, 1440, null, null, null]);
  });

  it("sums what was looked at", () => {
    expect(sum([{ camera: "a", recorded_s: 10, looked_s: 4, quiet_s: 5, waiting_s: 1 }])).toEqual({ recorded: 10, looked: 4, quiet: 5, waiting: 1 });
  });
});
