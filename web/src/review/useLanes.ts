import { useEffect, useMemo, useRef, useState } from "react";
import { hub, hubNowUs, type Away, type StreamKind, type Timeline } from "../api";
import { MINUTE } from "../time";
import { lanesOf, merged, type Known, type Lanes } from "./lanes";

const AGAIN_MS = 10_000;
const OVERLAP_US = 5 * MINUTE;
const NOBODY: Away[] = [];

/**
 * Runs and gaps of `cameras` over the whole span, asked once; the newest part again every ten seconds.
 * Cameras of a site that is `away` stay as they were known. The whole span is asked until it is back.
 */
export function useLanes(
  grant: string,
  cameras: string[],
  span: { from: number; to: number },
): { lanes: Lanes | null; away: Away[]; error: Error | null; again: () => void } {
  const [known, setKnown] = useState<Known | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const [round, setRound] = useState(0);
  const latest = useRef<Known | null>(null);
  const ids = cameras.join(",");
  const { from, to } = span;

  useEffect(() => {
    if (!ids) return;
    const stop = new AbortController();
    let timer = 0;
    latest.current = null;
    setKnown(null);
    const ask = (stream: StreamKind, since: number, until: number): Promise<Timeline> =>
      hub.timeline({ grant, cameras: ids.split(","), stream, from_us: since, to_us: until }, stop.signal);
    const beat = async (): Promise<void> => {
      try {
        const old = latest.current;
        const until = Math.min(to, hubNowUs());
        const since = old && old.away.length === 0 ? Math.max(from, Math.min(old.until, until) - OVERLAP_US) : from;
        if (!document.hidden || !old) {
          const [main, sub] = await Promise.all([ask("main", since, until), ask("sub", since, until)]);
          latest.current = merged(old, main, sub, since, until);
          setKnown(latest.current);
          setError(null);
        }
      } catch (problem) {
        if (stop.signal.aborted) return;
        setError(problem as Error);
      }
      if (!stop.signal.aborted) timer = window.setTimeout(() => void beat(), AGAIN_MS);
    };
    void beat();
    return () => {
      stop.abort();
      window.clearTimeout(timer);
    };
  }, [grant, ids, from, to, round]);

  const lanes = useMemo(() => (known ? lanesOf(known.main, known.sub) : null), [known]);
  return { lanes, away: known?.away ?? NOBODY, error, again: () => setRound((old) => old + 1) };
}
