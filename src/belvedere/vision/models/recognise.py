"""What an ONNX file is: which shape its tables have, for pictures of which size. Read, never run."""

from dataclasses import dataclass
from typing import Any

import onnx
from onnx import TensorProto

from belvedere.foundation.errors import BadInput
from belvedere.vision.models.shelf import MOST_BYTES

_ANY = (384, 640)  # a network that takes any size gets a small stream's
_COCO = 80
_STANDARD = {"", "ai.onnx"}
_MOST_STEPS = 20_000


@dataclass(frozen=True, slots=True)
class Recognised:
    """`size`: height and width of the pictures that it takes. `outputs`: as `shelf.Model`."""

    shape: str
    size: tuple[int, int]
    outputs: tuple[str, ...]


def recognise(data: bytes) -> Recognised:
    """Raises BadInput, saying why, for whatever is no detector of a known shape."""
    if len(data) > MOST_BYTES:
        raise BadInput(
            f"The file has {len(data) >> 20} MB; {MOST_BYTES >> 20} is the most.", advice="Use a smaller network."
        )
    try:
        model = onnx.load_model_from_string(data)
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf's and onnx's errors have no common base
        raise BadInput(
            f"This is no ONNX file: {str(error).splitlines()[0][:200]}.", advice="Export it as ONNX."
        ) from error
    graph = model.graph
    steps = _steps([graph.node, *(each.node for each in model.functions)])
    held = [*graph.initializer, *(tensor for step in steps for tensor in _tensors(step))]
    if any(each.data_location == TensorProto.EXTERNAL or each.external_data for each in held):
        raise BadInput("The network keeps its weights in files beside it.", advice="Save it as one file.")
    if len(steps) > _MOST_STEPS or model.functions or any(each.domain not in _STANDARD for each in steps):
        raise BadInput("The network has steps that are not ONNX's own.", advice="Export it with standard steps.")
    kept = {each.name for each in graph.initializer}
    inputs = [each for each in graph.input if each.name not in kept]
    outputs = {each.name: _sides(each) for each in graph.output}
    if len(inputs) != 1 or len(_sides(inputs[0])) != 4:
        raise BadInput(
            "The network does not take one picture (n x 3 x height x width).",
            advice="RT-DETR and D-FINE, which want a size beside it, are not read yet: use a YOLOX or NanoDet.",
        )
    size = _size(_sides(inputs[0]))
    if {f"{table}{stride}" for table in ("cls", "reg") for stride in (8, 16, 32)} <= set(outputs):
        return Recognised("nanodet", size, ("boxes", "scores"))
    if len(outputs) == 1:
        (sides,) = outputs.values()
        if len(sides) == 2:
            raise BadInput(
                "The network gives one row of numbers a picture: that describes what it sees, and could tell people apart.",
                advice="Use a detector of objects.",
            )
        if len(sides) == 3 and sides[2] == 5 + _COCO:
            return Recognised("yolox", size, ("boxes", "scores"))
        if len(sides) == 3 and isinstance(sides[2], int) and sides[2] > 5:
            raise BadInput(
                f"The network knows {sides[2] - 5} classes where COCO has {_COCO}.",
                advice="Use one taught on COCO's classes.",
            )
    named = ", ".join(f"{name} {'x'.join(map(str, sides))}" for name, sides in list(outputs.items())[:8])
    raise BadInput(
        f"Tables of this shape are not read here: {named}.", advice="Use a network of YOLOX's or NanoDet's shape."
    )


def _sides(value: Any) -> list[int | str]:
    return [side.dim_value or side.dim_param or "?" for side in value.type.tensor_type.shape.dim]


def _size(sides: list[int | str]) -> tuple[int, int]:
    high, wide = sides[2], sides[3]
    if not isinstance(high, int) or not isinstance(wide, int):
        return _ANY
    if high % 32 or wide % 32:
        raise BadInput(
            f"Its pictures are {wide} x {high}: multiples of 32 are read.", advice="Export it for another size."
        )
    return high, wide


def _steps(lists: list[Any]) -> list[Any]:
    """Every step, those of branches and loops too."""
    found: list[Any] = []
    while lists and len(found) <= _MOST_STEPS:
        steps = lists.pop()
        found += steps
        for attribute in (each for step in steps for each in step.attribute):
            lists += [inner.node for inner in (attribute.g, *attribute.graphs) if inner.node]
    return found


def _tensors(step: Any) -> list[Any]:
    """What a step carries with it, branches' own weights too."""
    found: list[Any] = []
    for each in step.attribute:
        found += [each.t, *each.tensors, *each.g.initializer]
        found += [tensor for inner in each.graphs for tensor in inner.initializer]
    return found
