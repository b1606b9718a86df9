"""Coarse names of colours: clothing of a person, body of a vehicle. A name is given only where light and pixels carry it.

Colours are compared in OKLab (B. Ottosson, 2020: L lightness 0 to 1, a green to red, b blue to yellow), where equal steps
look about equal. More or less light multiplies all three alike, so a dim picture is first brought to a usual one's level.
Of a part only the middle counts, and of its pixels those nearest to their median: what is behind the object, seams and
reflections fall away. A name is a hint for a search, never a description of anybody.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from belvedere.media.objects import VEHICLES, ObjectColour, ObjectKind
from belvedere.vision.objects.detection import Bgr
from belvedere.vision.objects.found import Box, Detection

Floats = NDArray[np.float32]

CENTRES: tuple[tuple[ObjectColour, float, float, float], ...] = (
    (ObjectColour.BLACK, 0.16, 0.0, 0.0),
    (ObjectColour.BLACK, 0.28, 0.0, 0.0),
    (ObjectColour.GREY, 0.46, 0.0, 0.0),
    (ObjectColour.GREY, 0.60, 0.0, 0.0),
    (ObjectColour.GREY, 0.72, 0.0, 0.0),
    (ObjectColour.WHITE, 0.88, 0.0, 0.0),
    (ObjectColour.WHITE, 0.97, 0.0, 0.0),
    (ObjectColour.RED, 0.63, 0.22, 0.13),
    (ObjectColour.RED, 0.50, 0.15, 0.07),
    (ObjectColour.RED, 0.36, 0.10, 0.04),
    (ObjectColour.ORANGE, 0.75, 0.09, 0.14),
    (ObjectColour.ORANGE, 0.62, 0.10, 0.10),
    (ObjectColour.BROWN, 0.32, 0.03, 0.04),
    (ObjectColour.BROWN, 0.45, 0.04, 0.06),
    (ObjectColour.BROWN, 0.58, 0.03, 0.07),
    (ObjectColour.YELLOW, 0.92, -0.04, 0.17),
    (ObjectColour.YELLOW, 0.72, 0.01, 0.12),
    (ObjectColour.GREEN, 0.80, -0.17, 0.13),
    (ObjectColour.GREEN, 0.58, -0.12, 0.09),
    (ObjectColour.GREEN, 0.47, -0.06, 0.04),
    (ObjectColour.GREEN, 0.34, -0.06, 0.03),
    (ObjectColour.BLUE, 0.72, -0.05, -0.09),
    (ObjectColour.BLUE, 0.54, -0.05, -0.06),
    (ObjectColour.BLUE, 0.50, -0.02, -0.15),
    (ObjectColour.BLUE, 0.36, 0.0, -0.07),
    (ObjectColour.BLUE, 0.45, 0.0, -0.05),
    (ObjectColour.PURPLE, 0.55, 0.12, -0.13),
    (ObjectColour.PURPLE, 0.42, 0.06, -0.09),
    (ObjectColour.PINK, 0.78, 0.11, 0.01),
    (ObjectColour.PINK, 0.66, 0.20, -0.02),
)
"""Centres of the names: L, a, b. A name has several, for its lights and darks."""

USUAL, MOST_RAISED = (
    0.58,
    1.35,
)  # median lightness of a well exposed picture; what a dimmer one is multiplied with at most
_LIGHTNESS_WEIGHT = 0.4  # light and shade change it, and hue stays
LEAST_PIXELS = 24  # of a part's middle
_KEPT = 0.6  # of the pixels, those nearest to their median
_NEAR = 0.12  # of the mean, in the weighted space: pixels that agree
AGREEING = 0.55  # share of a part's pixels that must
FARTHEST = 0.11  # from the centre; beyond it there is no name
CLEARER = 0.012  # the next name must be farther by so much
_DULL = 0.018  # chroma below which a picture has no colours: 98 of 100 pixels
_DARK, _DIM = (
    0.30,
    0.42,
)  # lightness that a quarter of the picture must reach: for any name, and for black, grey and white
_UPRIGHT = 0.7  # width over height, in pixels: who lies, sits or bends has their clothes elsewhere in the box
_LOOKED_AT = (96, 54)  # columns and rows that light is judged by

# (top, bottom, left, right) as shares of the box: what is surely the object.
_UPPER = (0.22, 0.45, 0.32, 0.68)
_LOWER = (0.55, 0.80, 0.32, 0.68)
_BODY = (0.35, 0.75, 0.15, 0.85)


@lru_cache(maxsize=1)
def _linear() -> Floats:
    levels = np.arange(256, dtype=np.float64) / 255
    made = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4).astype(np.float32)
    made.setflags(write=False)
    return made


# From linear B, G, R to cone responses, and from their cube roots to L, a, b.
_CONES = np.array(
    [
        [0.0514459929, 0.5363325363, 0.4122214708],
        [0.1073969566, 0.6806995451, 0.2119034982],
        [0.6299787005, 0.2817188376, 0.0883024619],
    ],
    np.float32,
).T
_OPPONENTS = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    np.float32,
).T
_WEIGHTS = np.array([_LIGHTNESS_WEIGHT, 1.0, 1.0], np.float32)
_SHADES = frozenset({ObjectColour.BLACK, ObjectColour.GREY, ObjectColour.WHITE})
_NAMES = np.array([centre[0] for centre in CENTRES])
_PLACES = np.array([centre[1:] for centre in CENTRES], np.float32) * _WEIGHTS


def oklab(pixels: NDArray[np.uint8]) -> Floats:
    """OKLab of sRGB pixels, blue first; the last axis is B, G, R and becomes L, a, b."""
    return np.asarray(np.cbrt(_linear()[pixels] @ _CONES) @ _OPPONENTS, np.float32)


@dataclass(frozen=True, slots=True)
class Light:
    """What the light of a whole picture lets be said. `coloured` false: infrared, or a camera that sends no colours.

    `bright` false: dark. `dim`: under lamps, where what is black, grey or white looks like any other of them, and dark blue too.
    `raised`: what colours are multiplied with to be those of a usual picture.
    """

    coloured: bool
    bright: bool
    raised: float = 1.0
    dim: bool = False

    @classmethod
    def of(cls, picture: Bgr) -> "Light":
        """Judged on some of the pixels."""
        some = oklab(np.asarray(cv2.resize(picture, _LOOKED_AT, interpolation=cv2.INTER_AREA), np.uint8)).reshape(-1, 3)
        chroma = np.hypot(some[:, 1], some[:, 2])
        middle, upper = np.percentile(some[:, 0], (50, 75))
        raised = min(MOST_RAISED, max(1.0, USUAL / max(float(middle), 0.01)))
        return cls(float(np.percentile(chroma, 98)) >= _DULL, float(upper) >= _DARK, raised, float(upper) < _DIM)


def name_of(pixels: NDArray[np.uint8], *, raised: float = 1.0, dark_counts: float = 1.0) -> ObjectColour:
    """The colour of a part's pixels (n x 3, blue first), or UNKNOWN.

    Known are: `LEAST_PIXELS` and more, of which `AGREEING` are alike, nearer than `FARTHEST` to a centre and clearly nearer
    than to any other name's. `dark_counts`: what dark pixels weigh, for things that have windows and tyres.
    """
    if len(pixels) < LEAST_PIXELS:
        return ObjectColour.UNKNOWN
    lab = oklab(pixels) * np.float32(raised)
    if dark_counts < 1.0:
        light = lab[lab[:, 0] > 0.34]
        if len(light) >= max(LEAST_PIXELS, dark_counts * len(lab)):
            lab = light
    points = lab * _WEIGHTS
    away = np.linalg.norm(points - np.median(points, axis=0), axis=1)
    mean = points[np.argsort(away)[: max(1, round(_KEPT * len(points)))]].mean(axis=0)
    if np.mean(np.linalg.norm(points - mean, axis=1) < _NEAR) < AGREEING:
        return ObjectColour.UNKNOWN
    distances = np.linalg.norm(_PLACES - mean, axis=1)
    nearest = int(distances.argmin())
    name = _NAMES[nearest]
    next_best = float(distances[name != _NAMES].min())
    if distances[nearest] > FARTHEST or next_best - distances[nearest] < CLEARER:
        return ObjectColour.UNKNOWN
    return ObjectColour(int(name))


def _told(name: ObjectColour, light: Light) -> ObjectColour:
    return ObjectColour.UNKNOWN if light.dim and name in _SHADES else name


def _part(picture: Bgr, box: Box, where: tuple[float, float, float, float]) -> NDArray[np.uint8]:
    """Pixels of a part of a box, n x 3."""
    rows, columns = picture.shape[:2]
    wide, high = box.right - box.left, box.bottom - box.top
    top, bottom = (round((box.top + share * high) * rows) for share in where[:2])
    left, right = (round((box.left + share * wide) * columns) for share in where[2:])
    return picture[max(0, top) : max(0, bottom), max(0, left) : max(0, right)].reshape(-1, 3)


def colours_of(picture: Bgr, kind: ObjectKind, box: Box, light: Light) -> tuple[ObjectColour, ObjectColour]:
    """Upper and lower clothing of a person; a vehicle's body and UNKNOWN; two UNKNOWN for anything else, and in bad light."""
    unknown = ObjectColour.UNKNOWN
    if not (light.coloured and light.bright):
        return unknown, unknown
    if kind is ObjectKind.PERSON:
        rows, columns = picture.shape[:2]
        if (box.right - box.left) * columns > _UPRIGHT * (box.bottom - box.top) * rows:
            return unknown, unknown
        upper, lower = (name_of(_part(picture, box, where), raised=light.raised) for where in (_UPPER, _LOWER))
        return _told(upper, light), _told(lower, light)
    if kind in VEHICLES:
        return _told(name_of(_part(picture, box, _BODY), raised=light.raised, dark_counts=0.4), light), unknown
    return unknown, unknown


def with_colours(picture: Bgr, found: Sequence[Detection]) -> list[Detection]:
    """The same detections, in their order, with the colours that can be told."""
    if not found:
        return []
    light = Light.of(picture)
    return list(_coloured(picture, found, light))


def _coloured(picture: Bgr, found: Iterable[Detection], light: Light) -> Iterable[Detection]:
    for each in found:
        upper, lower = colours_of(picture, each.kind, each.box, light)
        yield replace(each, upper=upper, lower=lower)
