"""Counting what is opened."""

from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.clock import DAY_US, HOUR_US, SECOND_US
from belvedere.hub.quotas.counts import Counts, Limits, Scope, What
from belvedere.hub.quotas.desk import refusal

T = 1_780_012_800_000_000
LIMITS = Limits({(What.FOOTAGE, Scope.PERSON): 120, (What.FOOTAGE, Scope.CAMERA): 200, (What.EXPORTS, Scope.PERSON): 5})


def open_segment(counts: Counts, person: str, segment: int, now_us: int = T, seconds: int = 60) -> bool:
    ids = ((Scope.PERSON, person), (Scope.CAMERA, "gate"))
    return counts.take(What.FOOTAGE, ids, now_us, seconds, (f"{person}/gate", segment)) is None


def test_what_was_opened_is_free_for_the_rest_of_the_hour() -> None:
    counts = Counts(LIMITS)
    assert open_segment(counts, "ann", 1) and open_segment(counts, "ann", 2)
    assert not open_segment(counts, "ann", 3)
    assert all(open_segment(counts, "ann", 1) for _ in range(50))
    assert counts.amount(What.FOOTAGE, Scope.PERSON, "ann", T) == 120
    assert open_segment(counts, "ann", 3, T + HOUR_US)


def test_a_camera_has_a_limit_over_all_people_and_a_refusal_counts_nothing() -> None:
    counts = Counts(LIMITS)
    assert [open_segment(counts, name, 1) for name in ("a", "b", "c", "d")] == [True, True, True, False]
    assert counts.amount(What.FOOTAGE, Scope.PERSON, "d", T) == 0


def test_the_first_refusal_of_a_window_says_so_and_speaks_plainly() -> None:
    counts = Counts(LIMITS)
    ids = ((Scope.PERSON, "ann"),)
    taken = [counts.take(What.EXPORTS, ids, T + n * SECOND_US) for n in range(7)]
    assert taken[:5] == [None] * 5
    first, second = taken[5], taken[6]
    assert first is not None and first.first and second is not None and not second.first
    assert str(refusal(first)).startswith("You have made 5 exports today")
    assert counts.take(What.EXPORTS, ids, T + DAY_US) is None


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.integers(0, 2)), max_size=60))
def test_no_window_ever_holds_more_than_its_limit(reads: list[tuple[str, int, int]]) -> None:
    counts = Counts(LIMITS)
    opened: dict[tuple[str, int], set[int]] = {}
    for person, segment, hour in sorted(reads, key=lambda read: read[2]):
        if open_segment(counts, person, segment, T + hour * HOUR_US):
            opened.setdefault((person, hour), set()).add(segment)
    assert all(60 * len(segments) <= 120 for segments in opened.values())
    counts.forget(T + 9 * HOUR_US)
    assert len(counts) == 0
