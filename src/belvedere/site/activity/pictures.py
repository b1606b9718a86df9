"""What changed between two keyframes, seen small and grey. Pure; runs in the decoder's process.

The picture is brought to 320 columns, blurred, freed of a change of brightness as a whole, and compared with the one
before: more than 18 grey levels, and more than the picture's own noise, is change. What changes nearly always (the clock
that cameras write into the picture) is found and left out; so are the zones that people have drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Polygon = Sequence[tuple[float, float]]
"""Corners as shares of width and height, 0 to 1."""

COLUMNS = 320
_LEVELS = 18
_NOISES = 6.0  # this many times the median difference is above noise
_RESTLESS = 0.6  # a pixel that differs this often is no movement
_LEARN = 6  # comparisons before a pixel can be called restless
_MEMORY = 30  # comparisons that the share of restlessness looks back on
_LIGHT = 25  # grey levels of the whole picture at once
_FLAT = 6.0  # standard deviation of grey: nothing can be made out
_ELSEWHERE = 0.5  # this share of the picture at once: another view


class Hint(StrEnum):
    """What a change of the whole picture may mean. Hints, for people to look at."""

    NONE = ""
    LIGHT = "light"  # light switched, or infrared
    BLOCKED = "blocked"  # black, covered or blurred until nothing can be made out
    VIEW = "view"  # the camera may have been turned


@dataclass(frozen=True, slots=True)
class Seen:
    """One comparison. `share`: part of the picture that changed, 0 to 1. Grey levels are 0 to 255."""

    share: float
    brightness: float
    contrast: float
    hint: Hint


def small(luma: Picture) -> Picture:
    """The picture that is compared: at most COLUMNS wide, blurred. `luma` is rows x columns."""
    rows, columns = luma.shape
    if columns > COLUMNS:
        size = (COLUMNS, max(2, round(rows * COLUMNS / columns)))
        luma = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.GaussianBlur(luma, (5, 5), 0), np.uint8)


def zone_mask(shape: tuple[int, int], zones: Sequence[Polygon]) -> Picture:
    """255 where movement counts, 0 inside the zones."""
    mask = np.full(shape, 255, np.uint8)
    for polygon in zones:
        corners = np.array([(x * shape[1], y * shape[0]) for x, y in polygon], np.float64)
        if len(corners) >= 3 and np.all(np.isfinite(corners)):
            cv2.fillPoly(mask, [np.clip(np.rint(corners), -1e4, 1e4).astype(np.int32)], (0,))
    return mask


class Eye:
    """Compares the keyframes of one stream, one after the other."""

    __slots__ = ("_before", "_mask", "_restless", "_seen", "_zones")

    def __init__(self) -> None:
        self._before: Picture | None = None
        self._restless: NDArray[np.float32] | None = None
        self._seen = 0
        self._zones: Sequence[Polygon] = ()
        self._mask: Picture | None = None

    def forget(self) -> None:
        """The next picture has no picture before it. What is restless stays known."""
        self._before = None

    def look(self, luma: Picture, zones: Sequence[Polygon] = ()) -> Seen | None:
        """Compare with the picture before; None for the first, or one of another size."""
        now = small(luma)
        before, self._before = self._before, now
        if before is None or before.shape != now.shape:
            self._restless, self._seen, self._mask = (
                (None, 0, None) if before is not None else (self._restless, self._seen, self._mask)
            )
            return None
        if self._restless is not None and self._restless.shape != now.shape:
            self._restless, self._seen, self._mask = None, 0, None
        if self._mask is None or zones != self._zones:
            self._zones, self._mask = zones, zone_mask((now.shape[0], now.shape[1]), zones)
        return self._compare(before, now, self._mask)

    def _compare(self, before: Picture, now: Picture, mask: Picture) -> Seen:
        middle = _median(now)
        shift = middle - _median(before)
        level = before
        if shift:
            level = np.clip(before.astype(np.int16) + shift, 0, 255).astype(np.uint8)
        apart = cv2.absdiff(level, now)
        threshold = max(float(_LEVELS), _NOISES * _median(np.asarray(apart, np.uint8)))
        changed = np.asarray(cv2.threshold(apart, threshold, 255, cv2.THRESH_BINARY)[1], np.uint8)
        raw = cv2.countNonZero(changed) / changed.size
        restless = self._learn(changed)
        counted = cv2.bitwise_and(changed, mask)
        if restless is not None:
            counted = cv2.bitwise_and(counted, restless)
        share = cv2.countNonZero(counted) / max(1, cv2.countNonZero(mask))
        contrast = float(cv2.meanStdDev(now)[1][0, 0])
        before_contrast = float(cv2.meanStdDev(before)[1][0, 0])
        hint = Hint.NONE
        if contrast < _FLAT <= before_contrast:
            hint = Hint.BLOCKED
        elif abs(shift) >= _LIGHT:
            hint = Hint.LIGHT
        elif raw >= _ELSEWHERE:
            hint = Hint.VIEW
        return Seen(share, float(middle), contrast, hint)

    def _learn(self, changed: Picture) -> Picture | None:
        """255 where change counts; None while nothing is known to be restless."""
        if self._restless is None:
            self._restless = np.zeros(changed.shape, np.float32)
        weight = 1.0 / min(self._seen + 1, _MEMORY)
        self._seen += 1
        cv2.accumulateWeighted(changed, self._restless, weight)
        if self._seen < _LEARN:
            return None
        always = np.asarray(
            cv2.threshold(self._restless, 255 * _RESTLESS, 255, cv2.THRESH_BINARY)[1].astype(np.uint8), np.uint8
        )
        # What flickers at the rim of a digit belongs to it.
        return np.asarray(cv2.bitwise_not(cv2.dilate(always, np.ones((9, 9), np.uint8))), np.uint8)


def _median(picture: Picture) -> int:
    """Of every second pixel across and down, which is as good."""
    some = np.ascontiguousarray(picture[::2, ::2])
    counts = cv2.calcHist([some], [0], None, [256], [0, 256])
    return int(np.searchsorted(np.cumsum(counts), some.size / 2))
