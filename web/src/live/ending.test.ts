import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LivePlayer } from "./player";
import type { LiveTile } from "./tile";

class Socket {
  static made: Socket[] = [];
  static readonly OPEN = 1;
  readyState = 1;
  binaryType = "";
  said: string[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  constructor() {
    Socket.made.push(this);
  }
  send(text: string) {
    this.said.push(text);
  }
  close() {}
}

function tileOf() {
  const told: string[] = [];
  const tile = {
    number: 0,
    camera: "gate",
    stream: "sub",
    video: { remove() {} },
    asked(number: number) {
      this.number = number;
      told.push("asked");
    },
    refused: (message: string) => told.push(`refused: ${message}`),
    linkLost: () => told.push("link lost"),
    stopped: () => told.push("stopped"),
    tick: () => {},
  };
  return { tile: tile as unknown as LiveTile, told };
}

describe("an ended access", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    Socket.made = [];
    vi.stubGlobal("WebSocket", Socket);
    vi.stubGlobal("IntersectionObserver", class {
      observe() {}
      unobserve() {}
      disconnect() {}
    });
    vi.stubGlobal("document", { hidden: false, addEventListener() {}, removeEventListener() {} });
    vi.stubGlobal("window", { setInterval, clearInterval, setTimeout, clearTimeout, location: { protocol: "http:", host: "x" } });
    vi.stubGlobal("location", { protocol: "http:", host: "x", origin: "http://x" });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("clears every live picture as soon as the hub says so", () => {
    const ended = vi.fn();
    const player = new LivePlayer("grant_1", ended);
    const { tile, told } = tileOf();
    player.open(tile, { append() {} } as unknown as HTMLElement);
    Socket.made[0]!.onmessage!({ data: JSON.stringify({ op: "grant_ended", message: "This access has ended." }) });
    expect(told).toEqual(["asked", "refused: This access has ended."]);
    expect(ended).toHaveBeenCalledWith("This access has ended.");
    player.close();
  });

  it.each([
    [4403, "refused: This access has ended."],
    [1006, "link lost"],
  ])("tells a refusal (%d) from a lost link", (code, expected) => {
    const player = new LivePlayer("grant_1", () => {});
    const { tile, told } = tileOf();
    player.open(tile, { append() {} } as unknown as HTMLElement);
    Socket.made[0]!.onclose!({ code, reason: "" });
    expect(told.at(-1)).toBe(expected);
    player.close();
  });
});
