// What is written over every picture: who looks, under which access, and when. It wanders, so that no crop is free of it.

/** The end of an id is enough to find it in the log; its beginning is the same for all. */
export function short(id: string): string {
  return id.slice(-8).toUpperCase();
}

export interface Who {
  name: string;
  number: string;
  grant: string;
}

export function markLines(who: Who, time: string): [string, string] {
  return [`${who.name} ${short(who.number)}`, `${time} access ${short(who.grant)}`];
}

const ROUND_S = 97; // across and back
const RISE_S = 61;

/** Where the mark is at a moment, as shares of the free room: slow, and never the same way twice in a quarter of an hour. */
export function placeAt(seconds: number, start: number): { x: number; y: number } {
  const swing = (period: number, shift: number): number => {
    const at = (((seconds + shift) / period) % 2 + 2) % 2;
    return at < 1 ? at : 2 - at;
  };
  return { x: swing(ROUND_S, start * ROUND_S), y: swing(RISE_S, start * 37) };
}
