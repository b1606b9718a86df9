"""When a movement begins, for the log; and whose reports were looked at."""

from belvedere.foundation.clock import DAY_US, SECOND_US, SimulatedClock
from belvedere.hub.devices.movements import Looks, Movements


def test_a_repeat_in_time_goes_on_and_a_late_one_begins_anew() -> None:
    clock = SimulatedClock()
    movements = Movements(clock)
    assert movements.begins("ann", "gate")
    for _ in range(3):
        movements.goes_on("ann", "gate", 2)
        clock.advance(2 * SECOND_US)
        assert not movements.begins("ann", "gate")
        assert movements.begins("bob", "gate") and movements.begins("ann", "door")
    clock.advance(SECOND_US)
    assert movements.begins("ann", "gate")
    movements.goes_on("ann", "gate", 5)
    movements.ended("ann", "gate")
    assert movements.begins("ann", "gate")


def test_a_day_is_looked_at_once_a_grant() -> None:
    looks = Looks()
    span = (5 * DAY_US, 6 * DAY_US)
    assert looks.fresh("grant_1", "gate", *span)
    looks.logged("grant_1", "gate", *span)
    assert not looks.fresh("grant_1", "gate", *span)
    assert looks.fresh("grant_1", "gate", 5 * DAY_US, 6 * DAY_US + 1), "another day"
    assert looks.fresh("grant_2", "gate", *span) and looks.fresh("grant_1", "door", *span)
