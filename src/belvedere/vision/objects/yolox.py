"""Networks of YOLOX's shape (github.com/Megvii-BaseDetection/YOLOX, ONNX export): a row a cell: sides, objectness, classes.

The table is as the export leaves it: scores with sigmoid applied, places and sizes relative to cells of the strides 8, 16 and 32.
"""

from collections.abc import Sequence

import numpy as np

from belvedere.foundation.errors import BadInput
from belvedere.vision.objects.detection import Bgr, Detection
from belvedere.vision.objects.fitting import CANDIDATES, Floats, fitted, kept, middles
from belvedere.vision.objects.nanodet import COCO_KINDS, STRIDES, Runner

_GROUND = 114  # grey beside a picture that does not fill the square
_SAME = 0.5
_WIDEST = 10.0  # exponents beyond it are no sizes
_TABLE = np.array([int(COCO_KINDS.get(number, 0)) for number in range(80)], np.int64)


class YoloX:
    """A detector for one thread. `size`: height and width that the network is given, multiples of 32."""

    def __init__(self, runner: Runner, model: str, size: tuple[int, int], least: float) -> None:
        if size[0] % 32 or size[1] % 32 or min(size) < 32:
            raise ValueError("YOLOX's pictures are multiples of 32 high and wide")
        self._runner = runner
        self._model = model
        self._size = size
        self._least = least
        self._cells = np.concatenate([middles(size, stride, 0.0) for stride in STRIDES])
        counts = [(size[0] // stride) * (size[1] // stride) for stride in STRIDES]
        self._strides = np.repeat(np.array(STRIDES, np.float32), counts)[:, None]

    @property
    def model(self) -> str:
        return self._model

    def find(self, pictures: Sequence[Bgr]) -> list[list[Detection]]:
        """Detections of each picture, most confident first. Raises Unavailable; BadInput for a table of another shape."""
        return [self._one(picture) for picture in pictures]

    def _one(self, picture: Bgr) -> list[Detection]:
        room, ratio = fitted(picture, self._size, _GROUND)
        given: Floats = np.ascontiguousarray(room.astype(np.float32).transpose(2, 0, 1)[None])
        tables = list(self._runner.run(given).values())
        rows = tables[0].reshape(-1, tables[0].shape[-1])
        if rows.shape != (len(self._cells), 5 + len(_TABLE)):
            raise BadInput(
                f"The network gives {rows.shape[0]} x {rows.shape[1]} numbers where {len(self._cells)} x {5 + len(_TABLE)} belong.",
                advice="Its pictures have another size, or it knows other classes than COCO's: choose another model.",
            )
        scores = np.where(_TABLE > 0, rows[:, 5:], 0.0) * rows[:, 4:5]
        best = scores.max(1)
        chosen = np.flatnonzero(best > self._least)
        if chosen.size > CANDIDATES:
            chosen = chosen[np.argsort(best[chosen])[-CANDIDATES:]]
        if not chosen.size:
            return []
        stride = self._strides[chosen]
        middle = rows[chosen, :2] * stride + self._cells[chosen]
        half = np.exp(np.minimum(rows[chosen, 2:4], _WIDEST)) * stride / 2
        corners = np.concatenate([middle - half, middle + half], 1) / ratio
        kinds = _TABLE[scores[chosen].argmax(1)]
        return kept(corners, best[chosen], kinds, (picture.shape[0], picture.shape[1]), _SAME)
