"""Readers of networks, by the shape of their tables."""

from collections.abc import Callable, Mapping

from belvedere.foundation.errors import BadInput
from belvedere.vision.models.shelf import Model
from belvedere.vision.objects.detection import ObjectDetector
from belvedere.vision.objects.nanodet import NanoDet, Runner
from belvedere.vision.objects.yolox import YoloX

SHAPES: Mapping[str, Callable[[Runner, str, tuple[int, int], float], ObjectDetector]] = {
    "nanodet": NanoDet,
    "yolox": YoloX,
}


def detector_of(runner: Runner, model: Model, least: float) -> ObjectDetector:
    """The model's reader on `runner`. `least`: scores below are let go. Raises BadInput for a shape that is not read here."""
    made = SHAPES.get(model.shape)
    if made is None:
        raise BadInput(
            f"Tables of the shape {model.shape} can't be read: {', '.join(SHAPES)} can.", advice="Choose another model."
        )
    return made(runner, model.called, model.size, least)
