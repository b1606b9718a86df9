"""Parts of seeing: the budget, what is known of seconds, packed sightings, the order of work."""

from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.clock import MINUTE_US, SECOND_US, SimulatedClock
from belvedere.media.objects import ObjectColour, ObjectKind
from belvedere.site.activity import value
from belvedere.site.activity.gate import share_byte
from belvedere.site.activity.seconds import SECOND
from belvedere.site.activity.store import Row
from belvedere.site.seeing import live
from belvedere.site.seeing.budget import BURST_US, Budget
from belvedere.site.seeing.coverage import states_of
from belvedere.site.seeing.order import STRETCH_US, busiest_first, stretches
from belvedere.site.seeing.sightings import feet, pack_path, pack_sightings, unpack_sightings
from belvedere.site.seeing.store import LOOKED, NOBODY, QUIET, Segment, holder, marked
from belvedere.vision.events.presence import Step
from belvedere.vision.objects.found import Box, Detection


def test_one_threshold_tells_movement() -> None:
    assert live.MOVED_SHARE == value.MOVED_SHARE
    moved, quiet = share_byte(live.MOVED_SHARE * 1.5), share_byte(live.MOVED_SHARE * 0.5)
    assert states_of(bytes((0, quiet, moved)), None, 4) == bytes((NOBODY, QUIET, NOBODY, NOBODY))
    assert states_of(bytes((0, quiet, moved)), bytes((QUIET, NOBODY, LOOKED)), 3) == bytes((QUIET, QUIET, LOOKED))


def test_no_more_is_spent_than_earned() -> None:
    clock = SimulatedClock(0)
    budget = Budget(clock, 0.5)
    assert budget.may() and budget.wait_s() == 0
    budget.spend(BURST_US + SECOND_US)
    assert not budget.may() and budget.may_overdraw() and 1.9 < budget.wait_s() < 2.1
    clock.advance(3 * SECOND_US)
    assert budget.may()
    budget.spend(60 * SECOND_US)
    assert not budget.may_overdraw()
    clock.advance(3600 * SECOND_US)
    budget.spend(BURST_US)
    assert not budget.may(), "no more than the burst is saved up"


shares = st.integers(0, 10_000).map(lambda part: part / 10_000)


@given(
    st.lists(
        st.builds(
            Detection,
            st.sampled_from(ObjectKind),
            st.integers(0, 250).map(lambda part: part / 250),
            st.builds(Box, shares, shares, shares, shares),
            st.sampled_from(ObjectColour),
            st.sampled_from(ObjectColour),
        ),
        max_size=5,
    ),
    st.integers(0, 900_000),
)
def test_sightings_come_back_as_they_went_in(found: list[Detection], ms: int) -> None:
    at_us = 7 * SECOND_US + ms * 1000
    back = unpack_sightings(7 * SECOND_US, pack_sightings(7 * SECOND_US, at_us, found))
    assert [(each.at_us, each.kind, each.confidence, each.upper, each.lower) for each in back] == [
        (at_us, each.kind, each.confidence, each.upper, each.lower) for each in found
    ]
    assert [each.box for each in back] == [
        tuple(round(side * 10_000) for side in (b.left, b.top, b.right, b.bottom)) for b in (each.box for each in found)
    ]


def test_a_path_keeps_its_feet() -> None:
    path = [Step(SECOND_US * n, n / 10, 0.5, 0.2) for n in range(5)]
    assert feet(pack_path(path)) == [(n / 10, 0.5) for n in range(5)] and feet(b"") == []


def test_seconds_are_marked_and_a_better_word_is_kept() -> None:
    looked = bytearray()
    marked(looked, 0, 2 * SECOND_US, 5 * SECOND_US, QUIET)
    marked(looked, 0, 3 * SECOND_US, 4 * SECOND_US, LOOKED)
    marked(looked, 0, 0, 5 * SECOND_US, QUIET)
    assert bytes(looked) == bytes((QUIET, QUIET, QUIET, LOOKED, QUIET))
    segments = [Segment(1, 0, 5 * SECOND_US), Segment(2, 5 * SECOND_US, 5 * SECOND_US)]
    found = [holder(segments, at_us) for at_us in (0, 5 * SECOND_US, 10 * SECOND_US)]
    assert [each.id if each else None for each in found] == [1, 2, None]


def test_stretches_and_the_busiest_of_them() -> None:
    segments = [Segment(n, n * MINUTE_US, MINUTE_US) for n in (0, 1, 2, 3, 7, 8)]
    parts = stretches(segments)
    assert [[each.id for each in part] for part in parts] == [[0, 1], [2, 3], [7, 8]]
    assert all(part[-1].end_us - part[0].start_us <= STRETCH_US for part in parts)

    def row(number: int, size: int, gate: bytes | None = None) -> Row:
        return Row(number, number * MINUTE_US, 1, SECOND.pack(size, 0, 10, 0, 0) * 60, gate)

    sized = [row(n, 9000 if n == 7 else 1000) for n in (0, 1, 2, 3, 7, 8)]
    assert next(part[0].id for part in busiest_first(parts, sized)) == 7
    gated = [*sized[:2], row(2, 10, bytes((255,)) * 60), *sized[3:]]
    assert next(part[0].id for part in busiest_first(parts, gated)) == 2, "what moved counts before sizes"
