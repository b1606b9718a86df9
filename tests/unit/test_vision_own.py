"""Networks that somebody brings: recognised by their tables, read, or refused with the reason."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from belvedere.foundation.errors import BadInput
from belvedere.media.objects import ObjectKind
from belvedere.vision.models.own import own_model
from belvedere.vision.models.recognise import recognise
from belvedere.vision.models.shelf import ModelShelf
from belvedere.vision.objects.fitting import Floats
from belvedere.vision.objects.shapes import detector_of
from belvedere.vision.objects.yolox import YoloX
from vision_stage import model_entry, tiny_model


def network(
    outputs: Mapping[str, tuple[int, ...]], picture: tuple[int | str, ...] = (1, 3, 64, 64), op: str = "Identity"
) -> bytes:
    """A network that gives noughts."""
    given = [helper.make_tensor_value_info("images", TensorProto.FLOAT, list(picture))]
    told = [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(sides)) for name, sides in outputs.items()]
    kept = [numpy_helper.from_array(np.zeros(sides, np.float32), f"c{name}") for name, sides in outputs.items()]
    domain = "" if op == "Identity" else "somebody"
    nodes = [helper.make_node(op, [f"c{name}"], [name], domain=domain) for name in outputs]
    graph = helper.make_graph(nodes, "net", given, told, kept)
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("somebody", 1)]
    return bytes(helper.make_model(graph, opset_imports=sets, ir_version=9).SerializeToString())


CELLS = 64 + 16 + 4  # of 64 x 64


def test_shapes_are_recognised_by_their_tables(tmp_path: Path) -> None:
    found = recognise(network({"output": (1, CELLS, 85)}))
    assert (found.shape, found.size) == ("yolox", (64, 64))
    tiny = recognise(tiny_model(tmp_path / "tiny.onnx").read_bytes())
    assert (tiny.shape, tiny.size) == ("nanodet", (384, 640))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"not a network", "no ONNX file"),
        (network({"output": (1, 512)}), "tell people apart"),
        (network({"output": (1, CELLS, 25)}), "20 classes"),
        (network({"logits": (1, 300, 80), "boxes": (1, 300, 4)}), "logits 1x300x80"),
        (network({"output": (1, CELLS, 85)}, (1, 3, 60, 64)), "multiples of 32"),
        (network({"output": (1, CELLS, 85)}, (1, 3)), "does not take one picture"),
        (network({"output": (1, CELLS, 85)}, op="Secret"), "not ONNX's own"),
    ],
    ids=["garbage", "embedding", "classes", "tables", "size", "input", "steps"],
)
def test_what_is_not_read_is_refused_with_the_reason(data: bytes, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        own_model(data, name="mine", version="1", licence="MIT", source="a friend")


def test_weights_beside_the_file_are_refused() -> None:
    model = onnx.load_model_from_string(network({"output": (1, CELLS, 85)}))
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    with pytest.raises(BadInput):
        recognise(model.SerializeToString())
    model = onnx.load_model_from_string(network({"output": (1, CELLS, 85)}))
    kept = model.graph.initializer.pop()
    entry = kept.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    model.graph.node.insert(0, helper.make_node("Constant", [], [kept.name], value=kept))
    with pytest.raises(BadInput, match="beside it"):
        recognise(model.SerializeToString())


def test_a_strange_step_in_a_branch_is_refused() -> None:
    model = onnx.load_model_from_string(network({"output": (1, CELLS, 85)}))
    told = [helper.make_tensor_value_info("inner", TensorProto.FLOAT, [1, CELLS, 85])]
    branch = helper.make_graph([helper.make_node("Secret", ["coutput"], ["inner"], domain="somebody")], "b", [], told)
    truth = helper.make_node("Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True)))
    del model.graph.node[:]
    model.graph.node.extend(
        [truth, helper.make_node("If", ["yes"], ["output"], then_branch=branch, else_branch=branch)]
    )
    with pytest.raises(BadInput, match="not ONNX's own"):
        recognise(model.SerializeToString())


def test_a_network_is_kept_with_its_entry_and_waits_to_be_chosen(tmp_path: Path) -> None:
    data, shelf = network({"output": (1, CELLS, 85)}), ModelShelf(tmp_path)
    shelf.put(model_entry(), b"network")
    mine = own_model(data, name="mine", version="2", licence="MIT", source="a friend", card="Nobody measured it.")
    shelf.put(mine, data, choose=False)
    assert shelf.chosen() == model_entry() and shelf.choose("mine") == mine
    with pytest.raises(BadInput, match="licence"):
        shelf.put(own_model(data, name="mine", version="3", licence=" ", source="a friend"), data)


class Said:
    """A runner that answers what it is told."""

    def __init__(self, table: Floats) -> None:
        self._table = table

    def run(self, pictures: Floats) -> Mapping[str, Floats]:
        return {"output": self._table}


def test_a_row_becomes_a_box_where_its_cell_is() -> None:
    table = np.zeros((1, CELLS, 85), np.float32)
    row = 64 + 1 * 4 + 2  # stride 16, second row, third column
    table[0, row, :4] = (0.5, 0.25, np.log(2), np.log(1))  # middle at (2.5, 1.25) cells, 2 x 1 cells
    table[0, row, 4], table[0, row, 5 + 7] = 0.9, 0.8  # a truck
    table[0, 0, 4], table[0, 0, 5 + 4] = 1.0, 1.0  # an aeroplane: nobody looks for one
    detector = detector_of(Said(table), model_entry(shape="yolox", size=(64, 64)), 0.5)
    ((found,),) = detector.find([np.zeros((64, 64, 3), np.uint8)])
    assert found.kind is ObjectKind.VAN and found.confidence == pytest.approx(0.72)
    box = found.box
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx((24 / 64, 12 / 64, 56 / 64, 28 / 64), abs=1e-5)
    # A picture twice as wide is fitted into the upper half: the same place means twice as many of its pixels.
    ((wide,),) = detector.find([np.zeros((64, 128, 3), np.uint8)])
    assert (wide.box.left, wide.box.bottom) == pytest.approx((48 / 128, 56 / 64), abs=1e-5)


def test_a_table_of_another_size_is_said() -> None:
    with pytest.raises(BadInput, match="84 x 85 belong"):
        YoloX(Said(np.zeros((1, 10, 85), np.float32)), "mine/1", (64, 64), 0.5).find([np.zeros((8, 8, 3), np.uint8)])
    with pytest.raises(BadInput, match="can't be read"):
        detector_of(Said(np.zeros((1, 1, 1), np.float32)), model_entry(shape="detr"), 0.5)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 50), st.integers(8, 200), st.integers(8, 200))
def test_any_table_gives_sound_boxes(seed: int, spread: float, rows: int, columns: int) -> None:
    chance = np.random.default_rng(seed)
    table = chance.normal(0, spread, (1, CELLS, 85)).astype(np.float32)
    table[..., 4:] = chance.random((1, CELLS, 81))
    (found,) = YoloX(Said(table), "mine/1", (64, 64), 0.35).find([np.zeros((rows, columns, 3), np.uint8)])
    for each in found:
        assert 0 <= each.box.left < each.box.right <= 1 and 0 <= each.box.top < each.box.bottom <= 1
        assert 0.35 < each.confidence <= 1
