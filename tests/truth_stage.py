"""What a detector of middling sight would report of the demo's night: the truth, with misses, doubles, wrong kinds and jitter."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from belvedere.demo.cameras import camera_by_id
from belvedere.demo.life import build_night
from belvedere.demo.life.schedule import Life
from belvedere.demo.town import Town, build_town
from belvedere.demo.truth import Sighting, sightings
from belvedere.foundation.clock import SECOND_US
from belvedere.media.objects import ObjectKind
from belvedere.vision.objects.found import Box, Detection

KINDS = {
    "person": ObjectKind.PERSON,
    "bicycle": ObjectKind.BICYCLE,
    "moped": ObjectKind.MOTORCYCLE,
    "car": ObjectKind.CAR,
    "van": ObjectKind.VAN,
    "dog": ObjectKind.DOG,
    "bag": ObjectKind.BAG,
}
_CONFUSED = {
    ObjectKind.CAR: ObjectKind.VAN,
    ObjectKind.VAN: ObjectKind.CAR,
    ObjectKind.MOTORCYCLE: ObjectKind.BICYCLE,
    ObjectKind.BICYCLE: ObjectKind.MOTORCYCLE,
    ObjectKind.DOG: ObjectKind.ANIMAL,
}


@dataclass(frozen=True, slots=True)
class Noise:
    """Shares of sightings that are missed, doubled or of a wrong kind; jitter as a share of the box's size."""

    missed: float = 0.15
    doubled: float = 0.05
    confused: float = 0.1
    jitter: float = 0.03


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture: what was found, and who it was, in the same order; `truth` is everything that could be found."""

    time_us: int
    found: tuple[Detection, ...]
    who: tuple[str, ...]
    truth: tuple[Sighting, ...]


@lru_cache(1)
def night() -> tuple[Town, Life]:
    """The demo's town and its night; made once a process, half a second."""
    town = build_town()
    return town, build_night(town)


def shown(
    camera_id: str, start_s: float, end_s: float, step_s: float, noise: Noise, seed: int = 1, least_px: float = 24
) -> Iterator[Shown]:
    """Pictures of the night, seconds of the day, every `step_s`: what stands `least_px` high in the sub-stream and is half seen."""
    camera, (town, life), rng = camera_by_id(camera_id), night(), random.Random(seed)
    small = camera.sub_height / camera.height
    count = int((end_s - start_s) / step_s)
    for number in range(count):
        second = start_s + number * step_s
        true = tuple(
            seen
            for seen in sightings(camera, second, life.actors_at(second), town)
            if seen.visible >= 0.5 and seen.height_px * small >= least_px
        )
        found: list[tuple[Detection, str]] = []
        for seen in true:
            if rng.random() < noise.missed:
                continue
            for _ in range(2 if rng.random() < noise.doubled else 1):
                found.append((_found(seen, rng, noise, camera.width, camera.height), seen.actor))
        yield Shown(round(second * SECOND_US), tuple(d for d, _ in found), tuple(w for _, w in found), true)


def _found(seen: Sighting, rng: random.Random, noise: Noise, width: int, height: int) -> Detection:
    x0, y0, x1, y1 = seen.box
    wide, high = x1 - x0, y1 - y0
    x0, x1 = (x + rng.gauss(0, noise.jitter) * wide for x in (x0, x1))
    y0, y1 = (y + rng.gauss(0, noise.jitter) * high for y in (y0, y1))
    left, top = max(0.0, x0 / width), max(0.0, y0 / height)
    right, bottom = min(1.0, max(x1 / width, left + 0.002)), min(1.0, max(y1 / height, top + 0.002))
    kind = KINDS[seen.kind]
    if rng.random() < noise.confused:
        kind = _CONFUSED.get(kind, kind)
    return Detection(
        kind, rng.uniform(0.42, 0.68), Box(min(left, right - 0.001), min(top, bottom - 0.001), right, bottom)
    )
