"""The detector inside the process that looks: opened from a handle, checked, measured. Imported in that process only."""

import hashlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from belvedere.foundation.errors import BadInput
from belvedere.site.seeing.pipe import Ready
from belvedere.vision.models.shelf import MOST_BYTES, Model
from belvedere.vision.objects.detection import ObjectDetector
from belvedere.vision.objects.nanodet import Runner
from belvedere.vision.objects.runners import OnnxRuntime, choose
from belvedere.vision.objects.shapes import detector_of

KEEN = 0.2
"""Confidence from which something is hidden in a thumbnail: too much hidden costs nothing."""


@dataclass(frozen=True, slots=True)
class Eyes:
    """`plain` finds what is kept; `keen` finds more, for hiding."""

    plain: ObjectDetector
    keen: ObjectDetector
    ready: Ready


def open_eyes(arguments: Sequence[str]) -> Eyes:
    """From the process's arguments: a handle, and the model's entry as JSON. Raises BadInput, Unavailable."""
    handle, entry = arguments
    model = msgspec.json.decode(entry, type=Model)
    with os.fdopen(int(handle), "rb") as file:
        data = file.read(MOST_BYTES)
    if hashlib.sha256(data).hexdigest() != model.sha256:
        raise BadInput(
            f"The file of {model.called} is not the one that was registered.", advice="Run `belvedere models fetch`."
        )
    # OpenVINO's package would bring one that tells its maker who uses it; nothing of that is loaded.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    runner, provider, ms = _fastest(data, model.size)
    ready = Ready(model.called, provider, round(ms, 2))
    return Eyes(detector_of(runner, model, model.least), detector_of(runner, model, min(KEEN, model.least)), ready)


def _fastest(data: bytes, size: tuple[int, int]) -> tuple[Runner, str, float]:
    """Runner, its name, and how long a picture takes it (milliseconds of processor time). Raises Unavailable."""
    try:
        Path("/proc/cpuinfo").read_bytes()
    except OSError:
        # Where a process may not even see which processor it runs on (Landlock), OpenVINO never ends asking.
        runner = OnnxRuntime(data)
        begun_ns = time.process_time_ns()
        runner.run(np.zeros((1, 3, *size), np.float32))
        return runner, "onnxruntime", (time.process_time_ns() - begun_ns) / 1e6
    found, chosen = choose(data, size)
    return found, chosen.provider, chosen.ms_a_picture
