"""Bodies that a trained detector sees, beside those that stand out from the background: whoever does not move at all.

It looks at some pictures only; in between, and for ten seconds after it last saw somebody, their place stays hidden.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from belvedere.foundation.clock import SECOND_US
from belvedere.media.objects import ObjectKind
from belvedere.vision.masking.bodies import HELD_US, Body
from belvedere.vision.masking.picture import Picture
from belvedere.vision.objects.detection import Bgr, ObjectDetector
from belvedere.vision.objects.found import Detection

SOONEST_US = SECOND_US // 2  # between two looks
LATEST_US = 4 * SECOND_US  # however slow the detector is: well within the time for which a place stays hidden
BUSY = 0.04  # of one core that looking at a camera takes at most, as far as LATEST_US lets it
LEAST_CONFIDENCE = 0.25  # half of what an event needs: a bollard too many is hidden, and a person too few is shown
LARGE, LEAST_LARGE = 0.08, 0.45  # of the picture's area; somebody so near is found surely, a wall now and then weakly
ASIDE = 0.12  # of a box's size, more on every side
RIDER = 0.9  # of a bicycle's or motorcycle's height, above it
_MOST = 64  # places remembered

_HIDDEN = frozenset({ObjectKind.PERSON, ObjectKind.BICYCLE, ObjectKind.MOTORCYCLE})


class Seen:
    """What a detector saw of one camera lately.

    Invariant: a place is let go only ten seconds after it was last seen taken, or when the one who stood there is seen to
    have moved; each who is found takes at most one earlier place along, the newest first, so that nobody uncovers their
    neighbour.
    """

    __slots__ = ("_cost_us", "_detector", "_kept", "_looked_us", "_stopwatch", "looks", "spent_us")

    def __init__(self, detector: ObjectDetector, stopwatch: Callable[[], int] = lambda: 0) -> None:
        """`stopwatch`: processor time (us) that was used so far; without it every look counts as free."""
        self._detector = detector
        self._stopwatch = stopwatch
        self._kept: list[tuple[int, Body]] = []
        self._looked_us: int | None = None
        self._cost_us = 0.0  # of a look, smoothed
        self.looks = 0
        self.spent_us = 0

    @property
    def pause_us(self) -> int:
        """Until the next look."""
        return min(LATEST_US, max(SOONEST_US, round(self._cost_us / BUSY)))

    def bodies(self, at_us: int, picture: Picture) -> list[Body]:
        """Everybody to hide now, in half-size pixels; looks when it is time. Raises Unavailable when it can't look."""
        if self._looked_us is None or not 0 <= at_us - self._looked_us < self.pause_us:
            self._looked_us = at_us
            self._look(at_us, picture)
        self._kept = [(seen_us, body) for seen_us, body in self._kept if 0 <= at_us - seen_us < HELD_US]
        return [body for _, body in self._kept]

    def forget(self) -> None:
        """Another view."""
        self._kept.clear()
        self._looked_us = None

    def _look(self, at_us: int, picture: Picture) -> None:
        begun_us = self._stopwatch()
        (found,) = self._detector.find([bgr_of(picture)])
        cost_us = self._stopwatch() - begun_us
        self.spent_us += cost_us
        self._cost_us += (cost_us - self._cost_us) / (1 if not self.looks else 8)
        self.looks += 1
        rows, columns = picture.u.shape
        bodies = [body_of(each, rows, columns) for each in found if counts(each)]
        left = _without_moved(self._kept, bodies)
        earlier = [self._kept[number] for number in left]
        self._kept = [*earlier, *((at_us, body) for body in bodies)][-_MOST:]


def counts(found: Detection) -> bool:
    """Whether a detection is somebody to hide."""
    area = (found.box.right - found.box.left) * (found.box.bottom - found.box.top)
    return found.kind in _HIDDEN and found.confidence >= (LEAST_LARGE if area > LARGE else LEAST_CONFIDENCE)


def bgr_of(picture: Picture) -> Bgr:
    """The picture as detectors take it."""
    rows, columns = picture.y.shape
    planar = np.concatenate([picture.y.reshape(-1), picture.u.reshape(-1), picture.v.reshape(-1)])
    return np.asarray(cv2.cvtColor(planar.reshape(rows * 3 // 2, columns), cv2.COLOR_YUV2BGR_I420), np.uint8)


def body_of(found: Detection, rows: int, columns: int) -> Body:
    """The place that is hidden for a detection, in pixels of a picture of `rows` and `columns`, with a margin."""
    box = found.box
    wide, high = box.right - box.left, box.bottom - box.top
    above = ASIDE if found.kind is ObjectKind.PERSON else RIDER
    left = int(max(0.0, box.left - ASIDE * wide) * columns)
    top = int(max(0.0, box.top - above * high) * rows)
    right = int(-(-min(1.0, box.right + ASIDE * wide) * columns // 1))
    bottom = int(-(-min(1.0, box.bottom + ASIDE * high) * rows // 1))
    return Body(left, top, max(1, right - left), max(1, bottom - top))


def _without_moved(before: Sequence[tuple[int, Body]], now: Sequence[Body]) -> list[int]:
    """Numbers of those earlier places that nobody of `now` has come from: newest and best overlap first, one for one."""
    pairs = sorted(
        (
            (seen_us, _overlap(old, new), first, second)
            for first, (seen_us, old) in enumerate(before)
            for second, new in enumerate(now)
        ),
        reverse=True,
    )
    gone: set[int] = set()
    taken: set[int] = set()
    for _, share, first, second in pairs:
        if share > 0 and first not in gone and second not in taken:
            gone.add(first)
            taken.add(second)
    return [number for number in range(len(before)) if number not in gone]


def _overlap(one: Body, other: Body) -> float:
    """Common part over the smaller of the two."""
    wide = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    high = min(one.y + one.h, other.y + other.h) - max(one.y, other.y)
    return wide * high / min(one.w * one.h, other.w * other.h) if wide > 0 and high > 0 else 0.0
