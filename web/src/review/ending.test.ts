import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const made: { config: Record<string, unknown>; handlers: Map<string, (event: string, data: unknown) => void>; gone: boolean }[] = [];

vi.mock("hls.js", () => {
  class Hls {
    static isSupported = () => true;
    handlers = new Map<string, (event: string, data: unknown) => void>();
    levels = [];
    gone = false;
    constructor(readonly config: Record<string, unknown>) {
      made.push(this);
    }
    on(event: string, handler: (event: string, data: unknown) => void) {
      this.handlers.set(event, handler);
    }
    loadSource() {}
    attachMedia() {}
    startLoad() {}
    destroy() {
      this.gone = true;
    }
  }
  return {
    default: Hls,
    Events: { ERROR: "error", LEVEL_LOADED: "loaded" },
    ErrorTypes: { MEDIA_ERROR: "media" },
    ErrorDetails: { BUFFER_ADD_CODEC_ERROR: "codec", MANIFEST_INCOMPATIBLE_CODECS_ERROR: "codecs" },
  };
});

import { MOST_AHEAD_S, Slot } from "./slot";

describe("recorded pictures", () => {
  let cleared: string[] = [];
  beforeEach(() => {
    made.length = 0;
    cleared = [];
    const video = {
      setAttribute() {},
      removeAttribute: (name: string) => cleared.push(name),
      load: () => cleared.push("load"),
      remove: () => cleared.push("remove"),
    };
    vi.stubGlobal("document", { createElement: () => video });
    vi.stubGlobal("location", { protocol: "http:", host: "x", origin: "http://x" });
  });
  afterEach(() => vi.unstubAllGlobals());

  const slot = () => new Slot("grant_1", "gate", "sub", { from: 0, to: 60_000_000 }, 0, () => {});

  it("are held ten seconds ahead at most", () => {
    slot();
    expect(MOST_AHEAD_S).toBeLessThanOrEqual(10);
    expect(made[0]!.config).toMatchObject({ maxBufferLength: MOST_AHEAD_S, maxMaxBufferLength: MOST_AHEAD_S });
  });

  it.each([401, 403])("go, with all that is buffered, when the hub says %d", (code) => {
    const one = slot();
    made[0]!.handlers.get("error")!("error", { fatal: false, response: { code } });
    expect(made[0]!.gone).toBe(true);
    expect(cleared).toEqual(["src", "load"]);
    expect(one.error).toContain("has ended");
  });

  it("stay when the site is away for a moment", () => {
    slot();
    made[0]!.handlers.get("error")!("error", { fatal: false, response: { code: 503 } });
    expect(made[0]!.gone).toBe(false);
  });
});
