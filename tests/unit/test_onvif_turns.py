"""Who moves a camera: ranks and idling, in any order of acts."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from belvedere.foundation.clock import SECOND_US, SimulatedClock
from belvedere.foundation.errors import Refused
from belvedere.site.onvif.turns import IDLE_US, Turns


def test_a_higher_rank_takes_over_and_idling_frees() -> None:
    clock = SimulatedClock()
    turns = Turns(clock)
    turns.take("gate", "ann", "Ann", 10)
    with pytest.raises(Refused, match="Ann is moving this camera"):
        turns.take("gate", "bob", "Bob", 10)
    turns.take("court", "bob", "Bob", 10)  # another camera is free
    turns.take("gate", "cat", "Cat", 20)
    with pytest.raises(Refused, match="Cat"):
        turns.take("gate", "ann", "Ann", 10)
    clock.advance(IDLE_US - 1)
    turns.take("gate", "cat", "Cat", 20)  # goes on
    clock.advance(IDLE_US - 1)
    assert turns.holder("gate") is not None
    clock.advance(1)
    assert turns.holder("gate") is None
    turns.take("gate", "ann", "Ann", 10)
    turns.give_back("gate", "cat")  # not hers to give
    assert turns.holder("gate") is not None
    turns.give_back("gate", "ann")
    assert turns.holder("gate") is None


class TurnMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = SimulatedClock()
        self.turns = Turns(self.clock)
        self.model: tuple[str, int, int] | None = None  # (user, priority, used)

    @rule(user=st.sampled_from("abc"), priority=st.integers(1, 3))
    def take(self, user: str, priority: int) -> None:
        now = self.clock.monotonic_us()
        held = self.model is not None and now - self.model[2] < IDLE_US
        refused = held and self.model is not None and self.model[0] != user and priority <= self.model[1]
        try:
            self.turns.take("gate", user, user, priority)
        except Refused:
            assert refused
        else:
            assert not refused
            self.model = (user, priority, now)

    @rule(user=st.sampled_from("abc"))
    def give_back(self, user: str) -> None:
        self.turns.give_back("gate", user)
        if self.model is not None and self.model[0] == user:
            self.model = None

    @rule(seconds=st.integers(0, 15))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds * SECOND_US)

    @invariant()
    def same_holder(self) -> None:
        turn = self.turns.holder("gate")
        now = self.clock.monotonic_us()
        expected = self.model[0] if self.model is not None and now - self.model[2] < IDLE_US else None
        assert (turn.user_id if turn else None) == expected


TestTurns = TurnMachine.TestCase
