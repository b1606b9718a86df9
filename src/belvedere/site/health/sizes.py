"""Sizes of a stream's packets as they pass: the cheap first look at what the picture does. Pure.

Nothing is decoded. A sudden change that stays says only that somebody should look; `views` looks. Streams of constant
bitrate hide much of it, which is why every camera is looked at now and then anyhow.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

NOW = 3  # ticks that make up the present
BEFORE = 30  # ticks that it is compared with, at most
FEWEST_BEFORE = 6
KEYFRAMES_APART = (0.6, 1.7)  # present over before, of keyframes
BETWEEN_APART = (0.25, 4.0)  # of the frames between
FROZEN_SHARE = 0.25

Passed = tuple[int, int, int, bool, int]
"""Bytes, duration in 90 kHz ticks, frames, whether it begins with a keyframe, media time: `recorder.feed.Feed.recent`."""


@dataclass(slots=True)
class Sizes:
    """What passed of one stream, tick by tick."""

    _keys: deque[float] = field(default_factory=lambda: deque(maxlen=NOW + BEFORE))
    _between: deque[float] = field(default_factory=lambda: deque(maxlen=NOW + BEFORE))
    _seen_90k: int = -1

    def tick(self, recent: Iterable[Passed]) -> None:
        """Take in what came since the last tick. A run that began anew begins the comparison anew: its settings may differ."""
        rows = list(recent)
        if not rows:
            return
        if rows[-1][4] < self._seen_90k:
            self._keys.clear()
            self._between.clear()
            self._seen_90k = -1
        fresh = [row for row in rows if row[4] > self._seen_90k]
        self._seen_90k = rows[-1][4]
        keys = [row[0] for row in fresh if row[3]]
        frames = sum(row[2] for row in fresh if not row[3])
        if keys:
            self._keys.append(median(keys))
        if frames:
            self._between.append(sum(row[0] for row in fresh if not row[3]) / frames)

    def suspicion(self) -> str:
        """Why somebody should look now, "" when nothing stands out."""
        for name, kept, (low, high) in (
            ("keyframes", self._keys, KEYFRAMES_APART),
            ("frames", self._between, BETWEEN_APART),
        ):
            ratio = _ratio(kept)
            if ratio is not None and not low <= ratio <= high:
                return f"{name} became {ratio:.0%} of their size"
        return ""

    def still(self) -> bool:
        """Whether the frames between keyframes hold far less than they did, as those of a frozen picture do."""
        ratio = _ratio(self._between)
        return ratio is not None and ratio < FROZEN_SHARE

    def between_bytes(self) -> float | None:
        """Bytes of a frame that is no keyframe, now."""
        return median(list(self._between)[-NOW:]) if self._between else None


def _ratio(kept: deque[float]) -> float | None:
    """Present over before; None while there is too little to compare."""
    values = list(kept)
    before = values[:-NOW]
    if len(before) < FEWEST_BEFORE:
        return None
    usual = median(before)
    return median(values[-NOW:]) / usual if usual > 0 else None
