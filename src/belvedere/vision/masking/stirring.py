"""What stirs: where something moved lately, however little. A thing that was put down does not; somebody who stands does.

People who wait shift their weight, turn their heads, breathe: seen over ten seconds and more, the edges of a body move by a
pixel now and then.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from belvedere.foundation.clock import MINUTE_US, SECOND_US
from belvedere.vision.masking.picture import Plane

STILL_US = 30 * MINUTE_US  # nothing of it moved for so long: then it is a thing
_APART_US = 10 * SECOND_US  # between two pictures that are compared
_LEAST = 3  # pixels that moved; fewer are noise
_ANY = np.ones((1, 3), np.float32)
_JOIN = cv2.getStructuringElement(cv2.MORPH_RECT, (11, 25))  # parts of one body, as it stands


class Stirring:
    """Of one camera, at half size."""

    __slots__ = ("_before", "_before_us", "_moved_s")

    def __init__(self) -> None:
        self._before: Plane | None = None
        self._before_us = 0
        self._moved_s: NDArray[np.int32] | None = None  # when each pixel moved last, seconds

    def forget(self) -> None:
        self._before, self._moved_s = None, None

    def look(self, at_us: int, small: Plane, limits: Plane) -> None:
        """Take a picture in; more than one in ten seconds is ignored. `limits`: differences that count."""
        if self._before is not None and 0 <= at_us - self._before_us < _APART_US:
            return
        if self._before is None or self._moved_s is None or at_us < self._before_us:
            self._moved_s = np.full(small.shape[:2], at_us // SECOND_US, np.int32)  # nothing is settled at the start
        else:
            shift = float(np.median(self._before[::4, ::4, 0])) - float(np.median(small[::4, ::4, 0]))
            apart = cv2.absdiff(cv2.add(small, np.array([shift, 0.0, 0.0, 0.0])), self._before)
            moved = cv2.transform(cv2.compare(apart, limits, cv2.CMP_GT), _ANY)
            self._moved_s[cv2.medianBlur(np.asarray(moved, np.uint8), 3) > 0] = at_us // SECOND_US
        self._before, self._before_us = small, at_us

    def settled(self, at_us: int, differing: Plane) -> tuple[Plane, Plane]:
        """`differing` (255 where the picture differs from the background) without every blob of which something moved lately;
        and the surroundings of those blobs.
        """
        if self._moved_s is None:
            return np.zeros_like(differing), np.full_like(differing, 255)
        joined = cv2.dilate(differing, _JOIN)
        count, labels = cv2.connectedComponents(joined)
        lately = (at_us // SECOND_US - self._moved_s < STILL_US // SECOND_US) & (joined > 0)
        busy = np.bincount(labels[lately], minlength=count) >= _LEAST
        held = busy[labels] & (joined > 0)
        return np.where(held, 0, differing).astype(np.uint8), np.where(held, 255, 0).astype(np.uint8)
