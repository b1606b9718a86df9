"""Pictures with people whose place is known, and how much of them a masked picture hides: of heads and of whole bodies."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from belvedere.demo.cameras import camera_by_id
from belvedere.demo.films import painter
from belvedere.demo.incidents import night_actors
from belvedere.demo.life import loop_actors
from belvedere.demo.picture.light import Light
from belvedere.demo.scene import ActorState, Kind
from belvedere.demo.town import build_town
from belvedere.demo.truth import sightings
from belvedere.foundation.clock import SECOND_US
from belvedere.vision.masking.cover import _stripes
from belvedere.vision.masking.masker import Masker
from belvedere.vision.masking.picture import HEIGHT, WIDTH, picture_of
from belvedere.vision.masking.seen import Seen
from belvedere.vision.objects.detection import ObjectDetector

Bytes = NDArray[np.uint8]
Bits = NDArray[np.bool_]
BANDS = ((10, 20), (20, 40), (40, 80), (80, 400))
"""Heights of people in the masked picture, pixels."""
HIDDEN = 0.95  # of a head's or a body's pixels
_HEAD = 0.18  # of a body's height, from its top
_OTHER = 6  # grey levels by which somebody's pixel differs from the same picture without them
_FEWEST = 6  # pixels of somebody: fewer are nobody
_RIDERS = (Kind.PERSON, Kind.BICYCLE, Kind.MOPED)


@dataclass(frozen=True, slots=True)
class Somebody:
    """`box`: left, top, right, bottom in pixels of the picture. `theirs`: their pixels, of the picture's size."""

    box: tuple[float, float, float, float]
    theirs: Bits


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture as yuv420p in one array, and who is in it."""

    at_us: int
    planar: Bytes
    people: tuple[Somebody, ...]


@dataclass(slots=True)
class Score:
    """Heads and bodies by size band: how many there were, and how many were hidden."""

    heads: Counter[tuple[int, bool]] = field(default_factory=Counter)
    bodies: Counter[tuple[int, bool]] = field(default_factory=Counter)
    covered: list[float] = field(default_factory=list)
    spent_s: float = 0.0
    look_s: float = 0.0

    def share(self, what: Counter[tuple[int, bool]], wanted: Sequence[int]) -> float:
        """Hidden part of some bands; nan where there was nobody."""
        hidden = sum(what[each, True] for each in wanted)
        every = hidden + sum(what[each, False] for each in wanted)
        return hidden / every if every else float("nan")

    def add(self, other: "Score") -> None:
        self.heads += other.heads
        self.bodies += other.bodies
        self.covered += other.covered
        self.spent_s += other.spent_s
        self.look_s += other.look_s


def masked(
    before: Sequence[tuple[int, Bytes]], shots: Iterator[Shot] | Sequence[Shot], detector: ObjectDetector | None
) -> Score:
    """Mask the pictures as a rendition does, with `before` for the background, and look what of people is left."""
    masker, score = Masker(), Score()
    if detector is not None:
        masker.seen = Seen(detector, lambda: time.process_time_ns() // 1000)
    for at_us, planar in before:
        masker.recall(at_us, picture_of(planar.copy()))
    for shot in shots:
        planar = shot.planar.copy()
        begun = time.process_time()
        hidden = masker.hide(shot.at_us, picture_of(planar))
        score.spent_s += time.process_time() - begun
        score.covered.append(hidden.share)
        rows = planar.shape[0] * 2 // 3
        gone = np.ones((rows, planar.shape[1]), np.bool_)
        if not hidden.whole:
            gone = planar[:rows] == _stripes(rows, planar.shape[1])
        for somebody in shot.people:
            _judge(somebody, gone, score)
    if masker.seen is not None:
        score.look_s = masker.seen.spent_us / 1e6
    return score


def _judge(somebody: Somebody, gone: Bits, score: Score) -> None:
    top, bottom = somebody.box[1], somebody.box[3]
    high = bottom - top
    band = next((number for number, (low, most) in enumerate(BANDS) if low <= high < most), None)
    if band is None or somebody.theirs.sum() < _FEWEST:
        return
    score.bodies[band, bool(gone[somebody.theirs].mean() >= HIDDEN)] += 1
    head = somebody.theirs.copy()
    head[max(0, round(top + _HEAD * high)) :] = False
    if head.sum() >= 2:
        score.heads[band, bool(gone[head].mean() >= HIDDEN)] += 1


# The demo's estate ----------------------------------------------------------------------------------------------------


def _small(planar: Bytes, size: tuple[int, int]) -> Bytes:
    rgb = cv2.cvtColor(planar, cv2.COLOR_YUV2RGB_I420)
    rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420))


@lru_cache(maxsize=2)
def _painter(camera: str, hour: Light):  # type: ignore[no-untyped-def]  # the demo's own, without a public name
    return painter(camera, hour)


def people_of(camera: str, hour: Light) -> Callable[[float], tuple[ActorState, ...]]:
    """Who is about at a second: of the live minute by day, of last night."""
    return loop_actors if hour is Light.DAY else night_actors


def demo_picture(camera: str, hour: Light, actors: tuple[ActorState, ...], number: int) -> Bytes:
    """The small picture of a camera with these actors, as yuv420p."""
    return _small(_painter(camera, hour).frame(actors, number), (WIDTH, HEIGHT))


def demo_shot(camera: str, hour: Light, second: float, at_us: int, number: int) -> Shot:
    """The picture of a second, and whose pixels are whose: those that differ without anybody, within each one's box."""
    plan, actors = camera_by_id(camera), people_of(camera, hour)(second)
    others = tuple(actor for actor in actors if actor.kind not in _RIDERS)
    full = demo_picture(camera, hour, actors, number)
    people: list[Somebody] = []
    if len(others) < len(actors):
        without = demo_picture(camera, hour, others, number)
        differs = np.abs(full[:HEIGHT].astype(np.int16) - without[:HEIGHT]) > _OTHER
        for seen in sightings(plan, second, actors, build_town()):
            if seen.kind != Kind.PERSON or seen.visible < 0.5:
                continue
            across, down = WIDTH / plan.width, HEIGHT / plan.height
            box = (seen.box[0] * across, seen.box[1] * down, seen.box[2] * across, seen.box[3] * down)
            theirs = np.zeros_like(differs)
            rows = slice(max(0, int(box[1])), max(0, int(box[3]) + 1))
            columns = slice(max(0, int(box[0])), max(0, int(box[2]) + 1))
            theirs[rows, columns] = differs[rows, columns]
            people.append(Somebody(box, theirs))
    return Shot(at_us, full, tuple(people))


