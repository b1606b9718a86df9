"""A picture as planar YUV 4:2:0, and what the masking looks at: the same at half its size."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]
WIDTH, HEIGHT = 640, 360


@dataclass(frozen=True, slots=True)
class Picture:
    """`y` is rows x columns; `u` and `v` are half of that each way. Rows and columns of `y` are even."""

    y: Plane
    u: Plane
    v: Plane

    def small(self) -> Plane:
        """Rows x columns x 3 at half size: luma blurred a little against noise, then both colours."""
        rows, columns = self.u.shape
        luma = cv2.resize(self.y, (columns, rows), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.blur(cv2.merge([luma, self.u, self.v]), (3, 3)), np.uint8)


def picture_of(planar: Plane) -> Picture:
    """The planes of one array as FFmpeg lays yuv420p out: rows x 3/2 x columns. They share its memory."""
    rows, columns = planar.shape[0] * 2 // 3, planar.shape[1]
    quarter = rows * columns // 4
    flat = planar.reshape(-1)
    u = flat[rows * columns : rows * columns + quarter].reshape(rows // 2, columns // 2)
    v = flat[rows * columns + quarter :].reshape(rows // 2, columns // 2)
    return Picture(planar[:rows], u, v)
