"""One object in one picture, and what finds it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from belvedere.media.objects import ObjectColour, ObjectKind

Bgr = NDArray[np.uint8]
"""Rows x columns x 3, blue first, 0 to 255."""


@dataclass(frozen=True, slots=True)
class Box:
    """Shares of the picture's width and height, from its top left corner. Invariant: 0 <= left < right <= 1, top likewise."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def foot(self) -> tuple[float, float]:
        """Where it touches the ground: the middle of its lower edge."""
        return (self.left + self.right) / 2, self.bottom


@dataclass(frozen=True, slots=True)
class Detection:
    """What a detector says of one picture. `confidence` 0 to 1 as the model gives it, not a probability.

    Of a person `upper` and `lower` are the clothing's colours, of a vehicle `upper` is its body's; otherwise UNKNOWN.
    """

    kind: ObjectKind
    confidence: float
    box: Box
    upper: ObjectColour = ObjectColour.UNKNOWN
    lower: ObjectColour = ObjectColour.UNKNOWN


class ObjectDetector(Protocol):
    """Finds objects. One instance belongs to one thread."""

    @property
    def model(self) -> str:
        """Name and version of what looked, as rows keep it: `nanodet-g/3.0.4`."""
        ...

    def find(self, pictures: Sequence[Bgr]) -> list[list[Detection]]:
        """Detections of each picture, most confident first, in the pictures' order. Raises Unavailable when it can't look."""
        ...
