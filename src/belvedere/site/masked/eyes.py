"""The detector inside a masking process: opened beside the work, from a handle, checked, and let go when it fails.

Imported in the confined process only.
"""

import hashlib
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from belvedere.foundation.errors import BadInput, BelvedereError, Unavailable
from belvedere.site.masked.pipe import Sight
from belvedere.vision.masking.picture import HEIGHT, WIDTH
from belvedere.vision.masking.seen import LEAST_CONFIDENCE, Seen
from belvedere.vision.models.shelf import MOST_BYTES, Model
from belvedere.vision.objects.detection import ObjectDetector
from belvedere.vision.objects.nanodet import Runner
from belvedere.vision.objects.runners import OnnxRuntime, OpenVino, has_amx
from belvedere.vision.objects.shapes import detector_of

_LONGEST = 180  # characters of a reason


class Eyes:
    """Opens a detector in a thread, so that no picture waits for it. Everything else happens in the thread that decodes."""

    def __init__(self, open_detector: Callable[[], ObjectDetector]) -> None:
        self._opened: ObjectDetector | None = None
        self._why = ""
        self._thread = threading.Thread(target=self._open, args=(open_detector,), name="detector", daemon=True)
        self._thread.start()

    @classmethod
    def of(cls, arguments: Sequence[str]) -> "Eyes | None":
        """From the process's arguments: a handle and the model's entry as JSON; None without any."""
        if not arguments:
            return None
        handle, entry = arguments
        return cls(lambda: open_model(int(handle), msgspec.json.decode(entry, type=Model)))

    @property
    def sight(self) -> Sight:
        """Which model looks, or why none does."""
        opened = self._opened
        return Sight(opened.model[:100] if opened is not None else "", self._why)

    def wait(self) -> None:
        """Until the detector is there, or can't be had."""
        self._thread.join()

    def seen(self, before: Seen | None) -> Seen | None:
        """What a stream goes on with: `before`, or one of its own once the detector is there."""
        if before is None and self._opened is not None:
            return Seen(self._opened, lambda: time.process_time_ns() // 1000)
        return before

    def close(self, why: str) -> None:
        """It failed: nobody looks with it any more."""
        self._opened, self._why = None, why[:_LONGEST]

    def _open(self, open_detector: Callable[[], ObjectDetector]) -> None:
        try:
            self._opened = open_detector()
        except BelvedereError as fault:
            self._why = str(fault)[:_LONGEST]
        except Exception as fault:  # noqa: BLE001 - a runtime that is broken; pictures are masked without it
            self._why = f"The model can't be opened ({type(fault).__name__})."


def open_model(handle: int, model: Model) -> ObjectDetector:
    """The detector in an open file. Raises BadInput for another file than was registered, Unavailable for what is no network."""
    with os.fdopen(handle, "rb") as file:
        data = file.read(MOST_BYTES)
    if hashlib.sha256(data).hexdigest() != model.sha256:
        raise BadInput("The model's file is not the one that was registered.", advice="Run: belvedere models fetch.")
    # OpenVINO's package would bring one that tells its maker who uses it; nothing of that is loaded.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    detector = detector_of(_runner(data), model, min(LEAST_CONFIDENCE, model.least))
    detector.find([np.zeros((HEIGHT, WIDTH, 3), np.uint8)])  # the first look compiles
    return detector


def _runner(data: bytes) -> Runner:
    """Nobody measures here, as analysis does: a masking process is wanted soon, and two runtimes would take twice the memory.

    Where a process may not see which processor it runs on (Landlock), OpenVINO never ends asking: ONNX Runtime it is.
    """
    try:
        return OpenVino(data, bf16=True) if has_amx() else OnnxRuntime(data)
    except Unavailable:
        return OnnxRuntime(data)
