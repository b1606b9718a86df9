"""Search finds what reading everything would find, in order, page by page."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from belvedere.foundation.clock import HOUR_US, SECOND_US, SimulatedClock
from belvedere.foundation.errors import BadInput
from belvedere.link.seeing import SearchIn, Wanted
from belvedere.media.objects import ObjectKind
from belvedere.site.seeing import search
from belvedere.site.seeing.facets import EventRecord, Facets, inside, minute_of_day
from belvedere.site.storage.index import Index
from seeing_rows import new_index, put, record

CAMERAS = 3
START_US = 1_790_000_000_000_000
ZONE = ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))

EVENTS = [
    record(
        number,
        1 + number % CAMERAS,
        1 + (number * 7) % 8,
        START_US + (number * 37 % 400) * 10 * SECOND_US,
        upper=(number * 5) % 12,
        lower=(number * 3) % 12,
        confidence=3000 + number * 13 % 7000,
        bottom=4500 + number * 31 % 5000,
        heading=number % 9 - 1,
        end_us=START_US + (number * 37 % 400) * 10 * SECOND_US + (number % 40) * SECOND_US,
    )
    for number in range(1, 601)
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    made = new_index(tmp_path_factory.mktemp("index") / "index.db", SimulatedClock(START_US), CAMERAS)
    put(made, EVENTS)
    yield made
    made.close()


def facets(wanted: Wanted, zone: tuple[tuple[float, float], ...] | None = None, cameras: int = CAMERAS) -> Facets:
    chosen = [SearchIn(f"cam-{number:02}", zone) for number in range(1, cameras + 1)]
    return Facets(chosen, wanted, {each.camera: number for number, each in enumerate(chosen, 1)})


def plainly(found: Facets, span: search.Span, cameras: int = CAMERAS) -> list[EventRecord]:
    """What meets the question, by reading everything."""
    kept = []
    for event in EVENTS:
        if event.camera_id > cameras or not span.from_us <= event.best_us < span.to_us or not found.meets(event):
            continue
        there = [
            each
            for each in EVENTS
            if each.camera_id == event.camera_id
            and each.id != event.id
            and each.start_us <= event.best_us <= each.end_us
            and abs(each.best_us - event.best_us) <= 15 * 60 * SECOND_US
        ]
        if found.wanted.together and not any(each.kind in found.wanted.together for each in there):
            continue
        alike = [each for each in there if not found.kinds or each.kind in found.kinds]
        if len(alike) + 1 >= found.wanted.at_least:
            kept.append(event)
    return sorted(kept, key=lambda each: (each.best_us, each.id), reverse=True)


def paged(index: Index, found: Facets, span: search.Span, order: str, limit: int, cameras: int = CAMERAS) -> list[int]:
    numbers: list[int] = []
    before = ""
    while True:
        page = search.find(index.read(), range(1, cameras + 1), span, found, order, limit, before)
        numbers += [event.id for event in page.events]
        before = page.next
        if not before:
            return numbers


numbers = st.lists(st.integers(1, 8), max_size=3).map(tuple)
wanted = st.builds(
    Wanted,
    kinds=numbers,
    colours=st.lists(st.integers(0, 11), max_size=5).map(tuple),
    least_confidence=st.sampled_from([0.0, 0.5]),
    least_height=st.sampled_from([0.0, 0.2]),
    headings=st.lists(st.integers(0, 7), max_size=3).map(tuple),
    together=st.one_of(st.just(()), numbers),
    at_least=st.integers(1, 3),
    least_duration_us=st.sampled_from([0, 20 * SECOND_US]),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted, st.integers(0, 3000), st.integers(1, 4000), st.sampled_from(["newest", "oldest", "best"]), st.booleans())
def test_it_finds_what_reading_everything_finds(
    index: Index, asked: Wanted, first: int, length: int, order: str, zoned: bool
) -> None:
    found = facets(asked, ZONE if zoned else None)
    span = search.Span(START_US + first * SECOND_US, START_US + (first + length) * SECOND_US)
    expected = plainly(found, span)
    told = paged(index, found, span, order, 7)
    assert sorted(told) == sorted(each.id for each in expected)
    if order != "best":
        assert told == [each.id for each in (expected if order == "newest" else reversed(expected))]
    step = 600 * SECOND_US
    for camera in range(1, CAMERAS + 1):
        mine = [each for each in expected if each.camera_id == camera]
        counts = search.count(index.read(), camera, span, step, found)
        assert sum(counts) == len(mine)
        for each in mine:
            counts[(each.best_us - span.from_us) // step] -= 1
        assert not any(counts)


def test_the_best_come_best_first(index: Index) -> None:
    found = facets(Wanted(kinds=(1,)))
    page = search.find(index.read(), (1, 2, 3), search.Span(0, 1 << 60), found, "best", 10, "")
    sure = [event.confidence for event in page.events]
    assert sure == sorted(sure, reverse=True) and sure[0] == max(e.confidence for e in EVENTS if e.kind == 1)


def test_clothing_is_of_people_only(index: Index) -> None:
    found = facets(Wanted(clothing=(4,)))
    page = search.find(index.read(), (1, 2, 3), search.Span(0, 1 << 60), found, "newest", 500, "")
    assert page.events and {event.kind for event in page.events} == {ObjectKind.PERSON}
    assert all(4 in (event.upper, event.lower) for event in page.events)
    assert "wears red" in found.why(page.events[0])


def test_hours_of_the_day_are_local_and_pass_midnight() -> None:
    summer_us = 1_782_864_000_000_000  # 2026-07-01 00:00 UTC
    assert minute_of_day(summer_us, "Europe/London") == 60
    assert minute_of_day(summer_us + 30 * 60 * SECOND_US, "Asia/Kolkata") == 6 * 60
    night = facets(Wanted(from_minute=22 * 60, to_minute=6 * 60))
    assert night.meets(record(1, 1, 1, summer_us + 22 * HOUR_US))
    assert not night.meets(record(1, 1, 1, summer_us + 12 * HOUR_US))


def test_a_point_in_a_zone() -> None:
    assert inside(ZONE, 0.5, 0.75) and not inside(ZONE, 0.5, 0.25)
    arrow = ((0.0, 0.0), (1.0, 0.5), (0.0, 1.0), (0.5, 0.5))
    assert inside(arrow, 0.75, 0.5) and not inside(arrow, 0.25, 0.5)


@pytest.mark.parametrize(
    "asked",
    [
        Wanted(kinds=(9,)),
        Wanted(colours=(12,)),
        Wanted(headings=(8,)),
        Wanted(from_minute=1441),
        Wanted(from_minute=1, zone_name="Nowhere/Land"),
        Wanted(at_least=0),
    ],
)
def test_what_nobody_can_ask(asked: Wanted) -> None:
    with pytest.raises(BadInput):
        facets(asked)


def test_a_cursor_that_is_none(index: Index) -> None:
    for order, before in (("newest", "no.place"), ("sideways", ""), ("best", "x")):
        with pytest.raises(BadInput):
            search.find(index.read(), (1,), search.Span(0, 1 << 60), facets(Wanted()), order, 5, before)


def test_a_page_reads_no_more_than_it_needs(index: Index) -> None:
    plan = index.read().execute(
        "EXPLAIN QUERY PLAN SELECT id FROM seen_event INDEXED BY seen_event_by_shade "
        "WHERE kind = 4 AND shade = 4 AND shade > 0 AND camera_id = 1 AND best_us >= 0 AND best_us < 9 "
        "ORDER BY best_us DESC, id DESC"
    ).fetchall()  # fmt: skip
    assert len(plan) == 1 and "seen_event_by_shade (kind=? AND shade=? AND camera_id=?" in plan[0][3], plan
