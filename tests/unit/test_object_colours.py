"""Coarse names of colours: right on plain things, unmoved by what is behind them, silent where light does not tell."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from belvedere.media.objects import ObjectColour, ObjectKind
from belvedere.vision.objects.colour import CENTRES, Light, colours_of, name_of, oklab, with_colours
from belvedere.vision.objects.found import Box, Detection

Bytes = NDArray[np.uint8]
# As anybody would name them; R, G, B.
NAMED = {
    ObjectColour.BLACK: ((20, 20, 22), (35, 35, 40)),
    ObjectColour.GREY: ((90, 92, 95), (140, 140, 142)),
    ObjectColour.WHITE: ((225, 225, 222), (250, 250, 250)),
    ObjectColour.RED: ((200, 30, 30), (150, 35, 40)),
    ObjectColour.ORANGE: ((240, 140, 30), (205, 95, 55)),
    ObjectColour.BROWN: ((110, 75, 45), (85, 60, 40)),
    ObjectColour.YELLOW: ((250, 220, 50), (200, 160, 60)),
    ObjectColour.GREEN: ((40, 140, 50), (60, 100, 65)),
    ObjectColour.BLUE: ((30, 70, 180), (45, 60, 100)),
    ObjectColour.PURPLE: ((120, 50, 150), (100, 60, 120)),
    ObjectColour.PINK: ((245, 150, 180), (230, 110, 160)),
}
DAYLIGHT = Light(True, True)
BODY = Box(0.4, 0.2, 0.6, 0.9)


def _street(seed: int = 3) -> Bytes:
    """A picture with colours in it: sky, grass, bricks, paving with grain."""
    made = np.full((360, 640, 3), (150, 148, 146), np.float32)
    made[:80] = (215, 190, 170)
    made[80:180, :240] = (60, 80, 140)
    made[80:180, 400:] = (50, 120, 80)
    made += np.random.default_rng(seed).normal(0, 6, made.shape)
    return np.clip(made, 0, 255).astype(np.uint8)


def _dressed(upper: tuple[int, int, int], lower: tuple[int, int, int]) -> Bytes:
    """Somebody in BODY, whose sides show the street behind them."""
    picture = _street()
    left, top, right, bottom = 256 + 28, 72, 384 - 28, 324  # narrower than the box, as arms leave it
    picture[top : top + 40, left + 15 : right - 15] = (90, 120, 170)
    picture[top + 40 : 200, left:right] = upper[::-1]
    picture[200:bottom, left:right] = lower[::-1]
    grain = np.random.default_rng(9).normal(0, 4, picture.shape)
    return np.asarray(cv2.GaussianBlur(np.clip(picture + grain, 0, 255).astype(np.uint8), (3, 3), 0), np.uint8)


@pytest.mark.parametrize("name", NAMED)
def test_plain_things_have_the_names_that_anybody_would_give_them(name: ObjectColour) -> None:
    for red, green, blue in NAMED[name]:
        patch = np.full((60, 3), (blue, green, red), np.float64) + np.random.default_rng(1).normal(0, 5, (60, 3))
        assert name_of(np.clip(patch, 0, 255).astype(np.uint8)) is name


def test_upper_and_lower_are_told_apart_and_the_street_behind_does_not_count() -> None:
    person = Detection(ObjectKind.PERSON, 0.6, BODY)
    found = with_colours(_dressed((200, 30, 30), (35, 50, 120)), [person])
    assert found == [replace(person, upper=ObjectColour.RED, lower=ObjectColour.BLUE)]


def test_windows_and_tyres_do_not_make_a_red_car_black() -> None:
    picture = _street()
    picture[150:250, 200:400] = (35, 30, 170)
    picture[150:190, 225:375] = (30, 28, 26)
    picture[225:250, 220:260] = picture[225:250, 340:380] = (20, 20, 20)
    car = Detection(ObjectKind.CAR, 0.6, Box(200 / 640, 150 / 360, 400 / 640, 250 / 360))
    assert with_colours(picture, [car])[0].upper is ObjectColour.RED


def test_a_name_holds_when_clouds_take_a_third_of_the_light() -> None:
    picture = _dressed((70, 110, 75), (150, 40, 45))
    person = Detection(ObjectKind.PERSON, 0.6, BODY)
    for light in (1.0, 0.8, 0.66):
        seen = with_colours(np.asarray(picture * light, np.uint8), [person])[0]
        assert (seen.upper, seen.lower) == (ObjectColour.GREEN, ObjectColour.RED)


def test_infrared_dark_and_tiny_pictures_give_no_name() -> None:
    picture = _dressed((200, 30, 30), (35, 50, 120))
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    nothing = (ObjectColour.UNKNOWN, ObjectColour.UNKNOWN)
    for dim in (np.asarray(grey, np.uint8), np.asarray(picture * 0.12, np.uint8)):
        assert colours_of(dim, ObjectKind.PERSON, BODY, Light.of(dim)) == nothing
    assert colours_of(picture, ObjectKind.PERSON, Box(0.49, 0.4, 0.5, 0.45), DAYLIGHT) == nothing
    assert name_of(np.zeros((0, 3), np.uint8)) is ObjectColour.UNKNOWN


def test_under_lamps_only_colours_are_named_and_no_shades_of_grey() -> None:
    picture = np.asarray(_dressed((200, 30, 30), (35, 35, 40)) * 0.42, np.uint8)
    light = Light.of(picture)
    assert (light.coloured, light.bright, light.dim) == (True, True, True)
    seen = colours_of(picture, ObjectKind.PERSON, BODY, light)
    assert seen == (ObjectColour.RED, ObjectColour.UNKNOWN)


def test_a_pattern_has_no_name_and_neither_have_those_who_lie_or_dogs() -> None:
    stripes = np.array([[0, 0, 200], [200, 200, 200], [200, 40, 0]] * 30, np.uint8)
    assert name_of(stripes) is ObjectColour.UNKNOWN
    picture = _dressed((200, 30, 30), (200, 30, 30))
    for kind, box in ((ObjectKind.PERSON, Box(0.4, 0.5, 0.8, 0.7)), (ObjectKind.DOG, BODY)):
        assert colours_of(picture, kind, box, DAYLIGHT) == (ObjectColour.UNKNOWN, ObjectColour.UNKNOWN)


def test_every_name_has_a_centre_and_oklab_is_that_of_its_author() -> None:
    assert {centre[0] for centre in CENTRES} == set(ObjectColour) - {ObjectColour.UNKNOWN}
    # sRGB red, as bottosson.github.io gives it through XYZ: L 0.628, a 0.225, b 0.126.
    assert oklab(np.array([[0, 0, 255]], np.uint8))[0] == pytest.approx([0.628, 0.225, 0.126], abs=0.001)
