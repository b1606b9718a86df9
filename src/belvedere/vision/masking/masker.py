"""One camera's masking: pictures in their order in, the same pictures with everybody hidden out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from belvedere.foundation.clock import SECOND_US
from belvedere.vision.masking.bodies import BlobDetector, Body, BodyDetector, Held
from belvedere.vision.masking.cover import Polygon, block_out, paint, paint_permanent, polygon_mask
from belvedere.vision.masking.ground import ELSEWHERE, Ground
from belvedere.vision.masking.picture import Picture, Plane
from belvedere.vision.masking.seen import Seen

_AFTERGLOW_US = SECOND_US  # a pixel stays covered so long after it last differed
_TICK_US = 20_000
_MARGIN = 3  # half-size pixels around everything that is covered
_ELSEWHERE_US = SECOND_US
_JOIN = cv2.getStructuringElement(cv2.MORPH_RECT, (7, 15))  # head, trunk and legs that came apart; as a body stands
_AROUND = cv2.getStructuringElement(cv2.MORPH_RECT, (11, 25))
_GROW = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _MARGIN + 1, 2 * _MARGIN + 1))
_MOST_BLOBS = 200  # with more, the picture is full of them anyway


@dataclass(frozen=True, slots=True)
class Hidden:
    """What was done to a picture. `share`: covered part, 0 to 1. `whole`: the background is not known, all is blocks."""

    share: float
    whole: bool


class Masker:
    """Hides people in the pictures of one camera. `bodies` false: paints the permanent masks and nothing else."""

    def __init__(
        self, *, bodies: bool = True, permanent: Sequence[Polygon] = (), detector: BodyDetector | None = None
    ) -> None:
        self._bodies = bodies
        self._detector = detector or BlobDetector()
        self.seen: Seen | None = None  # a trained detector, once there is one
        self._permanent = permanent
        self._permanent_mask: Plane | None = None
        self._ground = Ground()
        self._held = Held()
        self._glow: Plane | None = None  # ticks until a pixel is shown again
        self._before_us = 0
        self._elsewhere_us: int | None = None  # since when most of the picture differs

    def set_permanent(self, polygons: Sequence[Polygon]) -> None:
        """Other permanent masks from the next picture on."""
        self._permanent, self._permanent_mask = polygons, None

    def recall(self, at_us: int, picture: Picture) -> None:
        """A picture of before, for the background. In order of time, before the first `hide`."""
        if self._bodies:
            self._ground.recall(at_us, picture.small())

    def hide(self, at_us: int, picture: Picture) -> Hidden:
        """Hide everybody in the picture, which is changed. `at_us` never goes back by much."""
        hidden = self._hide_bodies(at_us, picture) if self._bodies else Hidden(0.0, False)
        if self._permanent:
            shape = (picture.u.shape[0], picture.u.shape[1])
            if self._permanent_mask is None or self._permanent_mask.shape != shape:
                self._permanent_mask = polygon_mask(shape, self._permanent)
            paint_permanent(picture, self._permanent_mask)
        return hidden

    def _hide_bodies(self, at_us: int, picture: Picture) -> Hidden:
        small = picture.small()
        found_now = self._ground.look(at_us, small)
        if found_now is None or self._is_elsewhere(at_us, found_now[0]):
            block_out(picture)
            return Hidden(1.0, True)
        clean = _clean(*found_now)
        found = self._held.update(at_us, self._detector.find(picture, clean))
        if self.seen is not None:
            found += self.seen.bodies(at_us, picture)
        covered = self._cover(at_us, clean, found)
        self._ground.drift(at_us, small, covered)
        paint(picture, covered)
        return Hidden(cv2.countNonZero(covered) / covered.size, False)

    def _is_elsewhere(self, at_us: int, differing: Plane) -> bool:
        """Whether this is another view than the background's. Then all is forgotten and learned again."""
        if cv2.countNonZero(differing) < ELSEWHERE * differing.size:
            self._elsewhere_us = None
            return False
        if self._elsewhere_us is None or at_us < self._elsewhere_us:
            self._elsewhere_us = at_us
        if at_us - self._elsewhere_us >= _ELSEWHERE_US:
            self._ground.forget()
            self._held.forget()
            if self.seen is not None:
                self.seen.forget()
            self._glow, self._elsewhere_us = None, None
        return True

    def _cover(self, at_us: int, clean: Plane, bodies: Sequence[Body]) -> Plane:
        """255 where the picture is to be covered."""
        shapes = _hulls(clean)
        for body in bodies:
            cv2.rectangle(shapes, (body.x, body.y), (body.x + body.w - 1, body.y + body.h - 1), (255,), cv2.FILLED)
        shapes = np.asarray(cv2.dilate(shapes, _GROW), np.uint8)
        passed = min(250, max(1, (at_us - self._before_us) // _TICK_US)) if at_us >= self._before_us else 0
        self._before_us = at_us
        if self._glow is None or self._glow.shape != shapes.shape:
            self._glow = np.zeros_like(shapes)
        self._glow = np.asarray(cv2.subtract(self._glow, np.full_like(self._glow, passed)), np.uint8)
        self._glow[shapes > 0] = _AFTERGLOW_US // _TICK_US
        return np.asarray(cv2.threshold(self._glow, 0, 255, cv2.THRESH_BINARY)[1], np.uint8)


def _clean(surely: Plane, perhaps: Plane) -> Plane:
    """Without specks of noise; with what perhaps differs around what surely does; parts of one body joined."""
    clean = cv2.medianBlur(surely, 3)
    around = cv2.bitwise_and(cv2.medianBlur(perhaps, 3), cv2.dilate(clean, _AROUND))
    return np.asarray(cv2.morphologyEx(cv2.bitwise_or(clean, around), cv2.MORPH_CLOSE, _JOIN), np.uint8)


def _hulls(clean: Plane) -> Plane:
    """Every blob as its convex hull, with a margin that grows with its height. Blobs that one body may have come apart
    into, above each other and no further apart than they are high, become one hull: clothes of the colour of what is behind."""
    shapes = np.zeros_like(clean)
    outlines, _ = cv2.findContours(clean, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for points in _joined(outlines):
        hull = cv2.convexHull(points)
        cv2.fillConvexPoly(shapes, hull, (255,))
        thick = 2 * (cv2.boundingRect(hull)[3] // 10) + 1
        cv2.polylines(shapes, [hull], True, (255,), thick)
    return shapes


def _joined(outlines: Sequence[Any]) -> list[Any]:
    """Outlines as arrays of points, those that belong together put into one."""
    if not 1 < len(outlines) <= _MOST_BLOBS:
        return list(outlines)
    boxes = np.array([cv2.boundingRect(outline) for outline in outlines])
    left, top, right, bottom = boxes[:, 0], boxes[:, 1], boxes[:, 0] + boxes[:, 2], boxes[:, 1] + boxes[:, 3]
    reach = np.maximum(boxes[:, 3][:, None], boxes[:, 3][None])
    above = np.maximum(top[:, None], top[None]) - np.minimum(bottom[:, None], bottom[None])
    beside = np.maximum(left[:, None], left[None]) - np.minimum(right[:, None], right[None])
    near = (above <= reach) & (beside <= _MARGIN)
    group = list(range(len(outlines)))
    for first, second in zip(*np.nonzero(np.triu(near, 1)), strict=True):
        old, new = group[second], group[first]
        group = [new if each == old else each for each in group]
    members: dict[int, list[Any]] = {}
    for number, outline in zip(group, outlines, strict=True):
        members.setdefault(number, []).append(outline)
    return [some[0] if len(some) == 1 else np.concatenate(some) for some in members.values()]
