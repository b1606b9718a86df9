"""Ground truth: who is where in each camera's picture, in world and image coordinates. Tests and benches measure against it."""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from belvedere.demo.cameras import clear_sight, project
from belvedere.demo.life import build_loop, build_night
from belvedere.demo.scene import ActorState, CameraPlan, Kind
from belvedere.demo.town import Town, build_town
from belvedere.foundation.errors import BadInput

_SMALLEST_PX = 4.0  # anything lower in the picture is not listed
_NEAREST_M = 0.4


@dataclass(frozen=True, slots=True)
class Sighting:
    """One actor in one camera's picture at one instant. Pixels are the main stream's; scale by sub_width / width for the sub."""

    camera: str
    t: float  # true seconds: of the loop or of the night, never the camera's wrong clock
    actor: str
    kind: str
    x: float  # metres, on the ground below the actor's middle
    y: float
    heading_rad: float
    posture: str
    distance_m: float
    # x0, y0, x1, y1 of the whole actor, the parts outside the picture included.
    box: tuple[float, float, float, float]
    # Part of the actor inside the picture and not behind a building, 0 to 1. Trees, fences and other actors don't count.
    visible: float

    @property
    def height_px(self) -> float:
        return self.box[3] - self.box[1]


def extent(actor: ActorState) -> tuple[float, float, float]:
    """Length along the heading, width and height of an actor in metres, in its posture."""
    look = actor.look
    tall = look.height_m
    if actor.kind == Kind.PERSON:
        if actor.posture == "fallen":
            return tall, 0.55, 0.32
        if actor.posture == "sit":
            return 0.62, 0.5, 0.74 * tall
        if actor.posture == "bend":
            return 0.8, 0.5, 0.72 * tall
        if actor.posture in ("walk", "carry", "kick"):
            return 0.62, 0.5, tall
        return 0.4, 0.5, tall
    if actor.kind in (Kind.BICYCLE, Kind.MOPED):
        return look.length_m, 0.55, tall * 0.95
    if actor.kind == Kind.DOG:
        return look.length_m, 0.24, tall
    if actor.kind == Kind.BAG:
        return look.length_m, look.length_m * (0.72 if look.length_m > 1 else 0.9), tall
    return look.length_m, 1.78 if actor.kind == Kind.CAR else 1.95, tall


def box_of(camera: CameraPlan, actor: ActorState) -> tuple[float, float, float, float] | None:
    """The image box of an actor's bounding block, frame not asked; None when any of it lies behind the camera."""
    length, width, height = extent(actor)
    c, s = math.cos(actor.heading_rad), math.sin(actor.heading_rad)
    xs, ys, zs = [], [], []
    for a in (-length / 2, length / 2):
        for b in (-width / 2, width / 2):
            for z in (0.0, height):
                xs.append(actor.x + a * c - b * s)
                ys.append(actor.y + a * s + b * c)
                zs.append(z)
    px, py, depth = project(camera, xs, ys, zs)
    if depth.min() < _NEAREST_M:
        return None
    return float(px.min()), float(py.min()), float(px.max()), float(py.max())


def _unhidden(camera: CameraPlan, actor: ActorState, town: Town) -> float:
    """Part of the actor with no building before it, from a grid of points across what the camera faces."""
    length, width, height = extent(actor)
    away = math.atan2(actor.y - camera.y, actor.x - camera.x)
    off = actor.heading_rad - away
    half = (abs(length * math.sin(off)) + abs(width * math.cos(off))) / 2
    across = np.repeat(np.array([-0.8, -0.3, 0.3, 0.8]) * half, 4)
    up = np.tile(np.array([0.1, 0.35, 0.65, 0.92]) * height, 4)
    x = actor.x - across * math.sin(away)
    y = actor.y + across * math.cos(away)
    return float(clear_sight(camera, x, y, up, town).mean())


def sightings(camera: CameraPlan, t: float, actors: Iterable[ActorState], town: Town) -> list[Sighting]:
    """Those of `actors` that the camera sees at all, nearest first."""
    found = []
    for actor in actors:
        box = box_of(camera, actor)
        if box is None or box[3] - box[1] < _SMALLEST_PX:
            continue
        inside_x = min(box[2], camera.width) - max(box[0], 0.0)
        inside_y = min(box[3], camera.height) - max(box[1], 0.0)
        if inside_x <= 0 or inside_y <= 0:
            continue
        part = inside_x * inside_y / ((box[2] - box[0]) * (box[3] - box[1]))
        part *= _unhidden(camera, actor, town)
        if part <= 0:
            continue
        found.append(
            Sighting(
                camera=camera.id,
                t=t,
                actor=actor.id,
                kind=str(actor.kind),
                x=round(actor.x, 3),
                y=round(actor.y, 3),
                heading_rad=round(actor.heading_rad, 4),
                posture=actor.posture,
                distance_m=round(math.dist((actor.x, actor.y, 0), (camera.x, camera.y, camera.height_m)), 2),
                box=(round(box[0], 1), round(box[1], 1), round(box[2], 1), round(box[3], 1)),
                visible=round(part, 3),
            )
        )
    return sorted(found, key=lambda sighting: sighting.distance_m)


def truth(camera: CameraPlan, t: float, loop: bool, town: Town | None = None) -> list[Sighting]:
    """What `camera` truly sees at second `t`: of the live minute when `loop`, else of the night (68 400 is 19:00)."""
    town = town or build_town()
    life = build_loop(town) if loop else build_night(town)
    return sightings(camera, t, life.actors_at(t), town)


def write_truth(path: Path, seen: Iterable[Sighting]) -> int:
    """Writes sightings as JSON lines; returns how many."""
    count = 0
    with path.open("w", encoding="utf-8") as out:
        for sighting in seen:
            out.write(json.dumps(asdict(sighting), separators=(",", ":")) + "\n")
            count += 1
    return count


def read_truth(path: Path) -> Iterator[Sighting]:
    """The sightings of a file that `write_truth` wrote. Raises BadInput naming the first line that is not one."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                fields: dict[str, Any] = json.loads(line)
                fields["box"] = tuple(fields["box"])
                yield Sighting(**fields)
            except (ValueError, TypeError, KeyError) as error:
                raise BadInput(
                    f"Line {number} of {path} is not a sighting: {error}.", advice="Write the file anew."
                ) from error
