"""What a trained detector adds to masking: those who do not move at all, held in between looks, within a bounded cost."""

from collections.abc import Sequence

import numpy as np
import pytest

from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import Unavailable
from belvedere.media.objects import ObjectKind
from belvedere.vision.masking.bodies import HELD_US, Body
from belvedere.vision.masking.cover import _stripes
from belvedere.vision.masking.masker import Masker
from belvedere.vision.masking.picture import HEIGHT, WIDTH, picture_of
from belvedere.vision.masking.seen import BUSY, LATEST_US, SOONEST_US, Seen, bgr_of, body_of
from belvedere.vision.objects.detection import Bgr
from belvedere.vision.objects.found import Box, Detection
from masking_stage import Person, draw, planes, shot, yard

STILL = Person(320, 300, 120, (60, 60, 150), (60, 50, 45))


class Told:
    """Says of each look what it was told to."""

    model = "told/1"

    def __init__(self, *looks: Sequence[Detection], cost_us: int = 0) -> None:
        self._looks = list(looks)
        self._cost_us = cost_us
        self.spent_us = 0

    def clock_us(self) -> int:
        return self.spent_us

    def find(self, pictures: Sequence[Bgr]) -> list[list[Detection]]:
        self.spent_us += self._cost_us
        now = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        return [list(now) for _ in pictures]


def somebody(left: float, wide: float = 0.05, kind: ObjectKind = ObjectKind.PERSON, sure: float = 0.5) -> Detection:
    return Detection(kind, sure, Box(left, 0.4, left + wide, 0.7))


def place(found: Detection) -> Body:
    return body_of(found, HEIGHT // 2, WIDTH // 2)


def empty() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return shot((), 1)[0]


def test_a_place_is_let_go_ten_seconds_after_somebody_was_last_seen_there() -> None:
    one = somebody(0.3)
    seen = Seen(Told([one], []))
    picture = planes(empty())
    assert seen.bodies(0, picture) == [place(one)]
    for at_us in range(SOONEST_US, HELD_US, SOONEST_US):
        assert seen.bodies(at_us, picture) == [place(one)]
    assert seen.bodies(HELD_US, picture) == []
    assert seen.looks == HELD_US // SOONEST_US + 1


def test_who_walks_leaves_no_trail_and_uncovers_no_neighbour() -> None:
    walker, neighbour = somebody(0.30), somebody(0.35)
    seen = Seen(Told([walker, neighbour], [somebody(0.32)], [somebody(0.34)]))
    picture = planes(empty())
    found = [seen.bodies(number * SOONEST_US, picture) for number in range(3)][-1]
    assert place(somebody(0.34)) in found
    assert place(neighbour) in found
    assert len(found) == 2


def test_looking_never_takes_more_of_a_core_than_it_may_and_is_never_too_rare() -> None:
    picture = planes(empty())
    for cost_us, pause_us in ((0, SOONEST_US), (40_000, round(40_000 / BUSY)), (10_000_000, LATEST_US)):
        detector = Told([], cost_us=cost_us)
        seen = Seen(detector, detector.clock_us)
        seen.bodies(0, picture)
        assert seen.pause_us == pause_us
        seen.bodies(pause_us - 1, picture)
        assert seen.looks == 1
        seen.bodies(pause_us, picture)
        assert (seen.looks, seen.spent_us) == (2, 2 * cost_us)
    assert LATEST_US < HELD_US


def test_people_and_riders_are_hidden_and_parked_cars_are_not() -> None:
    found = [
        somebody(0.1, sure=0.3),
        somebody(0.3, sure=0.1),
        somebody(0.2, 0.6, sure=0.3),  # as large as a wall, and no surer than one
        somebody(0.5, kind=ObjectKind.CAR),
        somebody(0.7, kind=ObjectKind.MOTORCYCLE),
    ]
    bodies = Seen(Told(found)).bodies(0, planes(empty()))
    assert bodies == [place(found[0]), place(found[4])]
    assert bodies[1].y < 0.4 * HEIGHT / 2 - 20  # the rider's head is above the machine


def test_another_view_forgets_and_looks_at_once() -> None:
    seen = Seen(Told([somebody(0.3)], []))
    picture = planes(empty())
    assert seen.bodies(0, picture)
    seen.forget()
    assert seen.bodies(1, picture) == []


def _with_somebody_in_the_background(detector: Told | None) -> float:
    """Hidden part of somebody who stood there, without moving a pixel, for as long as the camera is known."""
    masker = Masker()
    masker.seen = Seen(detector) if detector is not None else None
    for number in range(10):
        masker.recall(number * 8 * SECOND_US, picture_of(shot((STILL,), 900 + number)[0]))
    planar, theirs = shot((STILL,), 1)
    masker.hide(90 * SECOND_US, picture_of(planar))
    return float((planar[:HEIGHT] == _stripes(HEIGHT, WIDTH))[theirs].mean())


def test_who_is_part_of_the_background_is_hidden_by_the_detector_alone() -> None:
    theirs = draw(yard().copy(), STILL)
    rows, columns = np.nonzero(theirs.any(axis=1))[0], np.nonzero(theirs.any(axis=0))[0]
    box = Box(columns[0] / WIDTH, rows[0] / HEIGHT, (columns[-1] + 1) / WIDTH, (rows[-1] + 1) / HEIGHT)
    assert _with_somebody_in_the_background(None) < 0.2
    assert _with_somebody_in_the_background(Told([Detection(ObjectKind.PERSON, 0.5, box)])) == 1.0


def test_a_detector_gets_the_picture_as_it_is() -> None:
    planar, _ = shot((STILL,), 1)
    shown = bgr_of(picture_of(planar))
    assert shown.shape == (HEIGHT, WIDTH, 3)
    bare = yard()
    draw(bare, STILL)
    assert np.abs(shown.astype(int) - bare).mean() < 8


def test_a_failing_detector_is_told_to_whoever_hides() -> None:
    class Broken(Told):
        def find(self, pictures: Sequence[Bgr]) -> list[list[Detection]]:
            raise Unavailable("The network failed.")

    masker = Masker()
    masker.seen = Seen(Broken([]))
    for number in range(10):
        masker.recall(number * 8 * SECOND_US, picture_of(shot((), 900 + number)[0]))
    planar, _ = shot((STILL,), 1)
    before = planar.copy()
    with pytest.raises(Unavailable):
        masker.hide(90 * SECOND_US, picture_of(planar))
    assert np.array_equal(planar, before)  # nothing was painted: it can be hidden again without the detector
