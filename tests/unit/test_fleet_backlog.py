"""What beats tell of a site's backlog: nothing waits, it shrinks at a pace, it stands, it grows."""

from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.clock import SECOND_US
from belvedere.hub.fleet.backlog import Backlog

BEAT_US = 15 * SECOND_US


def told(*waiting: int) -> Backlog:
    backlog = Backlog()
    for turn, each in enumerate(waiting):
        backlog.note(turn * BEAT_US, each)
    return backlog


def test_nothing_is_told_before_there_is_a_pace() -> None:
    assert told().caught_up_in_us() is None and told(900).caught_up_in_us() is None


def test_nothing_waits() -> None:
    assert told(500, 0).caught_up_in_us() == 0 and not told(500, 0).grows()


def test_the_pace_of_the_last_beats_says_how_long_it_takes() -> None:
    assert told(900, 600, 300).caught_up_in_us() == BEAT_US
    assert told(*range(1200, 300, -100)).caught_up_in_us() == 4 * BEAT_US


def test_what_stands_or_grows_is_never_caught_up() -> None:
    assert told(300, 300, 300).caught_up_in_us() is None and not told(300, 300, 300).grows()
    growing = told(0, 10, 20, 30, 40)
    assert growing.caught_up_in_us() is None and growing.grows()
    assert not told(0, 10).grows(), "a burst is not a line that carries too little"


def test_a_clock_set_back_begins_anew() -> None:
    backlog = told(900, 600)
    backlog.note(0, 500)
    assert backlog.caught_up_in_us() is None


@given(st.lists(st.integers(0, 10**9), max_size=30))
def test_zero_is_said_only_when_nothing_waits(waiting: list[int]) -> None:
    left = told(*waiting).caught_up_in_us()
    assert left is None or left >= 0
    assert (left == 0) == (bool(waiting) and waiting[-1] == 0)
