"""A stretch of one stream as arrays, one element a wall second."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from belvedere.foundation.clock import SECOND_US
from belvedere.site.activity.seconds import QP_STEPS, SECOND, Seconds

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]
_HALF_US = SECOND_US // 2


@dataclass(frozen=True, slots=True)
class Series:
    """Wall seconds [from_s, from_s + len) of one stream. Arrays share one length.

    `gate` is what keyframe differences told (`share_byte`), 0 where nobody looked. `source`: 0 no footage, else as in the
    index (1 measured frame by frame, 2 worked out from the index).
    """

    from_s: int
    seconds: Seconds
    gate: Bytes
    source: Bytes

    def __len__(self) -> int:
        return len(self.seconds)

    @property
    def frame_bytes(self) -> Floats:
        """Mean bytes of a frame that is no keyframe; NaN in seconds without one."""
        frames = self.seconds["inter_frames"].astype(np.float64)
        out = np.full(len(self), np.nan)
        np.divide(self.seconds["inter_bytes"], frames, out=out, where=frames > 0)
        return out

    @property
    def key_bytes(self) -> Floats:
        """Mean bytes of a keyframe; NaN in seconds without one."""
        frames = self.seconds["key_frames"].astype(np.float64)
        out = np.full(len(self), np.nan)
        np.divide(self.seconds["key_bytes"], frames, out=out, where=frames > 0)
        return out

    @property
    def qp(self) -> Floats:
        """Mean QP of the slices looked at, 0 to 51; NaN where it is not known."""
        raw = self.seconds["qp"].astype(np.float64)
        return np.where(raw > 0, (raw - 1) / QP_STEPS, np.nan)

    @property
    def recorded(self) -> NDArray[np.bool_]:
        """Whether there is footage in a second."""
        found: NDArray[np.bool_] = self.source > 0
        return found

    def part(self, from_s: int, to_s: int) -> "Series":
        """Wall seconds [from_s, to_s), which must lie in this series."""
        cut = slice(from_s - self.from_s, to_s - self.from_s)
        return Series(from_s, self.seconds[cut], self.gate[cut], self.source[cut])


def empty(from_s: int, to_s: int) -> Series:
    """A series in which nothing is recorded yet; `lay` fills it."""
    count = max(0, to_s - from_s)
    return Series(from_s, np.zeros(count, SECOND), np.zeros(count, np.uint8), np.zeros(count, np.uint8))


def lay(series: Series, start_us: int, source: int, seconds: Seconds, gate: Bytes | None = None) -> None:
    """Write the seconds of a segment that starts at `start_us` over the series; what lies outside is left out.

    A segment's seconds begin within a wall second; each goes to the wall second that holds most of it.
    """
    at = (start_us + _HALF_US) // SECOND_US - series.from_s
    first, last = max(0, -at), min(len(seconds), len(series) - at)
    if first >= last:
        return
    place = slice(at + first, at + last)
    series.seconds[place] = seconds[first:last]
    series.source[place] = source
    if gate is not None and len(gate):
        seen = gate[first:last]
        series.gate[at + first : at + first + len(seen)] = seen


def share_byte(share: float) -> int:
    """The share of the picture that changed (0 to 1) as the byte that is kept: 0 is left for "not looked at"."""
    root: float = min(1.0, max(0.0, share)) ** 0.5
    return 1 + round(254 * root)


def share_of(gate: Bytes) -> Floats:
    """Shares of the picture from kept bytes; NaN where nobody looked."""
    raw = gate.astype(np.float64)
    return np.where(raw > 0, ((raw - 1) / 254) ** 2, np.nan)
