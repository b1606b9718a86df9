"""How much of the demo's people masked pictures hide, by day and by night: a floor under docs/design/masking.md's figures."""

import os
import sys
from pathlib import Path

import pytest

from belvedere.demo.picture.light import Light
from belvedere.vision.objects.detection import ObjectDetector

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import masking
from masking_truth import Scene, Score

pytestmark = pytest.mark.slow

SCENES = (Scene("playground", Light.DAY, 0.0, 20), Scene("juniper-entrance", Light.NIGHT, 78_600.0, 20))
MODEL = os.environ.get("BELVEDERE_MODEL", "")


def _heads(score: Score) -> float:
    return score.share(score.heads, masking.TALL)


def _scores(detector: ObjectDetector | None) -> dict[tuple[Light, str, bool], Score]:
    return masking.of_demo(SCENES, detector)


def test_the_background_alone_hides_who_came_within_the_hour() -> None:
    scores = _scores(None)
    for hour in (Light.DAY, Light.NIGHT):
        assert _heads(scores[hour, masking.KNOWN, False]) >= 0.98


@pytest.mark.skipif(not MODEL, reason="BELVEDERE_MODEL names no detector (ONNX, as `belvedere models fetch` makes it)")
def test_with_the_detector_those_are_hidden_too_who_stood_there_all_the_while() -> None:
    scores = _scores(masking.detector_of(Path(MODEL)))
    for hour in (Light.DAY, Light.NIGHT):
        for known in (masking.KNOWN, masking.BEGUN):
            assert _heads(scores[hour, known, True]) >= 0.98
            assert _heads(scores[hour, known, True]) >= _heads(scores[hour, known, False])
    assert _heads(scores[Light.NIGHT, masking.BEGUN, False]) < 0.5  # what it is for
