import { useEffect, useMemo, useRef, useState } from "react";
import { hub, hubNowUs } from "../api";
import { SECOND } from "../time";
import { wanted, type Strips } from "./activity";
import type { View } from "./timescale";

const SETTLE_MS = 250;
const AGAIN_MS = 30_000;
const BUCKETS = 1600;

/** Strips of `cameras` for what the timeline shows, and some on both sides. Without an answer the lanes stay as they are. */
export function useActivity(grant: string, cameras: string[], view: View, limits: { from: number; to: number }): Strips {
  const [strips, setStrips] = useState<Strips>(new Map());
  const ids = cameras.join(",");
  const [round, setRound] = useState(0);
  const asked = useRef("");
  const span = useMemo(() => wanted(view, limits, hubNowUs()), [view, limits, round]);
  const growing = span.to >= hubNowUs() - view.span;
  const key = `${grant} ${ids} ${span.from} ${growing ? `to now ${round}` : span.to}`;

  useEffect(() => {
    if (!ids || span.to - span.from < SECOND || key === asked.current) return;
    const stop = new AbortController();
    const timer = window.setTimeout(() => {
      hub
        .activity({ grant, cameras: ids.split(","), from_us: Math.ceil(span.from), to_us: Math.floor(span.to), buckets: BUCKETS }, stop.signal)
        .then((answer) => {
          asked.current = answer.away.length === 0 ? key : ""; // a site that is away is asked again
          setStrips(new Map(answer.cameras.map((strip) => [strip.id, { ...strip, from_us: answer.from_us, to_us: answer.to_us }])));
        })
        .catch(() => undefined); // the lanes say by themselves when the hub is away
    }, SETTLE_MS);
    return () => {
      stop.abort();
      window.clearTimeout(timer);
    };
  }, [grant, ids, key, span]);

  useEffect(() => {
    const timer = window.setInterval(() => document.hidden || setRound((old) => old + 1), AGAIN_MS);
    return () => window.clearInterval(timer);
  }, []);
  return strips;
}
