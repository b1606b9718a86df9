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
_SURE = 3  # pictures after which a camera's own rhythm counts
_STEADY_US = 60 * SECOND_US
_FEW = 64
_FEW_PARTS = 3


class Pulse:
    """The watch over one camera's pictures; times are monotonic microseconds.

    Invariants: `patience_us` is at least 2.5 times the longest recent gap between arrivals, so that a camera that sends a
    picture every few seconds is not taken for a dead one; patience doubles with each silence in a row, so that no camera is
    cut off for ever for a rhythm that is not known; a camera that stays stuck after a new connection is told about
    once and recorded on, for a "no signal" picture is better than none.
    """

    __slots__ = (
        "_begun_us", "_count", "_floor_us", "_gap_us", "_keys", "_last_us", "_pictures", "_stuck_mark", "patience_us",
        "still_stuck",
    )  # fmt: skip

    def __init__(self) -> None:
        self.patience_us = FIRST_PICTURE_US
        self.still_stuck = False
        self._floor_us = SILENCE_US
        self._stuck_mark: tuple[int, int] | None = None
        self.begin(0)

    def begin(self, now_us: int) -> None:
        """The camera plays from now on. What was learnt of a stuck picture is kept."""
        self.patience_us = FIRST_PICTURE_US
        self._begun_us = self._last_us = now_us
        self._gap_us = 0
        self._count = 0
        self._pictures = _Same()
        self._keys = _Same()

    def beat(self, units: Sequence[AccessUnit], now_us: int) -> None:
        """Pictures came."""
        if self._count:
            gap_us = now_us - self._last_us
            self._gap_us = gap_us if gap_us > self._gap_us else self._gap_us * 9 // 10
        self._last_us = now_us
        self._count += len(units)
        if self._count >= _SURE:
            self.patience_us = min(LONGEST_SILENCE_US, max(self._floor_us, self._gap_us * 5 // 2))
            if now_us - self._begun_us > _STEADY_US and self._gap_us * 5 // 2 < SILENCE_US:
                self._floor_us = SILENCE_US
        for unit in units:
            if unit.keyframe:
                self._keys.see(unit, now_us)
        last = units[-1]
        if last.size == self._pictures.mark[0]:
            self._pictures.see(last, now_us)
        else:
            self._pictures.begin((last.size, 0), now_us)  # the digest is worth its time only for pictures of one length
        if self.still_stuck and self._pictures.mark != self._stuck_mark and self._keys.mark != self._stuck_mark:
            self.still_stuck = False

    def silent(self, now_us: int) -> bool:
        """Whether no picture has completed for longer than the patience; ends the connection, for the next has more patience."""
        if now_us - self._last_us <= self.patience_us:
            return False
        if self._count >= _SURE:
            self._floor_us = min(LONGEST_SILENCE_US, 2 * self._floor_us)
        return True

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
            self.begin(mark, now_us)

    def begin(self, mark: tuple[int, int], now_us: int) -> None:
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
