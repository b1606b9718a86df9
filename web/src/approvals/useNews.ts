// Hears of requests as they change: at once where somebody waits for it, every few seconds where only a number shows it.

import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { approvals } from "./approvals";

const WAIT_S = 20;
const EVERY_MS = 5_000;

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = window.setTimeout(done, ms);
    signal.addEventListener("abort", () => {
      window.clearTimeout(timer);
      done();
    });
  });
}

/** `pace`: "" hears nothing. */
export function useNews(pace: "" | "slow" | "at once"): void {
  const client = useQueryClient();
  useEffect(() => {
    if (!pace) return;
    const ended = new AbortController();
    const listen = async () => {
      let since = 0;
      while (!ended.signal.aborted) {
        let rest = pace === "slow" ? EVERY_MS : 0;
        try {
          const news = await approvals.changes(since, pace === "slow" ? 0 : WAIT_S, ended.signal);
          since = news.seq;
          if (news.changed) for (const key of ["requests", "grants", "approvers"]) void client.invalidateQueries({ queryKey: [key] });
        } catch {
          rest = EVERY_MS; // the hub is away or full of waiting pages; the session's end unmounts this
        }
        if (rest) await pause(rest, ended.signal);
      }
    };
    void listen();
    return () => ended.abort();
  }, [client, pace]);
}
