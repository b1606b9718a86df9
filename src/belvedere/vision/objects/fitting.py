"""What readers of every shape share: a picture made to fit, and boxes thinned to one an object."""

import cv2
import numpy as np
from numpy.typing import NDArray

from belvedere.media.objects import ObjectKind
from belvedere.vision.objects.detection import Bgr, Box, Detection

Floats = NDArray[np.float32]
MOST = 400
"""Boxes of one picture, the most confident: a detector gone mad must not fill the index."""

CANDIDATES = 2_000
"""Cells of one table that are looked at, the surest."""

_FAMILY = {ObjectKind.CAR: 1, ObjectKind.VAN: 1}  # the two are confused: one box, the surer name


def fitted(picture: Bgr, size: tuple[int, int], ground: int = 0) -> tuple[NDArray[np.uint8], float]:
    """The picture in the upper left corner of one of `size` (height, width), and its new pixels for one of its own."""
    rows, columns = picture.shape[:2]
    ratio = min(size[0] / rows, size[1] / columns)
    high, wide = max(1, min(size[0], round(rows * ratio))), max(1, min(size[1], round(columns * ratio)))
    room = np.full((*size, 3), ground, np.uint8)
    how = cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR
    room[:high, :wide] = cv2.resize(picture, (wide, high), interpolation=how)
    return room, ratio


def middles(size: tuple[int, int], stride: int, offset: float) -> Floats:
    """Where a stride's cells are, x before y, row by row, in pixels; `offset` in cells."""
    high, wide = size[0] // stride, size[1] // stride
    grid = np.stack(np.meshgrid(np.arange(wide), np.arange(high)), 2).reshape(-1, 2)
    return np.asarray((grid + offset) * stride, np.float32)


def kept(
    corners: NDArray[np.floating],
    scores: NDArray[np.floating],
    kinds: NDArray[np.integer],
    shape: tuple[int, int],
    same: float,
) -> list[Detection]:
    """The surest box of each object, most confident first. `corners` in pixels of a picture of `shape` (height, width).

    `same`: intersection over union above which two boxes of one family are one object. Kinds that are confused are one family.
    """
    high, wide = shape
    edges = np.clip(corners / np.array([wide, high, wide, high]), 0.0, 1.0)
    sound = np.flatnonzero((edges[:, 2] > edges[:, 0]) & (edges[:, 3] > edges[:, 1]) & np.isfinite(edges).all(1))
    found: list[Detection] = []
    families = np.array([_FAMILY.get(ObjectKind(kind), 100 + int(kind)) for kind in kinds[sound]])
    for family in np.unique(families):
        chosen = sound[families == family]
        sides = np.concatenate([corners[chosen, :2], corners[chosen, 2:] - corners[chosen, :2]], 1)
        for place in np.array(cv2.dnn.NMSBoxes(sides.tolist(), scores[chosen].tolist(), 0.0, same)).reshape(-1):
            row = chosen[place]
            left, top, right, bottom = (float(edge) for edge in edges[row])
            box = Box(left, top, right, bottom)
            found.append(Detection(ObjectKind(int(kinds[row])), min(1.0, float(scores[row])), box))
    found.sort(key=lambda each: (-each.confidence, each.box.left, each.box.top))
    return found[:MOST]
