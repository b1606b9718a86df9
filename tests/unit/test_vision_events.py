"""Sightings become events: what is confirmed, what is one event, what is furniture, and that nothing grows without bound."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import BadInput
from belvedere.media.objects import ObjectColour, ObjectKind
from belvedere.vision.events.following import MOST_STEPS
from belvedere.vision.events.gatherer import MOST_OPEN, EventGatherer
from belvedere.vision.events.joining import MOST_IN_PICTURE
from belvedere.vision.events.presence import HOUR_US, MINUTE_US, Presence
from belvedere.vision.objects.found import Box, Detection
from truth_stage import Noise, shown

PERSON, CAR, VAN = ObjectKind.PERSON, ObjectKind.CAR, ObjectKind.VAN


def at(
    x: float,
    y: float,
    kind: ObjectKind = PERSON,
    sure: float = 0.5,
    high: float = 0.2,
    upper: ObjectColour = ObjectColour.UNKNOWN,
) -> Detection:
    """A sighting whose foot is at (x, y)."""
    wide = high * (0.4 if kind == PERSON else 1.0)
    return Detection(kind, sure, Box(x - wide / 2, y - high, x + wide / 2, y), upper)


def fed(gatherer: EventGatherer, *pictures: tuple[float, list[Detection]]) -> list[Presence]:
    """Feed pictures given by their second; what closed."""
    closed: list[Presence] = []
    for second, found in pictures:
        closed += gatherer.feed(round(second * SECOND_US), found)
    return closed


def test_a_walk_is_one_event_with_its_heading_and_speed() -> None:
    gatherer = EventGatherer(aspect=16 / 9)
    assert not fed(gatherer, *((2.0 * n, [at(0.1 + 0.05 * n, 0.6)]) for n in range(10)))
    (going,) = gatherer.going_on()
    assert going.sightings == 10
    (walk,) = gatherer.feed(60 * SECOND_US, [])
    assert (walk.number, walk.start_us, walk.end_us, walk.heading, walk.moved) == (1, 0, 18 * SECOND_US, 2, True)
    assert walk.speed == pytest.approx(0.05 * 16 / 9 / 2, rel=0.01)
    assert not gatherer.going_on()


def test_one_faint_sighting_is_no_event_and_one_sure_one_is() -> None:
    gatherer = EventGatherer()
    closed = fed(gatherer, (0, [at(0.2, 0.5, sure=0.5), at(0.8, 0.9, sure=0.8)]), (60, []))
    assert [presence.confidence for presence in closed] == [0.8]
    assert gatherer.tally.fleeting == 1


def test_kind_and_colour_are_voted_for_and_the_best_moment_is_the_largest_whole_one() -> None:
    gatherer = EventGatherer()
    closed = fed(
        gatherer,
        (0, [at(0.5, 0.5, CAR, 0.5, 0.2, ObjectColour.RED)]),
        (2, [at(0.5, 0.6, VAN, 0.6, 0.3, ObjectColour.RED)]),
        (4, [at(0.5, 0.9, VAN, 0.6, 0.4, ObjectColour.WHITE)]),
        (6, [at(0.5, 1.0, VAN, 0.6, 0.41)]),  # cut by the picture's edge
        (60, []),
    )
    assert [(p.kind, p.upper, p.best_us, p.heading) for p in closed] == [(VAN, ObjectColour.RED, 4 * SECOND_US, 4)]


def test_a_parked_car_is_one_event_though_nobody_looked_for_hours() -> None:
    gatherer = EventGatherer()
    parked = at(0.5, 0.8, CAR)
    seconds = [*range(0, 120, 2), *range(4 * 3600, 4 * 3600 + 120, 2)]
    assert not fed(gatherer, *((second, [parked]) for second in seconds))
    (car,) = gatherer.finish()
    assert (car.sightings, car.moved) == (120, False)
    assert car.still_us > 4 * HOUR_US


def test_a_car_that_drives_off_after_standing_long_begins_an_event_of_its_own() -> None:
    gatherer = EventGatherer()
    stood = [(float(second), [at(0.3, 0.8, CAR)]) for second in range(0, 200, 2)]
    leaves = [(200.0 + 2 * n, [at(0.3 + 0.12 * (n + 1), 0.8, CAR)]) for n in range(4)]
    closed = fed(gatherer, *stood, *leaves)
    assert [(p.sightings >= 100, p.moved) for p in closed] == [(True, False)]
    (leaving,) = gatherer.going_on()
    assert (leaving.start_us, leaving.heading, leaving.moved) == (202 * SECOND_US, 2, True)


def test_a_false_hit_at_the_same_place_gives_no_events_after_the_third() -> None:
    """The pool table that a detector takes for a car now and then."""
    gatherer = EventGatherer()
    table = at(0.4, 0.7, CAR, 0.5)
    closed = []
    for hour in range(8):
        for second in range(0, 30, 4):
            closed += gatherer.feed(hour * HOUR_US + second * SECOND_US, [table])
        closed += gatherer.feed(hour * HOUR_US + 10 * MINUTE_US, [])
    assert len(closed) == 3
    assert gatherer.tally.furniture > 20
    # Somebody's car that drives over the same place is seen all the same.
    drive = [(9 * 3600 + 2 * n, [at(0.1 + 0.1 * n, 0.7, CAR)]) for n in range(7)]
    assert len(fed(gatherer, *drive, (9 * 3600 + 60, []))) == 1
    # And a place that was empty for days is no furniture any more.
    later = 200 * 3600
    assert len(fed(gatherer, *((later + second, [table]) for second in range(0, 30, 4)), (later + 600, []))) == 1


def test_five_thousand_boxes_in_a_picture_are_bounded_and_counted() -> None:
    gatherer = EventGatherer()
    for picture in range(6):
        boxes = [
            at(
                0.01 + 0.98 * (n % 71) / 71,
                0.05 + 0.9 * (n // 71) / 71 + 0.0001 * picture,
                sure=0.5 + n / 10_000,
                high=0.012,
            )
            for n in range(5_000)
        ]
        gatherer.feed(picture * 2 * SECOND_US, boxes)
    assert gatherer.tally.crowded == 6 * (5_000 - MOST_IN_PICTURE)
    assert len(gatherer.going_on()) <= MOST_OPEN
    assert len(gatherer.state()) < 300_000


def test_a_picture_that_is_not_later_is_counted_and_changes_nothing() -> None:
    gatherer = EventGatherer()
    fed(gatherer, (10, [at(0.5, 0.5)]), (10, [at(0.5, 0.5)]), (4, [at(0.5, 0.5)]))
    assert (gatherer.tally.late, gatherer.tally.pictures, gatherer.last_us) == (2, 1, 10 * SECOND_US)


@pytest.mark.parametrize(
    "wrong", [b"", b"\xff", b"{}", EventGatherer().state().replace(b"\xa6format\x01", b"\xa6format\x09")]
)
def test_what_is_no_state_is_refused(wrong: bytes) -> None:
    with pytest.raises(BadInput):
        EventGatherer.restored(wrong)


SIGHTS = st.lists(
    st.builds(
        at,
        st.floats(0.2, 0.8),
        st.floats(0.4, 1.0),
        st.sampled_from([PERSON, CAR, VAN]),
        st.floats(0.4, 0.9),
        st.floats(0.02, 0.3),
    ),
    max_size=6,
)
FILM = st.lists(st.tuples(st.integers(1, 90), SIGHTS), max_size=20)


@settings(max_examples=60, deadline=None)
@given(FILM, st.integers(0, 20))
def test_a_restart_in_between_changes_nothing(film: list[tuple[int, list[Detection]]], stop: int) -> None:
    whole, cut = EventGatherer(), EventGatherer()
    second, got, wanted = 0, [], []
    for number, (step, found) in enumerate(film):
        second += step
        if number == stop:
            cut = EventGatherer.restored(cut.state())
        wanted += whole.feed(second * SECOND_US, found)
        got += cut.feed(second * SECOND_US, found)
    assert (got, cut.going_on(), cut.tally) == (wanted, whole.going_on(), whole.tally)
    assert cut.finish() == whole.finish()


@settings(max_examples=60, deadline=None)
@given(FILM)
def test_every_event_holds_together_and_no_sighting_counts_twice(film: list[tuple[int, list[Detection]]]) -> None:
    gatherer, second, out = EventGatherer(), 0, []
    for step, found in film:
        second += step
        out += gatherer.feed(second * SECOND_US, found)
    out += gatherer.finish()
    assert len({presence.number for presence in out}) == len(out)
    for presence in out:
        assert presence.start_us <= presence.best_us <= presence.end_us
        assert presence.sightings >= 2 or presence.confidence >= 0.7
        assert 2 <= len(presence.path) + (presence.sightings == 1) <= MOST_STEPS + 1
        assert -1 <= presence.heading < 8
    told = sum(presence.sightings for presence in out) + gatherer.tally.fleeting + gatherer.tally.doubled
    assert told <= sum(len(found) for _, found in film)
    if not gatherer.tally.furniture:
        assert told == sum(len(found) for _, found in film)


@pytest.mark.parametrize(
    ("camera", "start_s", "end_s", "actors"),
    [
        ("maple-way-bins", 88_200, 88_900, {"tipping-van", "tipping-driver", "tipping-mate"}),
        ("rowan-court", 75_100, 75_400, {"moped-rider"}),
        ("grove-parade", 71_000, 71_650, {"fall-man", "fall-shopkeeper"}),
        ("juniper-entrance", 77_280, 77_900, {"gathering-1", "gathering-2", "gathering-3", "gathering-4"}),
    ],
)
def test_the_nights_incidents_give_events_of_the_right_people_and_vehicles(
    camera: str, start_s: float, end_s: float, actors: set[str]
) -> None:
    """Keyframes every 2 s with one sighting in seven missed: everybody has an event, and no event is mostly somebody else's."""
    gatherer, who, out = EventGatherer(), {}, []
    for picture in shown(camera, start_s, end_s, 2, Noise()):
        who.update(
            {(picture.time_us, *found.box.foot): actor for found, actor in zip(picture.found, picture.who, strict=True)}
        )
        out += gatherer.feed(picture.time_us, picture.found)
    out += gatherer.finish()
    owners = [Counter(who[step.time_us, step.x, step.y] for step in presence.path) for presence in out]
    assert actors <= {owner.most_common(1)[0][0] for owner in owners}
    mixed = sum(owner.most_common(1)[0][1] < 0.7 * owner.total() for owner in owners)
    assert mixed <= len(out) / 10
    assert len(out) <= 3 * len({name for owner in owners for name in owner})
