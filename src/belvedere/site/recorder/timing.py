"""From media time to wall time (docs/design/recording.md, "Time").

A run is anchored once: the earliest possible start, min over its first seconds of (arrival - media offset), so that the
least delayed frame wins. From then on media time drives durations; each segment leans towards arrival by 500 ppm at most.
"""

from belvedere.foundation.clock import SECOND_US
from belvedere.site.storage.fragments import Record

ANCHOR_90K = 5 * 90_000  # a run's anchor is settled after this much media
MAX_PPM = 500
_BACK_US = SECOND_US
LOST_US = 5 * SECOND_US  # media and arrival this far apart over a whole segment: the mapping is wrong, not drifting


def media_us(ticks_90k: int) -> int:
    """90 kHz ticks in microseconds, rounded down."""
    return ticks_90k * 100 // 9


def wall_us(start_us: int, media_start_90k: int, rate_ppm: int, at_90k: int) -> int:
    """Wall time of media time `at_90k` in a segment: the formula of the index."""
    offset = media_us(at_90k - media_start_90k)
    return start_us + offset + offset * rate_ppm // 1_000_000


class RunClock:
    """Wall times of one run, segment after segment.

    Invariant: a segment begins exactly where the one before it ends.
    """

    __slots__ = (
        "_anchor_until_90k",
        "_arrival_us",
        "_drift_us",
        "anchored",
        "fixed",
        "media_start_90k",
        "rate_ppm",
        "run_start_us",
        "start_us",
        "stepped",
    )

    def __init__(self, first: Record, *, start_us: int | None = None) -> None:
        """`start_us`: wall time of the first fragment where it is known beforehand (an import); then it stays fixed."""
        self.fixed = start_us is not None
        self.anchored = self.fixed
        self.media_start_90k = first.start_90k
        self.rate_ppm = 0
        self.stepped = False  # arrivals went back: the host's clock was set, and nothing more is learnt from them
        self._arrival_us = first.arrival_us
        self.start_us = self._lead(first) if start_us is None else start_us
        self.run_start_us = self.start_us
        self._anchor_until_90k = first.start_90k + ANCHOR_90K
        self._drift_us: int | None = None

    def _lead(self, record: Record) -> int:
        """When the segment would have begun if the last frame of `record` had come without any delay."""
        frame_90k = record.duration_90k // max(1, record.frames)
        return record.arrival_us - media_us(record.end_90k - frame_90k - self.media_start_90k)

    def see(self, record: Record) -> None:
        """Learn from the arrival of a fragment of the present segment."""
        if record.arrival_us < self._arrival_us - _BACK_US:
            self.stepped = True
        self._arrival_us = record.arrival_us
        if self.fixed or self.stepped:
            return
        if not self.anchored:
            self.start_us = self.run_start_us = min(self.start_us, self._lead(record))
            self.anchored = record.end_90k >= self._anchor_until_90k
            return
        frame_90k = record.duration_90k // max(1, record.frames)
        late_us = record.arrival_us - self.wall_us(record.end_90k - frame_90k)
        self._drift_us = late_us if self._drift_us is None else min(self._drift_us, late_us)

    def wall_us(self, at_90k: int) -> int:
        return wall_us(self.start_us, self.media_start_90k, self.rate_ppm, at_90k)

    @property
    def lost(self) -> bool:
        """Whether even the least delayed fragment of the segment was far from its time: the run must end."""
        return self._drift_us is not None and abs(self._drift_us) > LOST_US

    def rotate(self, at_90k: int, length_90k: int) -> None:
        """Begin the next segment at `at_90k`; `length_90k` is how long it will be, so that drift is spread over it."""
        end_us = self.wall_us(at_90k)
        self.anchored = True
        drift_us = self._drift_us or 0
        self.rate_ppm = max(-MAX_PPM, min(MAX_PPM, drift_us * 1_000_000 // max(1, media_us(length_90k))))
        self.start_us, self.media_start_90k, self._drift_us = end_us, at_90k, None

    def resume(self, at_90k: int, start_us: int, rate_ppm: int) -> None:
        """Go on at `at_90k`, wall time `start_us`, in a new segment with an unchanged rate: the file before it failed."""
        self.media_start_90k, self.start_us, self.rate_ppm = at_90k, start_us, rate_ppm
        self.anchored = True
