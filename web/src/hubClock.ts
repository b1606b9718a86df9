// What time it is at the hub.

// Hub's clock minus this machine's, in ms, from the quickest answer seen. Below the uncertainty it counts as none.
let offsetMs = 0;
let bestTripMs = Infinity;

/** An answer said what time it was at the hub; `sent` and `received` in this machine's ms. */
export function noteClock(nowUs: number, sent: number, received: number): void {
  const trip = received - sent;
  if (trip > bestTripMs + 20) return;
  bestTripMs = trip;
  const offset = nowUs / 1000 - (sent + received) / 2;
  offsetMs = Math.abs(offset) <= Math.max(50, trip) ? 0 : offset;
}

/** The hub's present time in microseconds, as well as this browser can know it. */
export function hubNowUs(): number {
  return Math.round((Date.now() + offsetMs) * 1000);
}
