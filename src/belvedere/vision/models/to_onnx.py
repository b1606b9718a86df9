"""A TensorFlow.js graph model as ONNX, for pictures of any size.

TensorFlow's convolutions want channels last, ONNX's first. So each value is kept as it lies, with the order in which its axes are
to be read, and is turned only where a step needs another order: of NanoDet's 83 transpositions few are left. Sizes that the graph
names are turned into factors of the size that comes in. The same model gives the same bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from belvedere.foundation.errors import BadInput
from belvedere.vision.models.graph_model import Array, GraphModel, Node

_OPSET, _IR = 17, 9
_CHANNELS_FIRST = (0, 2, 3, 1)
"""A value that TensorFlow reads channels last, lying channels first."""

_PLAIN = {"Add": "Add", "AddV2": "Add", "Mul": "Mul", "Sub": "Sub"}
_ALONE = {"Identity": "Identity", "Sigmoid": "Sigmoid", "Relu": "Relu", "LeakyRelu": "LeakyRelu"}
_PADS = {"SAME": "SAME_UPPER", "VALID": "VALID"}
_Order = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Value:
    """Axis i, as the graph counts, is axis order[i] of what lies under `name`."""

    name: str
    order: _Order

    def axis(self, number: int) -> int:
        return self.order[number % len(self.order)]


def to_onnx(model: GraphModel, nominal: int, outputs: Mapping[str, str]) -> bytes:
    """The network as ONNX with one input `input` (n x 3 x height x width).

    `nominal`: the height and width that the graph's own sizes are meant for. `outputs`: its nodes to the names they get.
    Raises BadInput naming the first step that is not known here.
    """
    return _Writer(model, nominal).written(outputs)


class _Writer:
    def __init__(self, model: GraphModel, nominal: int) -> None:
        self._model = model
        self._nominal = nominal
        self._steps: list[onnx.NodeProto] = []
        self._kept: dict[str, Array] = {}
        self._known: dict[str, Array] = {}  # what needs no picture, by node
        self._made: dict[tuple[str, int], _Value] = {}  # what does, by node and output
        self._strides: dict[str, float] = {}  # pixels of the picture for one of a node's
        self._number = 0

    def written(self, outputs: Mapping[str, str]) -> bytes:
        for node in self._model.nodes.values():
            self._take(node)
        told = []
        for source, name in outputs.items():
            if (source, 0) not in self._made:
                raise BadInput(f"The network has no output {source}.", advice="Use another network.")
            self._steps.append(helper.make_node("Identity", [self._lying(self._made[source, 0])], [name]))
            told.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None, None]))
        given = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, "h", "w"])
        constants = [numpy_helper.from_array(value, name) for name, value in self._kept.items()]
        graph = helper.make_graph(self._steps, "network", [given], told, constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))

    def _take(self, node: Node) -> None:
        if node.op == "Placeholder":
            self._strides[node.name] = 1.0
            self._made[node.name, 0] = _Value("input", (0, 1, 2, 3))
        elif node.op == "Const":
            self._known[node.name] = self._model.weights[node.name]
        elif all(source in self._known for source, _ in node.inputs):
            self._known[node.name] = self._worked_out(node)
        else:
            # Constants come first in a few additions: the picture's way is the one that has a stride.
            self._strides[node.name] = max(self._strides.get(source, 0.0) for source, _ in node.inputs)
            for number, value in enumerate(self._step(node)):
                self._made[node.name, number] = value

    def _worked_out(self, node: Node) -> Array:
        values = [self._known[source] for source, _ in node.inputs]
        match node.op:
            case "Identity":
                return values[0]
            case "Add" | "AddV2":
                return np.asarray(values[0] + values[1])
            case "SparseToDense":
                where, shape, what, rest = values[:4]
                dense = np.full(tuple(int(side) for side in shape), rest, what.dtype)
                if where.size:
                    dense[tuple(where.reshape(-1, dense.ndim).T)] = what
                return dense
        raise _unknown(node)

    def _step(self, node: Node) -> list[_Value]:
        match node.op:
            case op if op in _ALONE:
                how = {"alpha": node.number("alpha", 0.2)} if op == "LeakyRelu" else {}
                given = self._of(node, 0)
                return [_Value(self._put(_ALONE[op], given.name, **how), given.order)]
            case op if op in _PLAIN:
                return [self._two(_PLAIN[op], node)]
            case "Transpose":
                given = self._of(node, 0)
                return [_Value(given.name, tuple(given.axis(int(each)) for each in self._value(node, 1)))]
            case "ConcatV2":
                parts = [self._of(node, place) for place in range(len(node.inputs) - 1)]
                axis = parts[0].axis(int(self._value(node, len(node.inputs) - 1)))
                lying = [self._lying(part, parts[0].order) for part in parts]
                return [_Value(self._put("Concat", *lying, axis=axis), parts[0].order)]
            case "SplitV":
                return self._split(node)
            case "Pad" | "PadV2":
                return [self._pad(node)]
            case "Reshape":
                shape = _any_size(self._value(node, 1))
                made = self._put("Reshape", self._lying(self._of(node, 0)), self._constant(shape))
                return [_Value(made, tuple(range(shape.size)))]
            case "Conv2D" | "MaxPool":
                return [self._window(node)]
            case "ResizeBilinear":
                return [self._resize(node)]
        raise _unknown(node)

    def _two(self, op: str, node: Node) -> _Value:
        known = [source in self._known for source, _ in node.inputs]
        order = self._of(node, known.index(False)).order
        names = []
        for place in range(2):
            if known[place]:
                value = self._value(node, place)
                value = value.reshape((1,) * (len(order) - value.ndim) + value.shape)
                names.append(self._constant(np.ascontiguousarray(value.transpose(_back(order)))))
            else:
                names.append(self._lying(self._of(node, place), order))
        return _Value(self._put(op, *names), order)

    def _pad(self, node: Node) -> _Value:
        given, sides = self._of(node, 0), self._value(node, 1)
        rest = float(self._value(node, 2)) if node.op == "PadV2" else 0.0
        lying = sides[list(_back(given.order))]
        pads = self._constant(np.concatenate([lying[:, 0], lying[:, 1]]).astype(np.int64))
        return _Value(self._put("Pad", given.name, pads, self._constant(np.float32(rest))), given.order)

    def _window(self, node: Node) -> _Value:
        if node.word("data_format", "NHWC") != "NHWC" or node.word("padding") not in _PADS:
            raise _unknown(node)
        steps = node.numbers("strides", (1, 1, 1, 1))[1:3]
        how: dict[str, Any] = {"strides": steps, "auto_pad": _PADS[node.word("padding")]}
        given = self._lying(self._of(node, 0), _CHANNELS_FIRST)
        self._strides[node.name] *= steps[0]
        if node.op == "MaxPool":
            made = self._put("MaxPool", given, kernel_shape=node.numbers("ksize")[1:3], **how)
        else:
            weights = self._value(node, 1).transpose(3, 2, 0, 1)
            how |= {"kernel_shape": list(weights.shape[2:]), "dilations": node.numbers("dilations", (1, 1, 1, 1))[1:3]}
            made = self._put("Conv", given, self._constant(np.ascontiguousarray(weights)), **how)
        return _Value(made, _CHANNELS_FIRST)

    def _resize(self, node: Node) -> _Value:
        factors = [float(side) * self._strides[node.name] / self._nominal for side in self._value(node, 1)]
        way = (
            "align_corners"
            if node.flag("align_corners")
            else "half_pixel"
            if node.flag("half_pixel_centers")
            else "asymmetric"
        )
        given = self._lying(self._of(node, 0), _CHANNELS_FIRST)
        self._strides[node.name] /= factors[0]
        scale = self._constant(np.array([1.0, 1.0, *factors], np.float32))
        return _Value(
            self._put("Resize", given, "", scale, mode="linear", coordinate_transformation_mode=way), _CHANNELS_FIRST
        )

    def _split(self, node: Node) -> list[_Value]:
        given, sizes = self._of(node, 0), self._value(node, 1).astype(np.int64)
        names = [f"{node.name}:{number}" for number in range(sizes.size)]
        axis = given.axis(int(self._value(node, 2)))
        self._steps.append(helper.make_node("Split", [given.name, self._constant(sizes)], names, axis=axis))
        return [_Value(name, given.order) for name in names]

    def _value(self, node: Node, place: int) -> Array:
        source = node.inputs[place][0]
        if source not in self._known:
            raise _unknown(node)
        return self._known[source]

    def _of(self, node: Node, place: int) -> _Value:
        source, number = node.inputs[place]
        if source in self._known:
            value = self._known[source]
            return _Value(self._constant(value), tuple(range(value.ndim)))
        return self._made[source, number]

    def _lying(self, value: _Value, order: _Order | None = None) -> str:
        """The name of the value laid so that it is read in `order`; None: as the graph counts its axes."""
        wanted = order or tuple(range(len(value.order)))
        if value.order == wanted:
            return value.name
        return self._put("Transpose", value.name, perm=[value.order[axis] for axis in _back(wanted)])

    def _constant(self, value: Array | np.generic) -> str:
        self._number += 1
        name = f"c{self._number}"
        self._kept[name] = np.asarray(value)
        return name

    def _put(self, op: str, *given: str, **how: Any) -> str:
        self._number += 1
        name = f"t{self._number}"
        self._steps.append(helper.make_node(op, list(given), [name], **how))
        return name


def _back(order: _Order) -> _Order:
    """The order that undoes another."""
    return tuple(int(place) for place in np.argsort(order))


def _any_size(shape: Sequence[int] | Array) -> Array:
    """A shape that names the picture's size, for any: the batch is kept, the side left open or else the longest is what remains."""
    sides = [int(side) for side in shape]
    rest = [place for place in range(1, len(sides)) if sides[place] == -1]
    longest = rest[0] if rest else max(range(1, len(sides)), key=lambda place: sides[place])
    return np.array(
        [0 if place == 0 else -1 if place == longest else side for place, side in enumerate(sides)], np.int64
    )


def _unknown(node: Node) -> BadInput:
    return BadInput(f"A step of this network is not known here: {node.op} ({node.name}).", advice="Give it as ONNX.")
