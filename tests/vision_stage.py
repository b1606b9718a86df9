"""A network small enough to be made in a test, with NanoDet's outputs: it names squares by their colour."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from belvedere.vision.models.shelf import Model
from belvedere.vision.objects.nanodet import STRIDES

# COCO's class: how much red, green and blue speak for it, and what they must pass (each colour 0 to 1).
NAMED = {
    0: (1.0, 1.0, 1.0, 2.4),  # white: person
    2: (1.0, -1.0, -1.0, 0.6),  # red: car
    7: (-1.0, -1.0, 1.0, 0.6),  # blue: truck
    16: (-1.0, 1.0, -1.0, 0.6),  # green: dog
}
CELL = 32  # pixels of the network's picture: a square of this side, on this grid, is found exactly
WHITE, RED, BLUE, GREEN = (255, 255, 255), (0, 0, 255), (255, 0, 0), (0, 255, 0)  # blue first


def tiny_model(path: Path) -> Path:
    """Write the network to `path`. Returns it."""
    mean, spread = np.array([103.53, 116.28, 123.675]), np.array([57.375, 57.12, 58.395])
    weights, bias = np.zeros((80, 3, 1, 1), np.float32), np.full(80, -20.0, np.float32)
    for number, (red, green, blue, passed) in NAMED.items():
        speak = 12 * np.array([blue, green, red])
        weights[number, :, 0, 0] = speak * spread / 255
        bias[number] = float((speak * mean / 255).sum()) - 12 * passed
    half = np.zeros((44, 3, 1, 1), np.float32), np.tile([20.0, 20.0] + [0.0] * 9, 4).astype(np.float32)
    kept = {
        "w": weights,
        "b": bias,
        "hw": half[0],
        "hb": half[1],
        "no": np.full(80, -20.0, np.float32),
        "zw": weights * 0,
    }
    nodes, outputs = [], []
    for stride in STRIDES:
        sees = ["w", "b"] if stride == CELL else ["zw", "no"]
        pool = helper.make_node(
            "AveragePool", ["input"], [f"p{stride}"], kernel_shape=[stride] * 2, strides=[stride] * 2
        )
        nodes += [pool, helper.make_node("Conv", [f"p{stride}", *sees], [f"c{stride}"])]
        nodes += [helper.make_node("Sigmoid", [f"c{stride}"], [f"s{stride}"])]
        nodes += [helper.make_node("Conv", [f"p{stride}", "hw", "hb"], [f"r{stride}"])]
        for made, name, deep in ((f"s{stride}", f"cls{stride}", 80), (f"r{stride}", f"reg{stride}", 44)):
            kept[f"shape{deep}"] = np.array([0, deep, -1], np.int64)
            nodes += [helper.make_node("Reshape", [made, f"shape{deep}"], [f"f{name}"])]
            nodes += [helper.make_node("Transpose", [f"f{name}"], [name], perm=[0, 2, 1])]
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", f"cells{stride}", deep]))
    given = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, "h", "w"])
    constants = [numpy_helper.from_array(value, name) for name, value in kept.items()]
    graph = helper.make_graph(nodes, "tiny", [given], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def scene(*squares: tuple[int, int, tuple[int, int, int]], side: int = 416) -> NDArray[np.uint8]:
    """A dark picture with squares of CELL pixels: column and row in cells, colour blue first."""
    picture = np.full((side, side, 3), 40, np.uint8)
    for column, row, colour in squares:
        picture[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL] = colour
    return picture


def model_entry(name: str = "tiny", data: bytes = b"network", **how: Any) -> Model:
    """A shelf's entry for `data`, with whatever `how` says otherwise."""
    entry = {
        "name": name, "version": "1", "shape": "nanodet", "file": f"{name}.onnx", "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(), "source": "made here", "licence": "Apache-2.0", "kinds": (1, 4),
        "size": (416, 416), "least": 0.4,
    }  # fmt: skip
    return msgspec.convert(entry | how, Model)
