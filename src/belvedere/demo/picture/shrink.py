"""The sub stream's pictures: the main ones at another size. Only what differs from the empty scene is made smaller anew."""

from collections.abc import Callable
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from belvedere.demo.picture import osd
from belvedere.demo.picture.canvas import Bytes
from belvedere.demo.picture.render import NOISES, Box


def shrunk(planes: NDArray[np.uint8], size: tuple[int, int], small: tuple[int, int]) -> Bytes:
    """An I420 picture at another size; both sizes (width, height) even."""
    (wide, high), (w, h) = size, small
    made = np.empty((h * 3 // 2, w), np.uint8)
    cv2.resize(planes[:high], (w, h), dst=made[:h], interpolation=cv2.INTER_AREA)
    for source, target in zip(osd.chroma_planes(planes, wide, high), osd.chroma_planes(made, w, h), strict=True):
        target[:] = cv2.resize(source, (w // 2, h // 2), interpolation=cv2.INTER_AREA)
    return made


class Shrinker:
    """Pictures of one camera at another size, equal to what `shrunk` makes of them."""

    def __init__(self, still: Callable[[int], Bytes], size: tuple[int, int], small: tuple[int, int]) -> None:
        """`still`: the empty scene with each noise, of which the pictures differ in boxes only."""
        self._still, self._size, self._small = still, size, small
        self._kept: dict[int, Bytes] = {}
        # Steps of the small picture that are whole, even steps of the large one, so that no pixel's area is cut.
        ratios = [Fraction(large, little) for large, little in zip(size, small, strict=True)]
        self._steps = [2 * ratio.denominator for ratio in ratios]
        self._strides = [2 * ratio.numerator for ratio in ratios]

    def of(self, picture: Bytes, index: int, boxes: list[Box]) -> Bytes:
        """`picture` made smaller, which is the still picture `index` outside of `boxes` (pixels of the large picture)."""
        index %= NOISES
        if index not in self._kept:
            self._kept[index] = shrunk(self._still(index), self._size, self._small)
        made = self._kept[index].copy()
        (wide, high), (w, h) = self._size, self._small
        sources = osd.chroma_planes(picture, wide, high)
        targets = osd.chroma_planes(made, w, h)
        for box in boxes:
            columns, rows = self._reach(0, box[0], box[2]), self._reach(1, box[1], box[3])
            self._part(picture, made, columns, rows, 1)
            for source, target in zip(sources, targets, strict=True):
                self._part(source, target, columns, rows, 2)
        return made

    def _reach(self, axis: int, first: int, last: int) -> tuple[int, int, int, int]:
        """From and to in the large picture, from and to in the small one, in whole steps around [first, last)."""
        step, stride = self._steps[axis], self._strides[axis]
        begin, end = first // stride, min(-(-last // stride), self._size[axis] // stride)
        if end * stride < last:  # the picture's edge lies within a step
            return begin * stride, self._size[axis], begin * step, self._small[axis]
        return begin * stride, end * stride, begin * step, end * step

    @staticmethod
    def _part(
        source: Bytes, target: Bytes, columns: tuple[int, int, int, int], rows: tuple[int, int, int, int], by: int
    ) -> None:
        a, c, left, right = (at // by for at in columns)
        b, d, top, bottom = (at // by for at in rows)
        target[top:bottom, left:right] = cv2.resize(
            source[b:d, a:c], (right - left, bottom - top), interpolation=cv2.INTER_AREA
        )
