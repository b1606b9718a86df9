// How long ago something was, by the hub's clock; the exact time on hovering.

import { exact, span } from "../time";

export function Ago({ us, now }: { us: number; now: number }) {
  const gone = Math.max(0, now - us);
  return <time title={exact(us)}>{gone < 60_000_000 ? "just now" : `${span(gone)} ago`}</time>;
}
