"""Hints about pictures on films of streets: what must be found, and what must not be taken for a fault. The whole table: bench."""

import cv2
import msgspec
import numpy as np
import pytest

from belvedere.site.health.look import Gray, sharpness
from belvedere.site.health.views import BLURRED_SHARE, View, pack_references, unpack_references
from health_scenes import FAULTS, NO_FAULTS, course


@pytest.mark.parametrize("name", ["frozen", "turned by a third"])
def test_a_fault_is_found_and_called_by_its_name(name: str) -> None:
    change, kind = FAULTS[name]
    found = course(1, change, constant=False)
    assert [each for each, _ in found.hints] == [kind] and found.hints[0][1] >= 0


def test_a_lorry_that_stops_is_no_fault() -> None:
    assert course(1, NO_FAULTS["a lorry stops"], constant=True).hints == ()


def test_a_person_may_say_that_the_view_is_right() -> None:
    view = View()
    view.hints["moved"] = (0, "x")
    view.accept()
    assert view.hints == {} and view.learnt and unpack_references(pack_references(view.references)) == {}


def test_references_of_an_older_measure_of_focus_are_learnt_anew() -> None:
    old = msgspec.msgpack.encode({"colour": {"sharp": 1.4, "edges": b"\0" * 576}})
    with pytest.raises(msgspec.ValidationError):
        unpack_references(old)


@pytest.mark.parametrize("seed", range(3))
def test_steepness_tells_focus_and_neither_contrast_nor_noise(seed: int) -> None:
    chance = np.random.default_rng(seed)
    blocks = np.kron(chance.uniform(30, 220, (12, 16)), np.ones((22, 30)))
    shown: Gray = np.asarray(cv2.GaussianBlur(blocks, (0, 0), 0.6), np.float32)
    usual = sharpness(shown)
    noisy: Gray = chance.normal(0, 5, shown.shape).astype(np.float32)
    for each in (shown + noisy, shown * 0.4 + 20, shown * 0.5 + 100):
        assert abs(sharpness(each) - usual) < 0.1 * usual
    for sigma in (1.5, 3.0, 6.0):
        blurred: Gray = np.asarray(cv2.GaussianBlur(shown, (0, 0), sigma), np.float32)
        assert sharpness(blurred) < BLURRED_SHARE * usual and sharpness(blurred + noisy) < 0.95 * usual
    assert sharpness(np.full((270, 480), 90, np.float32)) == 0.0
