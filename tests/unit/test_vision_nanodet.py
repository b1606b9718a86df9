"""NanoDet's arithmetic on a network whose answers are known, on every runner that this machine has."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.foundation.errors import Unavailable
from belvedere.media.objects import ObjectKind
from belvedere.vision.objects.nanodet import STRIDES, Floats, NanoDet, Runner
from belvedere.vision.objects.runners import OnnxRuntime, choose, ways
from vision_stage import BLUE, CELL, GREEN, RED, WHITE, scene, tiny_model


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("net") / "tiny.onnx")


@pytest.mark.parametrize("way", ["onnxruntime", "openvino"])
def test_kinds_and_boxes_of_squares(network: Path, way: str) -> None:
    made = [make for name, make in ways(network).items() if name.startswith(way)]
    try:
        detector = NanoDet(made[0](), size=(416, 416))
    except Unavailable as error:
        pytest.skip(f"not tested: {error.message}")
    pictures = [scene((1, 2, WHITE), (5, 2, RED), (9, 9, BLUE), (3, 7, GREEN)), scene(), scene((12, 12, WHITE))]
    first, second, third = detector.find(pictures)
    assert {each.kind for each in first} == {ObjectKind.PERSON, ObjectKind.CAR, ObjectKind.VAN, ObjectKind.DOG}
    assert not second and [each.kind for each in third] == [ObjectKind.PERSON]
    (person,) = [each for each in first if each.kind is ObjectKind.PERSON]
    cell = CELL / 416
    assert (person.box.left, person.box.top) == pytest.approx((cell, 2 * cell), abs=0.01)
    assert (person.box.right, person.box.bottom) == pytest.approx((2 * cell, 3 * cell), abs=0.01)
    assert detector.find(pictures) == [first, second, third], "the same picture gives the same boxes"
    assert detector.find([]) == []


def test_a_picture_of_another_shape_is_fitted_from_its_corner(network: Path) -> None:
    detector = NanoDet(OnnxRuntime(network), size=(416, 736))
    tall = np.full((1280, 720, 3), 40, np.uint8)
    ratio = 416 / 1280
    side = round(CELL / ratio)
    tall[:side, :side] = WHITE
    (found,) = detector.find([tall])
    assert [each.kind for each in found] == [ObjectKind.PERSON]
    assert found[0].box.bottom == pytest.approx(side / 1280, abs=0.01)
    assert found[0].box.right == pytest.approx(side / 720, abs=0.01)


def test_the_fastest_runner_is_taken_and_says_so(network: Path) -> None:
    runner, chosen = choose(network)
    assert chosen.provider in dict(chosen.tried) and chosen.ms_a_picture == min(ms for _, ms in chosen.tried)
    assert NanoDet(runner, size=(416, 416)).find([scene((2, 2, WHITE))])[0]


def test_a_file_that_is_no_network_is_said(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.onnx"
    wrong.write_bytes(b"not a network")
    with pytest.raises(Unavailable, match=r"wrong\.onnx is not a network"):
        choose(wrong)


class Said:
    """A runner that answers what it is told."""

    def __init__(self, tables: Mapping[str, Floats]) -> None:
        self._tables = tables

    def run(self, pictures: Floats) -> Mapping[str, Floats]:
        return self._tables


def tables(seed: int, share: float, size: int = 64) -> dict[str, Floats]:
    chance = np.random.default_rng(seed)
    made: dict[str, Floats] = {}
    for stride in STRIDES:
        cells = (size // stride) ** 2
        made[f"cls{stride}"] = (chance.random((1, cells, 80)) * share).astype(np.float32)
        made[f"reg{stride}"] = (chance.normal(0, 30, (1, cells, 44))).astype(np.float32)
    return made


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.integers(8, 200), st.integers(8, 200))
def test_any_tables_give_sound_boxes_in_order(seed: int, share: float, rows: int, columns: int) -> None:
    runner: Runner = Said(tables(seed, share))
    (found,) = NanoDet(runner, size=(64, 64)).find([np.zeros((rows, columns, 3), np.uint8)])
    assert len(found) <= 400
    for each in found:
        assert 0 <= each.box.left < each.box.right <= 1 and 0 <= each.box.top < each.box.bottom <= 1
        assert 0.35 < each.confidence <= 1
    assert [each.confidence for each in found] == sorted((each.confidence for each in found), reverse=True)
