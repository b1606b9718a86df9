"""What finds objects in pictures; what it finds stands in `found`."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from belvedere.vision.objects.found import Box, Detection

__all__ = ["Bgr", "Box", "Detection", "ObjectDetector"]

Bgr = NDArray[np.uint8]
"""Rows x columns x 3, blue first, 0 to 255."""


class ObjectDetector(Protocol):
    """Finds objects. One instance belongs to one thread."""

    @property
    def model(self) -> str:
        """Name and version of what looked, as rows keep it: `nanodet-g/3.0.4`."""
        ...

    def find(self, pictures: Sequence[Bgr]) -> list[list[Detection]]:
        """Detections of each picture, most confident first, in the pictures' order. Raises Unavailable when it can't look."""
        ...
