"""Recall by skin tone: the table, the intervals, and what the command says of a made folder."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from belvedere.cli.main import app
from belvedere.foundation.errors import BadInput
from belvedere.foundation.settings import load_settings
from belvedere.media.objects import ObjectKind
from belvedere.vision.models.shelf import ModelShelf
from belvedere.vision.objects.detection import Bgr
from belvedere.vision.objects.found import Box, Detection
from belvedere.vision.objects.tones import Marked, Outcome, by_tone, gaps, outcomes, read_marked, share_of
from vision_stage import CELL, WHITE, model_entry, scene, tiny_model

HEAD = "picture,left,top,right,bottom,tone,tone_second\n"


def _person(box: Box, sure: float = 0.5) -> Detection:
    return Detection(ObjectKind.PERSON, sure, box)


class Told:
    """Finds what it was told to, in every picture."""

    model = "told/1"

    def __init__(self, *found: Detection) -> None:
        self._found = list(found)
        self.looks = 0

    def find(self, pictures: Sequence[Bgr]) -> list[list[Detection]]:
        self.looks += len(pictures)
        return [list(self._found) for _ in pictures]


def test_the_intervals_are_those_of_the_books() -> None:
    # Wilson for 8 of 10, and Newcombe's own example (a): 56 of 70 against 48 of 80.
    share = share_of(8, 10)
    assert (share.low, share.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    seen = [Outcome(2, 100, hit, True, True) for hit in [True] * 56 + [False] * 14]
    seen += [Outcome(9, 100, hit, True, True) for hit in [True] * 48 + [False] * 32]
    gap = gaps(seen)[0]
    assert (gap.value, gap.low, gap.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)
    assert math.isnan(gaps(seen[:70])[0].value)


@given(count=st.integers(0, 5000), part=st.floats(0, 1))
def test_an_interval_holds_its_share_and_stays_within_0_and_1(count: int, part: float) -> None:
    share = share_of(round(count * part), count)
    assert 0 <= share.low <= share.high <= 1
    if count:
        assert share.low <= share.value <= share.high


def test_people_are_found_and_hidden_or_not_each_for_themselves() -> None:
    boxes = [Box(0.1, 0.2, 0.2, 0.6), Box(0.4, 0.2, 0.5, 0.6), Box(0.7, 0.2, 0.8, 0.6)]
    marked = [
        Marked("a.png", box.left * 640, box.top * 360, box.right * 640, box.bottom * 360, tone)
        for box, tone in zip(boxes, (1, 5, 10), strict=True)
    ]
    detector = Told(_person(boxes[0]), _person(boxes[1], 0.3))  # the second too weak to count, strong enough to hide
    seen = outcomes(marked, lambda name: np.zeros((360, 640, 3), np.uint8), detector, 0.4)
    assert [(one.found, one.head_hidden, one.body_hidden) for one in seen] == [
        (True, True, True),
        (False, True, True),
        (False, False, False),
    ]
    assert detector.looks == 1
    rows = {row.name: row for row in by_tone(seen)}
    assert list(rows) == ["1", "5", "10", "1 to 3", "4 to 6", "7 to 10"]
    assert (rows["1 to 3"].found.hits, rows["4 to 6"].found.hits, rows["7 to 10"].heads.hits) == (1, 0, 0)
    assert rows["5"].height == pytest.approx(144)


def test_annotators_who_differ_by_more_than_a_step_are_left_out(tmp_path: Path) -> None:
    table = tmp_path / "boxes.csv"
    table.write_text(HEAD + "a.png,1,2,30,90,4,5\na.png,1,2,30,90,4,6\na.png,1,2,30,90,7,\n")
    marked, apart = read_marked(table)
    assert ([one.tone for one in marked], apart) == ([4, 7], 1)


@pytest.mark.parametrize(
    "line",
    ["a.png,1,2,30,90,11,", "a.png,30,2,1,90,3,", "../a.png,1,2,30,90,3,", "/a.png,1,2,30,90,3,", "a.png,1,nan,3,9,3,"],
)
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    table = tmp_path / "boxes.csv"
    table.write_text(HEAD + line + "\n")
    with pytest.raises(BadInput, match="Line 2 of boxes"):
        read_marked(table)
    table.write_text("picture,left\n")
    with pytest.raises(BadInput, match="no column top"):
        read_marked(table)


def test_the_command_measures_the_chosen_model_and_says_what_is_too_little(tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "set"
    network = tiny_model(tmp_path / "made.onnx").read_bytes()
    ModelShelf(load_settings(data).models_folder).put(model_entry(data=network, kinds=(1,)), network)
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), scene((3, 4, WHITE)))
    found = f"a.png,{3 * CELL},{4 * CELL},{4 * CELL},{5 * CELL},2,2"
    missed = f"a.png,{8 * CELL},{4 * CELL},{9 * CELL},{5 * CELL},9,9"
    (folder / "boxes.csv").write_text(f"{HEAD}{found}\n{missed}\n{missed[:-1]}3\n")
    told = tmp_path / "told.json"
    done = CliRunner().invoke(app, ["models", "skin-tone", str(folder), "--data", str(data), "--json", str(told)])
    assert done.exit_code == 0, done.output
    assert "1 people were left out" in done.output
    assert "say little" in done.output
    figures = json.loads(told.read_text())
    rows = {row["name"]: row for row in figures["rows"]}
    assert (rows["2"]["found"]["hits"], rows["9"]["found"]["hits"]) == (1, 0)
    assert rows["4 to 6"]["height"] is None
    assert (figures["model"], figures["left_out"]) == ("tiny/1", 1)