@dataclass(frozen=True, slots=True)
class Scene:
    """A stretch of one camera's pictures. `start_s` of the live minute by day, of the demo's night otherwise."""

    camera: str
    hour: Light
    start_s: float
    count: int = 40
    step_s: float = 0.5

    def second(self, after_s: float) -> float:
        second = self.start_s + after_s
        return second % 60 if self.hour is Light.DAY else second

    def shots(self) -> list[Shot]:
        """Its pictures, and whose pixels are whose."""
        times = [number * self.step_s for number in range(self.count)]
        return [
            demo_shot(self.camera, self.hour, self.second(after_s), round((self.start_s + after_s) * SECOND_US), number)
            for number, after_s in enumerate(times)
        ]

    def before(self, known: bool) -> list[tuple[int, Bytes]]:
        """What the background is learned from. `known`: an hour in which people came and went. Otherwise the minute before, as
        after a restart of the site: whoever stood there all the while is part of it."""
        life = people_of(self.camera, self.hour)
        every, times = (150.0, 24) if known else (8.0, 9)
        made = []
        for number in range(times):
            ago_s = (times - number) * every
            actors = () if known and number % 2 else life(self.second(-ago_s))
            picture = demo_picture(self.camera, self.hour, actors, number)
            made.append((round((self.start_s - ago_s) * SECOND_US), picture))
        return made


# PETS 2009, where somebody has it -------------------------------------------------------------------------------------


def pets(clip: Path, boxes: Path, count: int, step: int, *, detector: ObjectDetector | None) -> Score:
    """Every `step`th picture of View 001 of S2.L1 (10 a second), `count` at most; `boxes` in MOT's format. A person's pixels
    are the ellipse within their box. The background is of the whole clip: it has no hour before it."""
    where: dict[int, list[tuple[float, float, float, float]]] = {}
    for line in boxes.read_text().splitlines():
        number, _, left, top, wide, high = (float(each) for each in line.split(",")[:6])
        where.setdefault(int(number), []).append((left, top, left + wide, top + high))
    pictures: list[Bytes] = []
    with av.open(str(clip)) as container:
        pictures.extend(
            np.asarray(frame.reformat(format="yuv420p").to_ndarray(), np.uint8) for frame in container.decode(video=0)
        )
    spread = [len(pictures) * number // 24 for number in range(24)]
    before = [(-150 * SECOND_US * (24 - number), pictures[each]) for number, each in enumerate(spread)]

    def shots() -> Iterator[Shot]:
        for number in range(0, min(len(pictures), count * step), step):
            planar = pictures[number]
            rows, columns = planar.shape[0] * 2 // 3, planar.shape[1]
            people = []
            for box in where.get(number + 1, []):
                theirs = np.zeros((rows, columns), np.uint8)
                middle = (round((box[0] + box[2]) / 2), round((box[1] + box[3]) / 2))
                half = (max(1, round((box[2] - box[0]) * 0.35)), max(1, round((box[3] - box[1]) / 2)))
                cv2.ellipse(theirs, middle, half, 0, 0, 360, (1,), -1)
                people.append(Somebody(box, theirs > 0))
            yield Shot(number * SECOND_US // 10, planar, tuple(people))

    return masked(before, shots(), detector)
