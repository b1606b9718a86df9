"""NanoDet-g (COCO): pictures in, boxes out. What multiplies is a `Runner`; everything here is arithmetic on its tables.

The network (github.com/RangiLyu/nanodet, Apache-2.0) gives for each stride 8, 16 and 32 a table of 80 class scores a cell
(sigmoid applied) and one of 4 sides x 11 bins, whose softmax expectation times the stride is the way from the cell's middle
to a side.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from belvedere.media.objects import ObjectKind
from belvedere.vision.objects.detection import Bgr, Detection
from belvedere.vision.objects.fitting import CANDIDATES, Floats, fitted, kept, middles

__all__ = ["Floats", "NanoDet", "Runner"]

COCO_KINDS: Mapping[int, ObjectKind] = {
    0: ObjectKind.PERSON,
    1: ObjectKind.BICYCLE,
    2: ObjectKind.CAR,
    3: ObjectKind.MOTORCYCLE,
    5: ObjectKind.VAN,  # bus
    7: ObjectKind.VAN,  # truck
    14: ObjectKind.ANIMAL,  # bird
    15: ObjectKind.ANIMAL,  # cat
    16: ObjectKind.DOG,
    17: ObjectKind.ANIMAL,  # horse
    18: ObjectKind.ANIMAL,  # sheep
    19: ObjectKind.ANIMAL,  # cow
    24: ObjectKind.BAG,  # backpack
    26: ObjectKind.BAG,  # handbag
    28: ObjectKind.BAG,  # suitcase
}
"""COCO's class numbers (0 to 79) that are looked for; all others are let go."""

STRIDES = (8, 16, 32)
SIZE = (384, 640)
"""Height and width of the pictures that it is given: a small stream's, whole. PETS: AP50 0.925, and 0.918 at 416 x 416."""

LEAST = 0.35
"""Lower scores are noise: see docs/design/detector.md."""

_MEAN = np.array([103.53, 116.28, 123.675], np.float32)
_SPREAD = np.array([57.375, 57.12, 58.395], np.float32)
_SAME = 0.55  # intersection over union above which two boxes of one family are one object
_BINS = np.arange(11, dtype=np.float32)
_TABLE = np.array([int(COCO_KINDS.get(number, 0)) for number in range(80)], np.int64)


class Runner(Protocol):
    """Runs the network on one thread."""

    def run(self, pictures: Floats) -> Mapping[str, Floats]:
        """`pictures`: 1 x 3 x height x width. Tables by name: cls8 1 x cells x 80, reg8 1 x cells x 44, ... Raises Unavailable."""
        ...


class NanoDet:
    """A detector for one thread. Pictures are fitted into `size` (height, width; multiples of 32) from their upper left corner."""

    def __init__(
        self, runner: Runner, model: str = "nanodet-g/3.0.4", size: tuple[int, int] = SIZE, least: float = LEAST
    ) -> None:
        if size[0] % 32 or size[1] % 32 or min(size) < 32:
            raise ValueError("NanoDet's pictures are multiples of 32 high and wide")
        self._runner = runner
        self._model = model
        self._size = size
        self._least = least
        self._cells = {stride: middles(size, stride, 0.5) for stride in STRIDES}

    @property
    def model(self) -> str:
        return self._model

    def find(self, pictures: Sequence[Bgr]) -> list[list[Detection]]:
        """Detections of each picture, most confident first. Raises Unavailable."""
        return [self._one(picture) for picture in pictures]

    def _one(self, picture: Bgr) -> list[Detection]:
        # One at a time: several at once gain nothing on one thread (docs/design/detector.md).
        fitted, ratio = _given(picture, self._size)
        tables = self._runner.run(fitted[None])
        return self._read({name: table[0] for name, table in tables.items()}, ratio, picture.shape[1], picture.shape[0])

    def _read(self, tables: Mapping[str, Floats], ratio: float, wide: int, high: int) -> list[Detection]:
        parts = []
        for stride in STRIDES:
            scores = tables[f"cls{stride}"]
            best = np.where(_TABLE > 0, scores, 0.0).max(1)
            rows = np.flatnonzero(best > self._least)
            if rows.size > CANDIDATES:
                rows = rows[np.argsort(best[rows])[-CANDIDATES:]]
            if not rows.size:
                continue
            kinds = _TABLE[np.where(_TABLE > 0, scores[rows], 0.0).argmax(1)]
            bins = tables[f"reg{stride}"][rows].reshape(-1, 4, 11)
            share = np.exp(bins - bins.max(2, keepdims=True))
            ways = (share / share.sum(2, keepdims=True)) @ _BINS * stride
            middles = self._cells[stride][rows]
            corners = np.concatenate([middles - ways[:, :2], middles + ways[:, 2:]], 1) / ratio
            parts.append((corners, best[rows], kinds))
        if not parts:
            return []
        corners, scores, kinds = (np.concatenate(each) for each in zip(*parts, strict=True))
        return kept(corners, scores, kinds, (high, wide), _SAME)


def _given(picture: Bgr, size: tuple[int, int]) -> tuple[Floats, float]:
    """What the network is given, 3 x height x width, and its pixels for one of the picture's."""
    room, ratio = fitted(picture, size)
    return np.ascontiguousarray(((room.astype(np.float32) - _MEAN) / _SPREAD).transpose(2, 0, 1)), ratio
