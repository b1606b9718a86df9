// A camera's state as shape, colour and words; never colour alone.

import type { CameraState } from "../api";

export const STATE_WORDS: Record<CameraState, string> = {
  connecting: "Connecting",
  recording: "Recording",
  waiting: "Silent",
  denied: "Password refused",
  refused: "Not usable",
  off: "Off",
  imported: "Imported only",
  unknown: "Not known",
};

export const STATE_COLOUR: Record<CameraState, string> = {
  connecting: "var(--bv-quiet)",
  recording: "var(--bv-well)",
  waiting: "var(--bv-amber)",
  denied: "var(--bv-red)",
  refused: "var(--bv-red)",
  off: "var(--bv-quiet)",
  imported: "var(--bv-quiet)",
  unknown: "var(--bv-amber)",
};

/** Drawn in a 12 by 12 box. */
const SHAPES: Record<CameraState, React.ReactNode> = {
  connecting: <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" strokeWidth="2" />,
  recording: <circle cx="6" cy="6" r="5" fill="currentColor" />,
  waiting: <path d="M6 1 11.5 11H.5Z" fill="currentColor" />,
  denied: <path d="M3 5V4a3 3 0 0 1 6 0v1h1v6H2V5Zm1.6 0h2.8V4a1.4 1.4 0 0 0-2.8 0Z" fill="currentColor" />,
  refused: <path d="m2 2 8 8m0-8-8 8" stroke="currentColor" strokeWidth="2.4" />,
  off: <path d="M1.5 6h9" stroke="currentColor" strokeWidth="2.4" />,
  imported: <path d="M6 .8 11.2 6 6 11.2.8 6Z" fill="currentColor" />,
  unknown: (
    <path d="M3.5 4a2.5 2.5 0 1 1 3.6 2.2C6.4 6.6 6 7 6 8m0 1.5V11" fill="none" stroke="currentColor" strokeWidth="1.8" />
  ),
};

export function StateMark({ state, words = false }: { state: CameraState; words?: boolean }) {
  return (
    <span style={{ display: "inline-flex", alignItems: "center", gap: 6, flex: "none", verticalAlign: "middle" }} title={STATE_WORDS[state] ?? state}>
      <svg width="12" height="12" viewBox="0 0 12 12" style={{ color: STATE_COLOUR[state] ?? "var(--bv-quiet)" }} aria-hidden>
        {SHAPES[state] ?? SHAPES.unknown}
      </svg>
      {words ? <span>{STATE_WORDS[state] ?? state}</span> : <span className="visually-hidden">{STATE_WORDS[state] ?? state}</span>}
    </span>
  );
}
