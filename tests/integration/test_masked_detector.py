"""A masking process with a detector's file: confined, checked, and going on without one that fails."""

import asyncio
import hashlib
import os
from functools import lru_cache
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from belvedere.foundation.clock import SECOND_US, SystemClock
from belvedere.media.stream import StreamConfig
from belvedere.site.live.relay import Relay
from belvedere.site.masked.eyes import Eyes
from belvedere.site.masked.pipe import Begin, Done, Feed, Masked, Ready, Recall, Sight, Told
from belvedere.site.masked.process import MaskingProcess, ModelFile
from belvedere.site.masked.room import CORE_MS, LOOKING_MS, PICTURE_MS, MaskedRoom, usual_most
from belvedere.site.masked.worker import Worker
from belvedere.vision.masking.picture import HEIGHT, WIDTH
from belvedere.vision.models.shelf import Model
from link_stage import fragment_of
from masking_stage import STEP_90K, decoded, film_of, is_cover
from vision_stage import CELL, tiny_model

Bytes = NDArray[np.uint8]
SIDE = CELL * WIDTH / 416  # of a square that the tiny network finds, in the picture's pixels
LEFT, TOP = round(5 * SIDE), round(3 * SIDE)
RIGHT, BOTTOM = round(6 * SIDE), round(4 * SIDE)


@lru_cache(maxsize=1)
def still() -> tuple[StreamConfig, tuple[bytes, ...]]:
    """A white square that never moves, so that it is part of the background; and its pictures, all keyframes."""
    picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    picture[TOP:BOTTOM, LEFT:RIGHT] = 255
    planar = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), np.uint8)
    config, frames = film_of([planar] * 12, 12)
    parts = tuple(fragment_of([frame], frame.dts_90k + STEP_90K).data for frame in frames)
    return config, (*(bytes(frame.data) for frame in frames[:10]), *(bytes(part) for part in parts[10:]))


def model_file(folder: Path) -> ModelFile:
    path = tiny_model(folder / "tiny.onnx")
    return ModelFile(path, entry(path.read_bytes()))


def entry(data: bytes, sha256: str = "") -> Model:
    sha256 = sha256 or hashlib.sha256(data).hexdigest()
    return Model("tiny", "1", "nanodet", "tiny.onnx", sha256, len(data), "a test", "none", (1,), (416, 416), 0.35)


def eyes_of(path: Path, model: Model) -> Eyes:
    """As a process opens them; they close the handle."""
    made = Eyes.of([str(os.open(path, os.O_RDONLY)), msgspec.json.encode(model).decode()])
    assert made is not None
    return made


def orders(sure: bool = True) -> list[Begin | Recall | Feed]:
    config, data = still()
    begin = Begin(config.codec, config.init, True, (), sure=sure)
    before = [Recall(number * 8 * SECOND_US, part) for number, part in enumerate(data[:10])]
    return [begin, *before, *(Feed((90 + number) * SECOND_US, part) for number, part in enumerate(data[10:]))]


def hidden_part(told: list[Told]) -> float:
    """Of the square, in the first picture that came out."""
    (ready,) = (each for each in told if isinstance(each, Ready))
    pictures = decoded(ready.init, [each.data for each in told if isinstance(each, Masked)])
    return float(is_cover(pictures[0])[TOP:BOTTOM, LEFT:RIGHT].mean())


async def test_a_confined_process_reads_the_model_that_it_was_handed_and_hides_who_never_moves(tmp_path: Path) -> None:
    process = await MaskingProcess.begin(model_file(tmp_path))
    try:
        told: list[Told] = []
        for number, order in enumerate(orders(), 1):
            await process.say(order)
            while sum(isinstance(each, Done) for each in told) < number:
                told.append(await process.hear())
        assert Sight("tiny/1") in told
        assert hidden_part(told) > 0.97
    finally:
        await process.close()


@pytest.mark.parametrize("spoiled", ["another file", "no network"])
def test_a_model_that_can_not_be_used_is_said_and_people_are_masked_without_it(tmp_path: Path, spoiled: str) -> None:
    path = tmp_path / "tiny.onnx"
    path.write_bytes(b"nothing of the kind")
    worker = Worker(eyes_of(path, entry(path.read_bytes(), "" if spoiled == "no network" else 64 * "0")))
    told = [word for order in orders() for word in worker.obey(order)]
    (sight,) = (each for each in told if isinstance(each, Sight))
    assert sight.model == ""
    assert ("not the one" if spoiled == "another file" else "not a network") in sight.why
    assert hidden_part(told) < 0.1  # as before there were detectors: it is part of the background
    assert sum(each.frames for each in told if isinstance(each, Done)) == 2


def test_its_looks_and_their_cost_are_told(tmp_path: Path) -> None:
    model = model_file(tmp_path)
    worker = Worker(eyes_of(model.path, model.model))
    dones = [word for order in orders() for word in worker.obey(order) if isinstance(word, Done)]
    looks = [done for done in dones if done.looks]
    assert looks
    assert all(0 < done.look_us <= done.cpu_us for done in looks)


async def test_the_limit_follows_what_looking_costs(tmp_path: Path) -> None:
    clock, model = SystemClock(), model_file(tmp_path)
    without = MaskedRoom(Relay(clock, linger_s=0), clock)
    looking = MaskedRoom(Relay(clock, linger_s=0), clock, model=lambda: model)
    assert without.most == usual_most()
    assert looking.most == usual_most(LOOKING_MS) < without.most
    assert usual_most(1e6) == usual_most(LOOKING_MS) >= CORE_MS // (PICTURE_MS + LOOKING_MS)
    assert MaskedRoom(Relay(clock, linger_s=0), clock, most=3, model=lambda: model).most == 3
    assert "No detector is installed" in without.finds
    assert "tiny/1 finds them" in looking.finds
    await asyncio.gather(without.stop(), looking.stop())
