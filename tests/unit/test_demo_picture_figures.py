"""Bodies stand on the ground, are as tall as they should be, and look the way they go."""

import dataclasses
import math

import numpy as np
import pytest

from belvedere.demo.picture import figures, pose
from belvedere.demo.picture.sprites import SpriteBox
from belvedere.demo.scene import ActorState, Kind, Look

LOOK = Look((150, 40, 40), (40, 44, 60), (30, 24, 20), (200, 160, 130), 1.75, 0.0)
POSTURES = ("walk", "stand", "sit", "kick", "bend", "carry", "fallen")


def actor(kind: Kind, posture: str = "walk", phase: float = 1.0) -> ActorState:
    look = LOOK if kind is Kind.PERSON else dataclasses.replace(LOOK, height_m=0.6, length_m=0.9)
    return ActorState("a", kind, 0.0, 0.0, 0.0, 1.3, phase, posture, look)


def rows(figure: figures.Figure) -> tuple[float, float]:
    """Top and bottom of what is covered, in metres above the foot."""
    covered = np.flatnonzero((figure.alpha > 0.5).any(axis=1))
    return (figure.foot[1] - covered[0]) / figure.per_metre, (figure.foot[1] - covered[-1]) / figure.per_metre


@pytest.mark.parametrize("phase", [k * math.pi / 4 for k in range(8)])
def test_a_walker_stands_on_the_ground_and_is_as_tall_as_its_look(phase: float) -> None:
    body = pose.person(LOOK, "walk", phase)
    assert min(min(c.a[2] - c.radius_a, c.b[2] - c.radius_b) for c in body) == pytest.approx(0, abs=1e-9)
    top, bottom = rows(figures.draw(body, 0.0, 0.0, 100))
    assert top == pytest.approx(LOOK.height_m, abs=0.13)
    assert bottom == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("posture", POSTURES)
def test_every_posture_is_drawn(posture: str) -> None:
    figure = figures.draw(pose.body(actor(Kind.PERSON, posture), 1.2), 0.7, 0.2, 60)
    assert (figure.alpha > 0.9).sum() > 200
    assert figure.colour[figure.alpha > 0.9].std() > 5


def test_lying_is_low_and_sitting_lower_than_standing() -> None:
    tops = {p: max(c.a[2] for c in pose.person(LOOK, p, 1.0)) for p in POSTURES}
    assert tops["fallen"] < 0.5 < tops["sit"] < tops["stand"]


@pytest.mark.parametrize("kind", [Kind.BICYCLE, Kind.MOPED, Kind.DOG, Kind.BAG])
def test_riders_dogs_and_bags_are_drawn(kind: Kind) -> None:
    figure = figures.draw(pose.body(actor(kind), 0.4), 0.3, 0.2, 50)
    assert (figure.alpha > 0.9).sum() > 60


def test_cars_have_no_limbs() -> None:
    with pytest.raises(ValueError, match="car"):
        pose.body(actor(Kind.CAR), 0.0)


def test_infrared_is_grey() -> None:
    figure = figures.draw(pose.person(LOOK, "walk", 1.0), 0.0, 0.2, 40, infrared=True)
    np.testing.assert_allclose(figure.colour[..., 0], figure.colour[..., 2], atol=0.01)


def test_a_figure_is_drawn_once_for_each_pose_and_size() -> None:
    box = SpriteBox(kept_bytes=600_000)
    first = box.figure(actor(Kind.PERSON), 0.0, 0.2, 40, False)
    assert box.figure(actor(Kind.PERSON), 0.01, 0.2, 39, False) is first
    assert box.drawn == 1
    assert first.per_metre >= 40
    for size in (60, 90, 130):
        box.figure(actor(Kind.PERSON), 0.0, 0.2, size, False)
    assert box.figure(actor(Kind.PERSON), 0.0, 0.2, 40, False) is not first
