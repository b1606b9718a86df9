"""What counts as a close look, and when a hold is asked about and stopped."""

from collections.abc import Iterable

from belvedere.foundation.clock import MINUTE_US, SECOND_US
from belvedere.hub.dwell.holds import Due, Holds, Rules, close_looks

RULES = Rules(10 * MINUTE_US, 2 * MINUTE_US, 4)
NEAR = {("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")}


def holds() -> Holds:
    return Holds(RULES, lambda one, other: (one, other) in NEAR, lambda camera: camera == "flats")


def watched(
    person: Holds, spans: Iterable[tuple[str, int]], excused_us: int = 0, start_s: int = 0
) -> list[tuple[Due, tuple[str, ...], int]]:
    """What is due, and in which second, while cameras (comma-separated) are looked at for so many seconds each."""
    told = []
    now_s = start_s
    for cameras, seconds in spans:
        close = frozenset(name for name in cameras.split(",") if name)
        for _ in range(seconds):
            for call in person.see(close, lambda camera: excused_us, now_s * SECOND_US):
                told.append((call.due, tuple(call.hold.cameras), now_s))
            now_s += 1
    return told


def test_a_wall_of_the_estate_is_no_close_look() -> None:
    small = [(name, False) for name in "abcd"]
    assert close_looks(small, 4, 12) == frozenset()
    assert close_looks(small[:3], 4, 12) == {"a", "b", "c"}
    assert close_looks([*small, ("e", True)], 4, 12) == {"e"}  # the full picture of one
    assert close_looks(small[:2], 4, 2) == frozenset()  # all that there is
    assert close_looks(small[:1], 4, 1) == {"a"}  # one camera is never a wall
    assert close_looks([("a", False)] * 5, 4, 12) == {"a"}  # the same five times


def test_ten_minutes_are_asked_about_and_two_more_without_an_answer_stop_it() -> None:
    assert watched(holds(), [("x", 900)])[:2] == [(Due.ASK, ("x",), 600), (Due.STOP, ("x",), 720)]
    assert watched(holds(), [("", 900)]) == []


def test_a_short_look_away_does_not_begin_anew_a_longer_one_does() -> None:
    assert watched(holds(), [("x", 300), ("", 50), ("x", 300)]) == [(Due.ASK, ("x",), 600)]
    assert watched(holds(), [("x", 300), ("", 90), ("x", 500)]) == []


def test_following_along_neighbours_is_one_hold() -> None:
    assert watched(holds(), [("a", 250), ("b", 250), ("c", 150)]) == [(Due.ASK, ("a", "b", "c"), 600)]
    assert watched(holds(), [("a", 250), ("far", 250), ("c", 150)]) == []
    assert watched(holds(), [("a", 300), ("", 30), ("b", 300)]) == [(Due.ASK, ("a", "b"), 600)]


def test_a_note_covers_until_it_ends_and_then_is_asked_again() -> None:
    assert watched(holds(), [("x", 1200)], excused_us=1000 * SECOND_US) == [
        (Due.ASK, ("x",), 1000),
        (Due.STOP, ("x",), 1120),
    ]


def test_a_minute_on_homes_is_told_once() -> None:
    assert watched(holds(), [("flats", 300)]) == [(Due.DWELLING, ("flats",), 61)]
    assert watched(holds(), [("flats", 50), ("", 70), ("flats", 50)]) == []
