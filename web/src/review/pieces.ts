// Wall time and media time of a playlist. Gaps are cut out of the media timeline, so the two run apart at every one.

export interface PieceTime {
  /** Wall time of its first frame, ms since 1970 (EXT-X-PROGRAM-DATE-TIME). */
  programDateTime: number | null;
  /** Media time, seconds. */
  start: number;
  duration: number;
}

/** A hole this small between two pieces is rounding, not a gap. */
const ROUNDING_MS = 250;

export interface Place {
  /** Where in the media that moment is. */
  media: number;
  /** First media time of the piece, a keyframe. */
  keyframe: number;
}

/** The place of `wallUs` in the media, or null in a gap. */
export function place(pieces: readonly PieceTime[], wallUs: number): Place | null {
  const ms = wallUs / 1000;
  let low = 0;
  let high = pieces.length - 1;
  let at = -1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if ((pieces[middle]!.programDateTime ?? Infinity) <= ms + 1) {
      at = middle;
      low = middle + 1;
    } else high = middle - 1;
  }
  if (at < 0) {
    const first = pieces[0];
    if (first?.programDateTime != null && first.programDateTime - ms <= ROUNDING_MS)
      return { media: first.start, keyframe: first.start };
    return null;
  }
  const piece = pieces[at]!;
  const into = (ms - piece.programDateTime!) / 1000;
  if (into * 1000 > piece.duration * 1000 + ROUNDING_MS) return null;
  return { media: piece.start + Math.max(0, Math.min(into, piece.duration)), keyframe: piece.start };
}

/** Wall time of a media time, microseconds. */
export function wallAt(pieces: readonly PieceTime[], media: number): number | null {
  let low = 0;
  let high = pieces.length - 1;
  let at = 0;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (pieces[middle]!.start <= media + 1e-4) {
      at = middle;
      low = middle + 1;
    } else high = middle - 1;
  }
  const piece = pieces[at];
  if (piece?.programDateTime == null) return null;
  return (piece.programDateTime + (media - piece.start) * 1000) * 1000;
}
