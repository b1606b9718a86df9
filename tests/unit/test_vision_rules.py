"""Live rules: what each kind minds and what it does not, when it watches, that it only counts in its shadow time."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.clock import SECOND_US
from belvedere.link import rules as link
from belvedere.link.rules import LiveRule, Window
from belvedere.media.objects import ObjectKind
from belvedere.vision.objects.found import Box, Detection
from belvedere.vision.rules.engine import RuleEngine
from belvedere.vision.rules.hours import watches
from belvedere.vision.rules.plane import crosses, inside
from belvedere.vision.rules.raised import Raised
from truth_stage import Noise, shown

PERSON, CAR, MOPED, BAG = ObjectKind.PERSON, ObjectKind.CAR, ObjectKind.MOTORCYCLE, ObjectKind.BAG
RIGHT_HALF = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
ACROSS = ((0.5, 1.0), (0.5, 0.0))  # walked upwards: its left is the picture's left


def at(x: float, y: float = 0.6, kind: ObjectKind = PERSON, high: float = 0.2, sure: float = 0.5) -> Detection:
    wide = high * (0.3 if kind == PERSON else 0.8)
    return Detection(kind, sure, Box(x - wide / 2, y - high, x + wide / 2, y))


def rule(kind: str, **more: object) -> LiveRule:
    return LiveRule("r1", 1, "court", kind, **{"cool_down_s": 0.0, **more})  # type: ignore[arg-type]


def raised(
    rules: LiveRule, pictures: Iterable[Sequence[Detection]], step_s: float = 0.5, start_s: float = 0.0
) -> list[Raised]:
    engine, found = RuleEngine([rules]), []
    for number, picture in enumerate(pictures):
        found += engine.see(round((start_s + number * step_s) * SECOND_US), picture)
    return found


def walk(first: float, last: float, steps: int = 20, **more: object) -> list[list[Detection]]:
    return [[at(first + (last - first) * n / (steps - 1), **more)] for n in range(steps)]  # type: ignore[arg-type]


@pytest.mark.parametrize(("direction", "right", "left"), [(0, 1, 1), (1, 1, 0), (-1, 0, 1)])
def test_a_line_minds_its_direction(direction: int, right: int, left: int) -> None:
    line = rule(link.LINE, line=ACROSS, direction=direction)
    assert len(raised(line, walk(0.3, 0.7))) == right
    assert len(raised(line, walk(0.7, 0.3))) == left


def test_a_line_is_not_crossed_beside_its_ends_nor_by_a_box_that_shakes() -> None:
    short = rule(link.LINE, line=((0.5, 0.4), (0.5, 0.2)))
    assert not raised(short, walk(0.3, 0.7))
    shaking = [[at(0.5 + 0.01 * (-1) ** n)] for n in range(40)]
    assert not raised(rule(link.LINE, line=ACROSS), shaking)


def test_a_zone_is_told_once_for_each_visit_and_only_of_its_kinds() -> None:
    zone = rule(link.ZONE, zone=RIGHT_HALF, objects=(int(PERSON),))
    visit = [*walk(0.3, 0.7), *walk(0.7, 0.3), *walk(0.3, 0.3, 20), *walk(0.3, 0.7)]
    (first, second) = raised(zone, visit)
    assert (first.object, first.shadow, first.muted) == (PERSON, False, False)
    assert second.start_us - first.start_us > 20 * SECOND_US
    assert not raised(zone, walk(0.3, 0.7, kind=CAR))
    assert not raised(rule(link.ZONE, zone=RIGHT_HALF, least_confidence=0.6), walk(0.3, 0.7))


def test_dwelling_is_told_after_its_time_though_the_detector_misses_now_and_then() -> None:
    dwell = rule(link.DWELL, zone=RIGHT_HALF, seconds=30.0)
    stands = [[] if n % 4 == 0 or 40 < n < 45 else [at(0.7 + 0.002 * (n % 3))] for n in range(100)]
    (found,) = raised(dwell, stands)
    assert 30 * SECOND_US <= found.time_us - found.start_us < 32 * SECOND_US
    assert not raised(dwell, stands[:55])


def test_who_stands_still_and_then_walks_on_is_one_who_dwells() -> None:
    dwell = rule(link.DWELL, zone=RIGHT_HALF, seconds=60.0)
    assert len(raised(dwell, [*walk(0.6, 0.6, 80), *walk(0.6, 0.9, 60)])) == 1


def test_a_crowd_has_to_hold_and_is_told_again_only_after_it_broke_up() -> None:
    crowd = rule(link.CROWD, zone=RIGHT_HALF, count=3, seconds=5.0)
    three = [[at(0.6), at(0.75), at(0.9)]] * 20
    two = [[at(0.6), at(0.75)]] * 20
    found = raised(crowd, [*three, *two, *three])
    assert [each.object for each in found] == [PERSON, PERSON]
    assert not raised(crowd, [*two, *three[:8]])
    # One who is missed in a picture does not break it up.
    assert len(raised(crowd, [*three, *two[:4], *three])) == 1


def test_the_wrong_way_is_a_way_gone_and_not_a_step_back() -> None:
    one_way = rule(link.WRONG_WAY, direction=2)
    assert len(raised(one_way, walk(0.8, 0.2, kind=CAR))) == 1
    assert not raised(one_way, walk(0.2, 0.8, kind=CAR))
    assert not raised(one_way, [*walk(0.2, 0.6), *walk(0.6, 0.5), *walk(0.5, 0.8)])


def test_a_bag_is_left_when_its_owner_went_and_not_while_they_stand_by_it() -> None:
    left = rule(link.LEFT, seconds=10.0)
    bag = at(0.5, 0.62, BAG, 0.06)
    comes = walk(0.1, 0.5)
    stays = [[at(0.5), bag]] * 40
    goes = [[at(0.5 + 0.02 * n), bag] for n in range(20)]
    lies = [[bag]] * 40
    assert not raised(left, [*comes, *stays])
    (found,) = raised(left, [*comes, *stays, *goes, *lies])
    assert (found.object, found.start_us) == (BAG, 10 * SECOND_US)
    assert not raised(left, [[bag]] * 100), "what lay there from the beginning was not left now"


def test_a_parked_car_is_no_vehicle_in_the_court_and_one_that_drives_is() -> None:
    court = rule(link.COURT, zone=RIGHT_HALF)
    assert not raised(court, walk(0.7, 0.7, 60, kind=CAR))
    (found,) = raised(court, walk(0.4, 0.9, kind=MOPED))
    assert found.object == MOPED
    assert not raised(court, walk(0.4, 0.9, kind=PERSON))


def test_tampering_is_told_once_for_each_time_it_begins() -> None:
    engine = RuleEngine([rule(link.TAMPER, hints=("black", "moved"))])
    told = [
        engine.feel(n * SECOND_US, frozenset(hints))
        for n, hints in enumerate([(), ("black",), ("black",), (), ("black", "blurred")])
    ]
    assert [len(each) for each in told] == [0, 1, 0, 0, 1]


def test_the_cool_down_mutes_and_the_shadow_time_only_counts() -> None:
    minute = rule(link.LINE, line=ACROSS, cool_down_s=60.0, shadow_until_us=30 * SECOND_US)
    found = raised(minute, [*walk(0.3, 0.7), *walk(0.7, 0.3), *walk(0.3, 0.3, 160), *walk(0.3, 0.7)])
    assert [(each.muted, each.shadow) for each in found] == [(False, True), (True, True), (False, False)]


def test_a_rule_whose_review_is_due_only_counts() -> None:
    due = rule(link.DWELL, zone=RIGHT_HALF, seconds=5.0, review_us=60 * SECOND_US)
    stands = walk(0.7, 0.7, 40)
    assert [each.shadow for each in raised(due, stands)] == [False]
    assert [each.shadow for each in raised(due, stands, start_s=60)] == [True]


def test_a_rule_that_stays_the_same_keeps_what_it_knows_when_others_change() -> None:
    dwell, line = rule(link.DWELL, zone=RIGHT_HALF, seconds=10.0), rule(link.LINE, line=ACROSS)
    engine, found = RuleEngine([dwell]), []
    for number in range(30):
        if number == 10:
            engine.put([dwell, line])
        found += engine.see(number * SECOND_US // 2, [at(0.7)])
    assert len(found) == 1
    assert engine.rules == (dwell, line)


def test_a_gap_of_a_minute_begins_anew() -> None:
    dwell = rule(link.DWELL, zone=RIGHT_HALF, seconds=30.0)
    engine = RuleEngine([dwell])
    for second in (*range(20), *range(90, 115)):
        assert not engine.see(second * SECOND_US, [at(0.7)])


def at_us(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * SECOND_US)


@pytest.mark.parametrize(
    ("moment", "open_now"),
    [
        ("2026-07-06T20:59", False),  # Monday 21:59 in London: summer time
        ("2026-07-06T21:00", True),
        ("2026-07-07T04:59", True),  # Tuesday morning belongs to Monday's night
        ("2026-07-07T05:00", False),
        ("2026-07-07T22:00", False),  # Tuesday is none of its days
        ("2026-12-07T21:59", False),  # Monday, winter time
        ("2026-12-07T22:00", True),
    ],
)
def test_hours_are_the_sites_and_may_pass_midnight(moment: str, open_now: bool) -> None:
    night = Window((0,), 22 * 60, 6 * 60)
    assert watches([night], "Europe/London", at_us(moment)) is open_now
    assert watches([], "Europe/London", at_us(moment))
    assert watches([Window((0, 1), 0, 0)], "Europe/London", at_us("2026-07-07T12:00"))


def test_a_rule_outside_its_hours_forgets() -> None:
    closed = rule(link.ZONE, windows=(Window((3,), 0, 0),))  # 1 January 1970 was a Thursday; London kept summer time
    assert raised(closed, walk(0.3, 0.7))
    assert not raised(rule(link.ZONE, windows=(Window((4,), 0, 0),)), walk(0.3, 0.7))


@given(st.floats(0, 1), st.floats(0, 1))
def test_inside_agrees_with_the_box_it_draws(x: float, y: float) -> None:
    if x != 0.5 and 0 < y < 1 and x < 1:
        assert inside(RIGHT_HALF, (x, y)) == (x > 0.5)
    assert inside((), (x, y))


@given(st.floats(0.01, 0.49), st.floats(0.51, 0.99), st.floats(0.05, 0.95))
def test_crossing_is_the_same_both_ways(a: float, b: float, y: float) -> None:
    line = ((0.5, 1.0), (0.5, 0.0))
    assert crosses(line, (a, y), (b, y), 16 / 9)
    assert crosses(line, (b, y), (a, y), 16 / 9)
    assert not crosses(line, (a, y), (a / 2, y), 16 / 9)


@pytest.mark.parametrize(
    ("kind", "camera", "start_s", "end_s", "step_s", "more", "objects"),
    [
        (link.COURT, "rowan-court", 75_150, 75_260, 1, {}, {MOPED}),
        (link.CROWD, "juniper-entrance", 78_000, 78_060, 0.5, {"objects": (1,), "count": 4, "seconds": 20.0}, {PERSON}),
        (link.DWELL, "maple-way-bins", 88_330, 88_530, 2, {"seconds": 45.0}, {ObjectKind.VAN, PERSON}),
    ],
)
def test_the_nights_incidents_raise_what_they_should(
    kind: str, camera: str, start_s: float, end_s: float, step_s: float, more: dict[str, object], objects: set[int]
) -> None:
    """Keyframes to two pictures a second, one sighting in seven missed. The cool-down is a quarter of an hour."""
    engine, told = RuleEngine([rule(kind, **{"cool_down_s": 900.0, **more})]), []
    for picture in shown(camera, start_s, end_s, step_s, Noise()):
        told += [found for found in engine.see(picture.time_us, picture.found) if not found.muted]
    assert {found.object for found in told} & objects
    assert len(told) <= 3
