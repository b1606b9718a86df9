"""What a camera paints: actors where the truth has them, hidden where a building stands before them, light by the hour."""

import dataclasses
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from belvedere.demo.cameras import camera_by_id
from belvedere.demo.picture import backdrop
from belvedere.demo.picture.light import Light
from belvedere.demo.picture.render import Painter, joined
from belvedere.demo.picture.sprites import SpriteBox
from belvedere.demo.scene import ActorState, CameraPlan, Kind, Look
from belvedere.demo.town import build_town
from belvedere.demo.truth import box_of

PLAN = dataclasses.replace(camera_by_id("rowan-court"), width=640, height=360)
LOOK = Look((180, 60, 50), (40, 44, 60), (30, 24, 20), (200, 160, 130), 1.75, 0.0)


@pytest.fixture(scope="module")
def scene() -> backdrop.Scene:
    return backdrop.survey(PLAN, build_town())


@pytest.fixture(scope="module")
def painter(scene: backdrop.Scene) -> Painter:
    return Painter(scene, Light.DAY, SpriteBox())


def ahead(metres: float, left: float = 0.0) -> tuple[float, float]:
    """A place on the ground so far from the camera along its bearing."""
    b = math.radians(PLAN.bearing_deg)
    return PLAN.x + metres * math.sin(b) - left * math.cos(b), PLAN.y + metres * math.cos(b) + left * math.sin(b)


def person(x: float, y: float, kind: Kind = Kind.PERSON, look: Look = LOOK) -> ActorState:
    return ActorState("a", kind, x, y, 1.0, 1.3, 1.0, "walk", look)


def changed(painter: Painter, actor: ActorState) -> NDArray[np.bool_]:
    """Luma pixels that differ strongly from the empty scene."""
    seen, empty = painter.frame((actor,), 0)[: PLAN.height], painter.still(0)[: PLAN.height]
    return np.abs(seen.astype(int) - empty) > 24


@pytest.mark.parametrize("metres", [12.0, 20.0, 34.0])
def test_a_person_appears_in_the_box_of_the_truth(painter: Painter, metres: float) -> None:
    actor = person(*ahead(metres))
    rows, columns = np.nonzero(changed(painter, actor))
    box = box_of(PLAN, actor)
    assert box is not None
    wide, high = box[2] - box[0], box[3] - box[1]
    assert np.percentile(rows, 1) == pytest.approx(box[1], abs=0.12 * high + 2)
    assert np.percentile(rows, 99) == pytest.approx(box[3], abs=0.12 * high + 2)
    assert box[0] - 0.5 * wide - 2 < np.median(columns) < box[2] + 0.5 * wide + 2


@pytest.mark.parametrize(
    ("kind", "look"),
    [
        (Kind.CAR, dataclasses.replace(LOOK, height_m=1.5, length_m=4.3)),
        (Kind.VAN, dataclasses.replace(LOOK, height_m=2.2, length_m=5.2)),
    ],
)
def test_a_vehicle_fills_the_box_of_the_truth(painter: Painter, kind: Kind, look: Look) -> None:
    actor = person(*ahead(22), kind=kind, look=look)
    box = box_of(PLAN, actor)
    assert box is not None
    rows, columns = np.nonzero(changed(painter, actor))
    assert np.percentile(columns, 2) == pytest.approx(box[0], abs=0.15 * (box[2] - box[0]))
    assert np.percentile(columns, 98) == pytest.approx(box[2], abs=0.15 * (box[2] - box[0]))
    assert np.percentile(rows, 2) > box[1] - 4


def test_nobody_is_seen_behind_a_building_or_the_camera(painter: Painter) -> None:
    assert not changed(painter, person(*ahead(120))).any()
    assert not changed(painter, person(*ahead(-10))).any()
    np.testing.assert_array_equal(painter.frame((person(*ahead(-10)),), 1), painter.still(1))


def test_only_the_part_around_an_actor_is_painted_anew(painter: Painter) -> None:
    seen, empty = painter.frame((person(*ahead(20)),), 0)[: PLAN.height], painter.still(0)[: PLAN.height]
    assert 0 < (seen != empty).mean() < 0.08


def test_night_is_darker_than_dusk_and_dusk_than_day(scene: backdrop.Scene) -> None:
    bright = [float(backdrop.illuminate(scene, hour).picture.mean()) for hour in (Light.NIGHT, Light.DUSK, Light.DAY)]
    assert bright == sorted(bright) and bright[0] > 15


def test_an_infrared_camera_is_grey_at_night_only() -> None:
    small: CameraPlan = dataclasses.replace(camera_by_id("car-park-east"), width=352, height=288)
    made = backdrop.survey(small, build_town())
    assert not backdrop.illuminate(made, Light.DAY).infrared
    lit = backdrop.illuminate(made, Light.NIGHT)
    assert lit.infrared
    np.testing.assert_allclose(lit.picture[..., 0], lit.picture[..., 2], atol=0.5)


def test_the_same_scene_is_painted_the_same_twice(scene: backdrop.Scene) -> None:
    again = backdrop.survey(PLAN, build_town())
    np.testing.assert_array_equal(scene.colour, again.colour)


def test_boxes_that_touch_are_painted_as_one() -> None:
    made = joined([(0, 0, 10, 10), (8, 8, 20, 20), (40, 40, 50, 50), (18, 0, 30, 12)])
    assert sorted(made) == [(0, 0, 30, 20), (40, 40, 50, 50)]
