"""How much of a camera's footage was looked at. Counted by the hour and remembered, because segments are many."""

import threading
from collections import OrderedDict
from dataclasses import dataclass

from belvedere.foundation.clock import HOUR_US, MINUTE_US, SECOND_US, Clock
from belvedere.media.stream import StreamKind
from belvedere.site.seeing.live import MOVED_SHARE
from belvedere.site.seeing.store import LOOKED, QUIET, SeenStore, statements

_MOST_HOURS = 200_000
_NEW_US = 5 * SECOND_US  # how long a count of the last two hours holds
_OLD_US = 10 * MINUTE_US
_QUIET_GATE = 1 + round(254 * MOVED_SHARE**0.5)  # gate bytes from 1 to below this: nothing moved
_STATES = bytes(QUIET if 0 < byte < _QUIET_GATE else 0 for byte in range(256))


@dataclass(frozen=True, slots=True)
class Counted:
    """Seconds of footage. `quiet`: keyframes were compared and nothing moved. Invariant: looked + quiet <= recorded."""

    recorded: int = 0
    looked: int = 0
    quiet: int = 0

    @property
    def waiting(self) -> int:
        return self.recorded - self.looked - self.quiet

    def __add__(self, other: "Counted") -> "Counted":
        return Counted(self.recorded + other.recorded, self.looked + other.looked, self.quiet + other.quiet)


def states_of(gate: bytes | None, looked: bytes | None, seconds: int) -> bytes:
    """What is known of each second of a segment: NOBODY, QUIET or LOOKED."""
    known = bytearray(seconds)
    if gate:
        told = gate[:seconds].translate(_STATES)
        known[: len(told)] = told
    for second, state in enumerate(looked[:seconds] if looked else b""):
        if state > known[second]:
            known[second] = state
    return bytes(known)


class Coverage:
    """Thread-safe."""

    def __init__(self, store: SeenStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._hours: OrderedDict[tuple[int, int], tuple[int, Counted]] = OrderedDict()

    def stream(self, camera: str, from_us: int, to_us: int) -> tuple[str, int] | None:
        """Kind and number of the stream that is looked at: the small one where it has as much as the main one; None: none."""
        ids = self._store.streams()
        chosen: tuple[str, int] | None = None
        most = -1
        for kind in (StreamKind.SUB, StreamKind.MAIN):
            number = ids.get((camera, kind))
            if number is None:
                continue
            recorded = self.count(number, from_us, to_us).recorded
            if recorded > most + (0 if chosen is None else max(5, most // 50)):
                chosen, most = (kind, number), recorded
        return chosen

    def count(self, stream_id: int, from_us: int, to_us: int) -> Counted:
        """Seconds of a stream's footage in [from_us, to_us)."""
        found = Counted()
        hour_us = from_us // HOUR_US * HOUR_US
        while hour_us < to_us:
            if from_us <= hour_us and hour_us + HOUR_US <= to_us:
                found += self._hour(stream_id, hour_us)
            else:
                found += self._counted(stream_id, max(from_us, hour_us), min(to_us, hour_us + HOUR_US))
            hour_us += HOUR_US
        return found

    def forget(self, stream_id: int, from_us: int, to_us: int) -> None:
        """Something of a stream was looked at since."""
        with self._lock:
            for hour in range(from_us // HOUR_US, to_us // HOUR_US + 1):
                self._hours.pop((stream_id, hour * HOUR_US), None)

    def _hour(self, stream_id: int, hour_us: int) -> Counted:
        key, now_us = (stream_id, hour_us), self._clock.monotonic_us()
        with self._lock:
            known = self._hours.get(key)
            if known is not None and known[0] > now_us:
                return known[1]
        found = self._counted(stream_id, hour_us, hour_us + HOUR_US)
        new = self._clock.now_us() - hour_us < 3 * HOUR_US
        with self._lock:
            self._hours[key] = now_us + (_NEW_US if new else _OLD_US), found
            self._hours.move_to_end(key)
            if len(self._hours) > _MOST_HOURS:
                self._hours.popitem(last=False)
        return found

    def _counted(self, stream_id: int, from_us: int, to_us: int) -> Counted:
        span = {"stream_id": stream_id, "from_us": from_us, "to_us": to_us}
        recorded = looked = quiet = 0
        for start_us, dur_us, gate, seen in self._store.index.read().execute(statements()["covered"], span):
            # Each second counts where it begins, so that nothing counts in two hours.
            first = max(0, -((start_us - from_us) // SECOND_US)) if start_us < from_us else 0
            seconds = -(-dur_us // SECOND_US)
            last = min(seconds, max(0, -((start_us - to_us) // SECOND_US)))
            states = states_of(gate, seen, seconds)[first:last]
            recorded += len(states)
            looked += states.count(LOOKED)
            quiet += states.count(QUIET)
        return Counted(recorded, looked, quiet)
