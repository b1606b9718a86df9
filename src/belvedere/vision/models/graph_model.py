"""Reads a TensorFlow.js graph model: its nodes in working order, and its weights. Format: github.com/tensorflow/tfjs, converter."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from belvedere.foundation.errors import BadInput

Array = NDArray[Any]
_WIDTHS: Mapping[str, np.dtype[Any]] = {
    "float32": np.dtype("<f4"),
    "int32": np.dtype("<i4"),
    "bool": np.dtype("?"),
    "uint8": np.dtype("u1"),
}
_SQUEEZED: Mapping[str, np.dtype[Any]] = {
    "float16": np.dtype("<f2"),
    "uint8": np.dtype("u1"),
    "uint16": np.dtype("<u2"),
}
_MOST_NODES = 20_000


@dataclass(frozen=True, slots=True)
class Node:
    """One step. `inputs`: names of nodes with the number of their output, control inputs left out."""

    name: str
    op: str
    inputs: tuple[tuple[str, int], ...]
    attributes: Mapping[str, Any]

    def numbers(self, name: str, default: Sequence[int] = ()) -> list[int]:
        """A list of integers, such as strides."""
        found = self.attributes.get(name)
        return [int(each) for each in found["list"]["i"]] if found and found.get("list", {}).get("i") else list(default)

    def word(self, name: str, default: str = "") -> str:
        found = self.attributes.get(name)
        return base64.b64decode(found["s"]).decode() if found and "s" in found else default

    def flag(self, name: str) -> bool:
        return bool(self.attributes.get(name, {}).get("b", False))

    def number(self, name: str, default: float) -> float:
        return float(self.attributes.get(name, {}).get("f", default))


@dataclass(frozen=True, slots=True)
class GraphModel:
    """Nodes by name, each after all that it reads; weights by the name of their Const node."""

    nodes: Mapping[str, Node]
    weights: Mapping[str, Array]


def read_graph_model(topology: bytes, weights: bytes) -> GraphModel:
    """From `model.json` and the bytes of its weight files, joined. Raises BadInput."""
    try:
        told = json.loads(topology)
        raw = told["modelTopology"]["node"]
        manifest = [each for group in told["weightsManifest"] for each in group["weights"]]
        if len(raw) > _MOST_NODES:
            raise BadInput("This network has too many steps.", advice="Use one for small pictures.")
        return GraphModel(_in_order(raw), _weights(manifest, weights))
    except (ValueError, KeyError, TypeError, msgspec.MsgspecError) as error:
        raise BadInput(f"This is no TensorFlow.js graph model: {error}.", advice="Fetch it again.") from error


def _weights(manifest: Sequence[Mapping[str, Any]], data: bytes) -> dict[str, Array]:
    found: dict[str, Array] = {}
    place = 0
    for each in manifest:
        shape = tuple(int(side) for side in each["shape"])
        count = int(np.prod(shape)) if shape else 1
        squeezed = each.get("quantization")
        kept: np.dtype[Any] = _SQUEEZED[squeezed["dtype"]] if squeezed else _WIDTHS[each["dtype"]]
        if place + count * kept.itemsize > len(data):
            raise BadInput("The weights are cut short.", advice="Fetch them again.")
        values: Array = np.frombuffer(data, kept, count, place)
        place += count * kept.itemsize
        if squeezed:
            values = values.astype(np.float32)
            if "scale" in squeezed:
                values = values * np.float32(squeezed["scale"]) + np.float32(squeezed["min"])
        found[each["name"]] = values.astype(_WIDTHS[each["dtype"]]).reshape(shape)
    if place != len(data):
        raise BadInput("There are more weights than the network names.", advice="Fetch it again.")
    return found


def _in_order(raw: Sequence[Mapping[str, Any]]) -> dict[str, Node]:
    """Each node after all that it reads. Raises BadInput for a circle or a node that is not there."""
    told: dict[str, Node] = {}
    for each in raw:
        inputs = tuple(_source(name) for name in each.get("input", ()) if not name.startswith("^"))
        told[each["name"]] = Node(each["name"], each["op"], inputs, each.get("attr", {}))
    ordered: dict[str, Node] = {}
    open_names: set[str] = set()
    for first in told:
        waiting = [first]
        while waiting:
            name = waiting[-1]
            if name in ordered:
                waiting.pop()
                continue
            missing = [source for source, _ in told[name].inputs if source not in ordered]
            if not missing:
                ordered[name] = told[name]
                open_names.discard(name)
                waiting.pop()
            elif name in open_names:
                raise BadInput("The network runs in a circle.", advice="Use another.")
            else:
                open_names.add(name)
                waiting += missing
    return ordered


def _source(name: str) -> tuple[str, int]:
    stem, _, number = name.partition(":")
    return stem, int(number or 0)
