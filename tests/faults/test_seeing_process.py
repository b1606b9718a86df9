"""The process that looks: broken pictures, broken models, and its own end. Whatever happens, its owner goes on."""

import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from activity_stage import cut, film
from belvedere.foundation.clock import SystemClock
from belvedere.foundation.errors import Unavailable
from belvedere.media.activity import first_frame
from belvedere.media.objects import ObjectKind
from belvedere.site.seeing.begin import Beginner
from belvedere.site.seeing.live import detection
from belvedere.site.seeing.pipe import MOST_FOUND, Found, Glance, Keyframe, Show
from belvedere.site.seeing.process import NoModel, SeeingProcess
from belvedere.vision.models.shelf import Model, ModelShelf
from seeing_stage import begin_bright
from vision_stage import tiny_model

Grey = np.ndarray[tuple[int, int], np.dtype[np.uint8]]


def keyframe(picture: Grey) -> Keyframe:
    config, frames = film([picture], gop_s=1)
    (only,) = cut(frames, 0)
    found = first_frame(only.data)
    assert found is not None
    return Keyframe(config.codec, config.parameter_sets, bytes(only.data[found[0] : sum(found)]))


def street(width: int = 160, height: int = 96, things: int = 1) -> Grey:
    """A grey place with upright bright things in a row."""
    picture: Grey = np.full((height, width), 90, np.uint8)
    for number in range(things):
        left = 8 + number * 24
        picture[height // 2 : height // 2 + 24, left : left + 12] = 250
    return picture


def glance(picture: Grey, *, gate: bool = False, fresh: bool = True) -> Glance:
    return Glance(1, fresh, gate, keyframe(picture))


@pytest.fixture(scope="module")
def process() -> Iterator[SeeingProcess]:
    made = SeeingProcess(begin_bright, SystemClock())
    yield made
    made.close()


def test_corrupt_keyframes_fail_alone(process: SeeingProcess) -> None:
    whole = keyframe(street())
    broken = [
        Keyframe(whole.codec, whole.parameter_sets, b""),
        Keyframe(whole.codec, whole.parameter_sets, bytes(range(256)) * 2),
        Keyframe("mp4v", whole.parameter_sets, whole.data),
    ]
    told, _ = process.see([Glance(1, True, False, each) for each in (*broken, whole)])
    assert [each.failed for each in told] == [True, True, True, False]
    assert [each.kind for each in told[3].found] == [ObjectKind.PERSON]
    assert process.restarts == 0


def test_a_picture_that_kills_the_process_is_skipped_and_counted(process: SeeingProcess) -> None:
    before = (process.fatal, process.restarts)
    black: Grey = np.zeros((96, 160), np.uint8)
    told, _ = process.see([glance(street()), glance(black), glance(street(things=2))])
    assert [each.failed for each in told] == [False, True, False]
    assert [len(each.found) for each in told] == [1, 0, 2]
    assert (process.fatal - before[0], process.restarts - before[1]) == (1, 2)


def test_a_killed_process_is_started_anew(process: SeeingProcess) -> None:
    process.try_to_begin()
    before = process.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    told, _ = process.see([glance(street()), glance(street(things=3))])
    assert [len(each.found) for each in told] == [1, 3]
    assert process.pid not in (None, before)


def test_sizes_change_and_shapes_are_kept(process: SeeingProcess) -> None:
    shapes = [(160, 96), (320, 192), (96, 160), (640, 96)]  # another resolution, a portrait, a panorama
    told, _ = process.see([glance(street(*shape), gate=True, fresh=False) for shape in shapes])
    assert [(each.width, each.height, len(each.found)) for each in told] == [(*shape, 1) for shape in shapes]
    for each, (width, height) in zip(told, shapes, strict=True):
        left, top, right, bottom = each.found[0].box
        assert abs((right - left) * width - 12) <= 3 and abs((bottom - top) * height - 24) <= 3


def test_nothing_moved_so_nobody_looked(process: SeeingProcess) -> None:
    told, _ = process.see([glance(street(), gate=True), glance(street(), gate=True, fresh=False)])
    assert [each.quiet for each in told] == [False, True]


def test_a_picture_full_of_things_is_bounded() -> None:
    from belvedere.site.seeing.worker import kept_of
    from belvedere.vision.objects.found import Box, Detection

    many = [Detection(ObjectKind.PERSON, 0.9, Box(0.1, 0.1, 0.2, 0.2))] * 5000
    found, crowded = kept_of(np.zeros((96, 160, 3), np.uint8), many)
    assert (len(found), crowded) == (MOST_FOUND, 5000 - MOST_FOUND)


def test_what_the_process_tells_is_checked() -> None:
    odd = detection(Found(99, 0.5, (0.9, 0.2, 0.1, 0.8), 77, 3))
    assert odd.kind in ObjectKind and (odd.box.left, odd.box.right, int(odd.upper)) == (0.1, 0.9, 0)


def test_without_a_model_and_with_a_wrong_one(tmp_path: Path) -> None:
    process = SeeingProcess(Beginner(tmp_path).begin, SystemClock())
    try:
        with pytest.raises(NoModel):
            process.try_to_begin()
        put(tmp_path, b"this is no network")
        with pytest.raises(Unavailable, match="not a network"):
            process.try_to_begin()
        assert process.trouble
        process.rest()
        path = tmp_path / "tiny.onnx"
        path.write_bytes(b"another file than was registered")
        with pytest.raises(Unavailable, match="not the one that was registered"):
            process.try_to_begin()
    finally:
        process.close()


def test_the_confined_process_looks_as_soon_as_there_is_a_model(tmp_path: Path) -> None:
    process = SeeingProcess(Beginner(tmp_path).begin, SystemClock())
    try:
        with pytest.raises(NoModel):
            process.try_to_begin()
        put(tmp_path, tiny_model(tmp_path / "made.onnx").read_bytes())
        assert process.try_to_begin().model == "tiny/1"
        picture: Grey = np.full((416, 416), 40, np.uint8)
        picture[64:96, 96:128] = 255
        told, _ = process.see([glance(picture)])
        (found,) = told[0].found
        assert found.kind == ObjectKind.PERSON and abs(found.box[0] - 96 / 416) < 0.02
        shown = process.show(Show(keyframe(picture), 1, found.box, 200))
        assert shown is not None and shown.jpeg.startswith(b"\xff\xd8") and shown.width <= 200
        assert process.show(Show(Keyframe("h264", (), b"none"), 1, found.box, 200)) is None
    finally:
        process.close()


def put(folder: Path, data: bytes) -> None:
    entry = Model(
        "tiny", "1", "nanodet", "tiny.onnx", hashlib.sha256(data).hexdigest(), len(data), "a test", "none", (1, 4), (416, 416), 0.35
    )  # fmt: skip
    ModelShelf(folder).put(entry, data)
