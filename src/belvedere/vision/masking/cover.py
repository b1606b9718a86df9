"""What is painted over a picture. The pixels below are gone before the picture is encoded: nothing is left to undo.

A hidden place is one flat grey with stripes, the same for everybody: no blur and no mosaic of a person, which can be
undone in part. The stripes say that this is a cover and not a grey thing. The whole picture, while the background is not
known, becomes blocks of 40 pixels: enough to see that a camera works and that something moves, and no more.
"""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from belvedere.vision.masking.picture import Picture, Plane

Polygon = Sequence[tuple[float, float]]
"""Corners as shares of width and height, 0 to 1."""

BLOCK = 40
_FLAT, _STRIPE, _PERMANENT = 92, 112, 40  # luma
_NO_COLOUR = 128


@lru_cache(maxsize=4)
def _stripes(rows: int, columns: int) -> Plane:
    down, across = np.mgrid[0:rows, 0:columns]
    made = np.where((down + across) % 12 < 3, _STRIPE, _FLAT).astype(np.uint8)
    made.setflags(write=False)
    return made


def paint(picture: Picture, covered: Plane) -> None:
    """Cover where `covered` (half size) is not 0. Changes the picture."""
    rows, columns = picture.y.shape
    whole = np.asarray(cv2.resize(covered, (columns, rows), interpolation=cv2.INTER_NEAREST), np.uint8)
    cv2.copyTo(_stripes(rows, columns), whole, picture.y)
    picture.u[covered > 0] = _NO_COLOUR
    picture.v[covered > 0] = _NO_COLOUR


def block_out(picture: Picture) -> None:
    """The whole picture as blocks. Changes the picture."""
    for plane, side in ((picture.y, BLOCK), (picture.u, BLOCK // 2), (picture.v, BLOCK // 2)):
        rows, columns = plane.shape
        size = (max(1, columns // side), max(1, rows // side))
        tiny = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
        plane[:] = cv2.resize(tiny, (columns, rows), interpolation=cv2.INTER_NEAREST)


def polygon_mask(shape: tuple[int, int], polygons: Sequence[Polygon]) -> Plane:
    """255 inside any of the polygons and on their edges, for a plane of `shape` (rows, columns)."""
    mask = np.zeros(shape, np.uint8)
    for polygon in polygons:
        corners = np.array([(x * (shape[1] - 1), y * (shape[0] - 1)) for x, y in polygon], np.float64)
        if len(corners) >= 3 and np.all(np.isfinite(corners)):
            points = [np.clip(np.rint(corners), -1e4, 1e4).astype(np.int32)]
            cv2.fillPoly(mask, points, (255,))
            cv2.polylines(mask, points, True, (255,), 2)  # an edge is never rounded away
    return mask


def paint_permanent(picture: Picture, mask: Plane) -> None:
    """Paint permanent masks, `mask` at half size, flat and dark. Changes the picture."""
    rows, columns = picture.y.shape
    whole = np.asarray(cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_NEAREST), np.uint8)
    picture.y[whole > 0] = _PERMANENT
    picture.u[mask > 0] = _NO_COLOUR
    picture.v[mask > 0] = _NO_COLOUR
