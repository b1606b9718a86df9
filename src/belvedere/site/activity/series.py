"""A stretch of one stream as arrays, one element a wall second. Nobody imports this but who computes: see laid.py."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from belvedere.site.activity.laid import Laid, nothing
from belvedere.site.activity.seconds import QP_STEPS

SECOND = np.dtype(
    [("inter_bytes", "<u4"), ("key_bytes", "<u4"), ("inter_frames", "<u2"), ("key_frames", "u1"), ("qp", "u1")]
)
"""`seconds.SECOND` with names."""
Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Series:
    """Wall seconds [from_s, from_s + len) of one stream. Arrays share one length.

    `gate` is what keyframe differences told (`gate.share_byte`), 0 where nobody looked. `source`: 0 no footage, else as in the
    index (1 measured frame by frame, 2 worked out from the index).
    """

    from_s: int
    seconds: NDArray[np.void]
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


def of(laid: Laid) -> Series:
    """Its arrays, which share its memory."""
    return Series(
        laid.from_s,
        np.frombuffer(laid.seconds, SECOND),
        np.frombuffer(laid.gate, np.uint8),
        np.frombuffer(laid.source, np.uint8),
    )


def empty(from_s: int, to_s: int) -> Series:
    """A series in which nothing is recorded."""
    return of(nothing(from_s, to_s))


def share_of(gate: Bytes) -> Floats:
    """Shares of the picture from kept bytes; NaN where nobody looked."""
    raw = gate.astype(np.float64)
    return np.where(raw > 0, ((raw - 1) / 254) ** 2, np.nan)
