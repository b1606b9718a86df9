"""A small picture of one event, in which heads, number plates and whatever a camera's permanent masks cover are gone.

Everything is painted over in the decoded picture, before it is cut, made smaller and compressed: no pixel below a cover has
any part in the JPEG. The cover is one flat grey, the same for everybody, neither blur nor mosaic. Made where pictures are
decoded, under the asker's grant, and kept nowhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor

import cv2
import numpy as np
from numpy.typing import NDArray

from belvedere.foundation.errors import BadInput
from belvedere.media.objects import VEHICLES, ObjectKind
from belvedere.vision.masking.cover import Polygon, polygon_mask
from belvedere.vision.objects.detection import Bgr
from belvedere.vision.objects.found import Box, Detection

Cover = NDArray[np.uint8]
"""Rows x columns, 255 where the picture is hidden."""

WIDEST, NARROWEST = 640, 64  # pixels
HEAD = (-0.12, 0.30)  # of a standing body's height, from its top: where a head may be
HEAD_ASIDE = 0.15  # of the body's width, more on each side
LYING = 0.8  # width over height, in pixels, from which a head may be anywhere in the box
RIDER = (-0.9, 0.35)  # the same of a bicycle or motorcycle: whoever sits on it, found or not
PLATE = (0.55, 1.03)  # of a vehicle's height
_PLATE_ASIDE = 0.03
_BODY_ASIDE = 0.08
_GREY = (98, 98, 98)
_OUTLINE = (60, 190, 250)
_AROUND = 0.5  # of the larger side of the event's box, on each side of it
_LEAST_CROP = 0.25  # of the picture's width and height
_QUALITY = 82


@dataclass(frozen=True, slots=True)
class Thumb:
    """A JPEG without any description in it, and its size in pixels."""

    jpeg: bytes
    width: int
    height: int


def make_thumbnail(
    picture: Bgr,
    found: Sequence[Detection],
    box: Box,
    kind: ObjectKind,
    *,
    width: int = 320,
    silhouettes: bool = False,
    permanent: Sequence[Polygon] = (),
    outline: bool = True,
) -> Thumb:
    """Cut out what is around `box`, an event of `kind`, at most `width` pixels wide.

    `found`: everything that the detector finds in this picture, at a lower confidence than an event needs (0.2 does): too much
    hidden costs nothing. The event itself is hidden like what was found. `silhouettes`: people whole, not their heads alone.
    `permanent`: the camera's masks. `outline`: mark the event's box. Raises BadInput.
    """
    if not NARROWEST <= width <= WIDEST:
        raise BadInput(f"A picture is {NARROWEST} to {WIDEST} pixels wide.", advice="Ask for 320.")
    shown = picture.copy()
    here = Detection(kind, 1.0, box)
    shown[cover_of(picture.shape[:2], [here, *found], silhouettes=silhouettes, permanent=permanent) > 0] = _GREY
    left, top, right, bottom = _crop(picture.shape[:2], box)
    if outline:
        rows, columns = picture.shape[:2]
        corners = (
            (floor(box.left * columns), floor(box.top * rows)),
            (ceil(box.right * columns), ceil(box.bottom * rows)),
        )
        cv2.rectangle(shown, *corners, _OUTLINE, max(1, round((right - left) / 200)))
    cut = shown[top:bottom, left:right]
    if cut.shape[1] > width:
        size = (width, max(1, round(cut.shape[0] * width / cut.shape[1])))
        cut = np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.uint8)
    done, jpeg = cv2.imencode(".jpg", cut, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise BadInput("This picture can't be written.", advice="Look at another moment.")
    return Thumb(jpeg.tobytes(), cut.shape[1], cut.shape[0])


def cover_of(
    shape: tuple[int, ...],
    found: Iterable[Detection],
    *,
    silhouettes: bool = False,
    permanent: Sequence[Polygon] = (),
) -> Cover:
    """What is hidden of a picture of `shape` (rows, columns): heads or whole bodies, riders' heads, plates, permanent masks."""
    rows, columns = shape[0], shape[1]
    cover = polygon_mask((rows, columns), permanent)
    for each in found:
        for left, top, right, bottom in _hidden_parts(each, rows, columns, silhouettes):
            cover[max(0, floor(top)) : max(0, ceil(bottom)), max(0, floor(left)) : max(0, ceil(right))] = 255
    return cover


def _hidden_parts(
    one: Detection, rows: int, columns: int, silhouettes: bool
) -> Iterable[tuple[float, float, float, float]]:
    """Left, top, right, bottom in pixels."""
    left, top, right, bottom = (
        one.box.left * columns,
        one.box.top * rows,
        one.box.right * columns,
        one.box.bottom * rows,
    )
    wide, high = right - left, bottom - top
    if one.kind is ObjectKind.PERSON:
        if silhouettes or wide > LYING * high:
            aside = _BODY_ASIDE * max(wide, high)
            yield left - aside, top - aside, right + aside, bottom + aside
        else:
            # Of a body that the picture cuts off below, or whose legs are hidden, the head is a larger part of the box.
            reach = max(HEAD[1] * high, 0.8 * wide)
            yield left - HEAD_ASIDE * wide, top + HEAD[0] * high, right + HEAD_ASIDE * wide, top + reach
    if one.kind in (ObjectKind.BICYCLE, ObjectKind.MOTORCYCLE):
        yield left, top + RIDER[0] * high, right, top + RIDER[1] * high
    if one.kind in VEHICLES:
        aside = _PLATE_ASIDE * wide
        yield left - aside, top + PLATE[0] * high, right + aside, top + PLATE[1] * high


def _crop(shape: tuple[int, ...], box: Box) -> tuple[int, int, int, int]:
    """Left, top, right, bottom in pixels: the box with room around it, moved into the picture."""
    rows, columns = shape[0], shape[1]
    room = _AROUND * max((box.right - box.left) * columns, (box.bottom - box.top) * rows)

    def side(first: float, last: float, most: int) -> tuple[int, int]:
        length = min(float(most), max(last - first + 2 * room, _LEAST_CROP * most))
        begin = min(max(0.0, (first + last - length) / 2), most - length)
        return floor(begin), min(most, ceil(begin + length))

    left, right = side(box.left * columns, box.right * columns, columns)
    top, bottom = side(box.top * rows, box.bottom * rows, rows)
    return left, top, right, bottom
