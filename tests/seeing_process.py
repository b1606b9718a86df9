"""The process that looks for objects, with a detector that finds bright rectangles: `python seeing_process.py`.

A picture whose middle is black ends it, as a broken decoder would.
"""

import os
import sys
from collections.abc import Sequence

import cv2
import numpy as np

from belvedere.media.objects import ObjectKind
from belvedere.site.seeing.eyes import Eyes
from belvedere.site.seeing.pipe import Ready
from belvedere.site.seeing.worker import obey
from belvedere.vision.objects.detection import Bgr
from belvedere.vision.objects.found import Box, Detection

BRIGHT = 225


class BrightThings:
    """Finds bright rectangles: wide ones are cars, the others people."""

    model = "bright/1"

    def find(self, pictures: Sequence[Bgr]) -> list[list[Detection]]:
        return [self._find(picture) for picture in pictures]

    def _find(self, picture: Bgr) -> list[Detection]:
        rows, columns = picture.shape[:2]
        if float(picture.mean()) < 4:
            os._exit(9)
        bright = np.asarray(picture.min(axis=2) > BRIGHT, np.uint8)
        count, _, stats, _ = cv2.connectedComponentsWithStats(bright)
        found = []
        for left, top, width, height, area in stats[1:count].tolist():
            if area < 40:
                continue
            box = Box(left / columns, top / rows, (left + width) / columns, (top + height) / rows)
            found.append(Detection(ObjectKind.CAR if width > height else ObjectKind.PERSON, 0.9, box))
        return found


if __name__ == "__main__":
    things = BrightThings()
    sys.exit(obey(Eyes(things, things, Ready(things.model, "test", 1.0))))
