"""The pulse of a playing stream: whether pictures still come, and whether they are pictures of anything new.

A frozen stream shows in three ways: no bytes come; packets come but no picture completes; or a stuck encoder sends the
very same bytes again and again. A living camera never does the last: sensors are noisy, and H.264 and H.265 number their
pictures, so that even a still scene differs from picture to picture.
"""

import zlib
from collections.abc import Sequence

from belvedere.foundation.clock import SECOND_US
from belvedere.media.access_unit import AccessUnit

FIRST_PICTURE_US = 10 * SECOND_US
SILENCE_US = 4 * SECOND_US  # so that with the loop's sweep a stop is noticed within 5 s
LONGEST_SILENCE_US = 30 * SECOND_US
STUCK_US = 3 * SECOND_US
_STUCK_TIMES = 2
_SURE = 3  # arrivals after which a camera's own rhythm counts
_FEW = 64
_FEW_PARTS = 3


class Pulse:
    """The watch over one camera's pictures; times are monotonic microseconds.

    Invariants: `patience_us` is at least 2.5 times the longest recent gap between arrivals, so that a camera that sends a
    picture every few seconds is not taken for a dead one; a camera that stays stuck after a new connection is told about
    once and recorded on, for a "no signal" picture is better than none.
    """

    __slots__ = ("_arrivals", "_gap_us", "_keys", "_last_us", "_pictures", "_stuck_mark", "patience_us", "still_stuck")

    def __init__(self) -> None:
        self.patience_us = FIRST_PICTURE_US
        self.still_stuck = False
        self._stuck_mark: tuple[int, int] | None = None
        self.begin(0)

    def begin(self, now_us: int) -> None:
        """The camera plays from now on. What was learnt of a stuck picture is kept."""
        self.patience_us = FIRST_PICTURE_US
        self._last_us = now_us
        self._gap_us = 0
        self._arrivals = 0
        self._pictures = _Same()
        self._keys = _Same()

    def beat(self, units: Sequence[AccessUnit], now_us: int) -> None:
        """Pictures came."""
        gap_us = now_us - self._last_us
        self._last_us = now_us
        self._arrivals += 1
        if self._arrivals >= _SURE:
            self._gap_us = gap_us if gap_us > self._gap_us else self._gap_us * 9 // 10
            self.patience_us = min(LONGEST_SILENCE_US, max(SILENCE_US, self._gap_us * 5 // 2))
        for unit in units:
            if unit.keyframe:
                self._keys.see(unit, now_us)
        self._pictures.see(units[-1], now_us)
        if self.still_stuck and self._pictures.mark != self._stuck_mark and self._keys.mark != self._stuck_mark:
            self.still_stuck = False

    def silent(self, now_us: int) -> bool:
        """Whether no picture has completed for longer than this camera's patience."""
        return now_us - self._last_us > self.patience_us

    def stuck(self, now_us: int) -> bool:
        """Whether the same picture has come for STUCK_US, and did not before the last connection as well."""
        for series in (self._pictures, self._keys):
            if series.times < _STUCK_TIMES or now_us - series.since_us < STUCK_US:
                continue
            if series.mark == self._stuck_mark:
                self.still_stuck = True
                return False
            self._stuck_mark = series.mark
            return True
        return False


class _Same:
    """A series of pictures that are bit by bit the same: its mark, since when, and how many came after the first."""

    __slots__ = ("mark", "since_us", "times")

    def __init__(self) -> None:
        self.mark = (-1, 0)
        self.since_us = 0
        self.times = 0

    def see(self, unit: AccessUnit, now_us: int) -> None:
        mark = _mark_of(unit)
        if mark == self.mark:
            self.times += 1
        else:
            self.mark, self.since_us, self.times = mark, now_us, 0


def _mark_of(unit: AccessUnit) -> tuple[int, int]:
    """Length and digest of a picture: the first and last bytes of its first and last parts, where a change always shows.

    Arithmetic coding carries a change in a slice to that slice's end.
    """
    digest = 0
    parts = unit.parts
    for part in parts if len(parts) <= 2 * _FEW_PARTS else parts[:_FEW_PARTS] + parts[-_FEW_PARTS:]:
        digest = zlib.crc32(part if len(part) <= 2 * _FEW else bytes(part[:_FEW]) + bytes(part[-_FEW:]), digest)
    return unit.size, digest
