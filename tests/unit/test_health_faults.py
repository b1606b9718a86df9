"""When a fault opens, counts and closes: rules by example, and as properties over any course of events."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, SimulatedClock
from belvedere.link.health import Fault
from belvedere.site.health.faults import SNOOZE_US, FaultBook
from belvedere.site.health.losses import LossyMinutes
from belvedere.site.health.rules import (
    GOOD,
    PATIENCE,
    PLANNED,
    UNKNOWN,
    Condition,
    DiskNow,
    FaultKind,
    Key,
    StreamNow,
    camera_conditions,
    disk_conditions,
)

TICK_US = 5 * SECOND_US
KEY: Key = ("camera:gate", FaultKind.NO_PICTURE)
BAD = Condition(True, "Nothing comes.")


class Course:
    """A book and its clock, and what an index would hold."""

    def __init__(self) -> None:
        self.clock = SimulatedClock()
        self.stored: dict[str, Fault] = {}
        self._ids = (f"fault_{n:04}" for n in itertools.count())
        self.book = FaultBook(lambda: next(self._ids))

    def tick(self, conditions: dict[Key, Condition], us: int = TICK_US) -> list[Fault]:
        self.clock.advance(us)
        changed = self.book.update(conditions, self.clock.now_us(), self.clock.monotonic_us())
        self.keep(changed)
        return changed

    def keep(self, changed: list[Fault]) -> None:
        self.stored |= {fault.id: fault for fault in changed}
        opened = [(fault.subject, fault.kind) for fault in self.stored.values() if fault.closed_us is None]
        assert len(opened) == len(set(opened)), "two open faults of one kind for one subject"

    def close(self, fault_id: str) -> Fault | None:
        closed = self.book.close(fault_id, self.clock.now_us(), self.clock.monotonic_us())
        self.keep([closed] if closed else [])
        return closed

    def restart(self) -> None:
        """The process ends and starts again; the wall clock goes on, the monotonic one does too."""
        self.book = FaultBook(lambda: next(self._ids))
        self.book.load(self.stored.values(), self.clock.now_us(), self.clock.monotonic_us())

    def last(self, condition: Condition, us: int) -> list[Fault]:
        changed = []
        for _ in range(us // TICK_US):
            changed += self.tick({KEY: condition})
        return changed


def test_a_fault_opens_after_its_time_and_closes_after_its_time() -> None:
    course = Course()
    began_us = course.clock.now_us() + TICK_US
    assert course.last(BAD, 2 * MINUTE_US) == []
    (opened,) = course.tick({KEY: BAD})
    assert (opened.first_us, opened.times, opened.closed_us, opened.detail) == (began_us, 1, None, "Nothing comes.")
    course.last(GOOD, 5 * MINUTE_US)
    (closed,) = course.tick({KEY: GOOD})
    assert (closed.id, closed.closed_why) == (opened.id, "healthy") and closed.closed_us == course.clock.now_us()
    assert closed.last_us == opened.last_us, "last seen bad, not last seen"


def test_flapping_is_one_fault_with_a_count() -> None:
    course = Course()
    course.last(BAD, 3 * MINUTE_US)
    for _ in range(9):
        course.last(GOOD, MINUTE_US)
        course.last(BAD, 10 * SECOND_US)
    (fault,) = course.stored.values()
    assert fault.times == 10 and fault.closed_us is None


def test_short_trouble_opens_nothing() -> None:
    course = Course()
    for _ in range(50):
        course.last(BAD, MINUTE_US)
        course.last(GOOD, TICK_US)
    assert course.stored == {}


def test_what_nobody_can_tell_changes_nothing() -> None:
    course = Course()
    course.last(BAD, MINUTE_US)
    course.last(UNKNOWN, MINUTE_US)
    assert course.last(BAD, MINUTE_US) != [], "bad before and after: it was bad throughout, for all that is known"
    assert [fault.closed_us for fault in course.stored.values()] == [None]
    course.last(UNKNOWN, DAY_US)
    assert [fault.closed_us for fault in course.stored.values()] == [None]


def test_planned_work_opens_nothing_until_it_is_over() -> None:
    course = Course()
    course.last(BAD, MINUTE_US)
    course.last(PLANNED, HOUR_US)
    assert course.last(BAD, 2 * MINUTE_US) == []
    assert len(course.tick({KEY: BAD})) == 1


def test_closed_by_hand_it_comes_back_after_a_day_or_when_it_was_well() -> None:
    course = Course()
    (opened,) = [fault for fault in course.last(BAD, 3 * MINUTE_US) if fault.times == 1][:1]
    closed = course.close(opened.id)
    assert closed is not None and closed.closed_why == "by_hand"
    assert course.close(opened.id) is None
    assert course.last(BAD, 6 * HOUR_US) == []
    course.restart()
    assert course.last(BAD, SNOOZE_US - 7 * HOUR_US) == [], "a restart does not forget what a person decided"
    assert len([fault for fault in course.last(BAD, 2 * HOUR_US) if fault.id != opened.id]) >= 1
    again = next(fault for fault in course.stored.values() if fault.closed_us is None)
    course.close(again.id)
    course.last(GOOD, TICK_US)
    assert course.last(BAD, 3 * MINUTE_US), "it was well in between, so this is another fault"


def test_the_wall_clock_opens_and_closes_nothing() -> None:
    course = Course()
    course.last(BAD, MINUTE_US)
    course.clock.step(DAY_US)
    assert course.tick({KEY: BAD}) == []
    course.last(BAD, 2 * MINUTE_US)
    course.tick({KEY: GOOD})
    course.clock.step(DAY_US)
    course.tick({KEY: GOOD})
    assert [fault.closed_us for fault in course.stored.values()] == [None]


def test_a_camera_that_is_switched_off_has_no_faults() -> None:
    course = Course()
    course.last(BAD, 3 * MINUTE_US)
    (closed,) = course.tick({})
    assert closed.closed_why == "gone"


_EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["bad", "good", "unknown", "planned", "gone", "restart", "close", "step"]),
        st.sampled_from([TICK_US, 30 * SECOND_US, 3 * MINUTE_US, 20 * MINUTE_US, 2 * HOUR_US]),
    ),
    max_size=30,
)


@settings(max_examples=120, deadline=None)
@given(_EVENTS, st.sampled_from(list(FaultKind)))
def test_never_two_open_and_never_one_missing(events: list[tuple[str, int]], kind: FaultKind) -> None:
    """Whatever happens, at most one is open; and what is bad for its time, unless a person closed it, has one."""
    course = Course()
    key: Key = ("camera:gate", kind)
    bad_for_us: int | None = None
    closed_by_hand = False
    for what, span_us in events:
        if what == "restart":
            course.restart()
            bad_for_us = None
        elif what == "step":
            course.clock.step(span_us)
        elif what == "close":
            for fault in list(course.stored.values()):
                closed_by_hand |= fault.closed_us is None and course.close(fault.id) is not None
        else:
            condition = {"bad": BAD, "good": GOOD, "unknown": UNKNOWN, "planned": PLANNED}.get(what)
            for _ in range(min(60, span_us // TICK_US)):
                course.tick({} if condition is None else {key: condition}, max(TICK_US, span_us // 60))
                if what == "bad":
                    bad_for_us = 0 if bad_for_us is None else bad_for_us + max(TICK_US, span_us // 60)
                elif what in ("good", "planned", "gone"):
                    bad_for_us = None
                    closed_by_hand &= what == "planned"
                if (
                    bad_for_us is not None
                    and bad_for_us >= PATIENCE[kind].raise_us
                    and not closed_by_hand
                    and what == "bad"
                ):
                    assert any(fault.closed_us is None for fault in course.stored.values())
    for fault in course.stored.values():
        assert fault.times >= 1 and fault.first_us <= fault.last_us + 31 * DAY_US


def stream(**changes: object) -> StreamNow:
    now = StreamNow("main", "recording", "", 0, 0, 0)
    return StreamNow(**{**{name: getattr(now, name) for name in now.__slots__}, **changes})


def conditions(*streams: StreamNow, planned: bool = False, looked: bool = True, **hints: str) -> dict[str, bool | None]:
    found = camera_conditions("gate", streams, hints, looked, planned, 5 * SECOND_US)
    return {kind.value: condition.bad for (subject, kind), condition in found.items() if subject == "camera:gate"}


def test_conditions_of_a_camera() -> None:
    well = conditions(stream())
    assert set(well.values()) == {False}
    assert conditions(stream(last_frame_us=-6 * SECOND_US))["no_picture"], "its state says recording, and nothing comes"
    assert conditions(stream(), stream(stream="sub", state="waiting"))["no_picture"]
    denied = conditions(stream(state="denied", message="The camera refused the password."))
    assert denied["password"] and denied["no_picture"] is None and denied["black"] is None
    assert conditions(stream(gaps_hour=6))["gaps"] and conditions(stream(gaps_hour=None))["gaps"] is None
    assert (
        conditions(stream(), stream(stream="sub", lossy_minutes=6))["loss"]
        and not conditions(stream(lossy_minutes=5))["loss"]
    )
    assert conditions(stream(clock_error_us=-2_100_000))["clock"]
    assert conditions(stream(clock_error_us=9_000_000, clock_age_us=HOUR_US))["clock"] is None, "measured long ago"
    assert conditions(stream(), black="Brightness 3.")["black"]
    assert conditions(stream(), looked=False)["moved"] is None
    assert set(conditions(stream(state="denied"), planned=True).values()) == {None}


def test_minutes_with_losses_are_counted_for_an_hour() -> None:
    losses, at, count = LossyMinutes(), 0, 0
    assert losses.note(1, 40, at) == 0, "what was lost before is not told of"
    for lost in (40, 41, 41, 50, 3, 4):
        at += MINUTE_US
        count = losses.note(1, lost, at)
    assert count == 3, "and a count that began anew is no loss"
    assert losses.note(1, 5, at + 1) == 3, "the same minute"
    assert losses.note(2, 5, at) == 0
    assert losses.note(1, 5, at + 57 * MINUTE_US) == 2
    assert losses.note(1, 5, at + 61 * MINUTE_US) == 0


def test_conditions_of_a_disk() -> None:
    def disk(**changes: object) -> dict[str, bool | None]:
        now = {"name": "a", "state": "ok", "message": "", "pending_bytes": 0, "days_left": None} | changes
        return {kind.value: each.bad for (_, kind), each in disk_conditions(DiskNow(**now)).items()}  # type: ignore[arg-type]

    assert disk() == {"disk_fault": False, "disk_headroom": False, "behind": False}
    assert disk(state="wrong_disk") == {"disk_fault": True, "disk_headroom": False, "behind": None}
    assert disk(days_left=6.5)["disk_headroom"] and not disk(days_left=8.0)["disk_headroom"]
    assert disk(pending_bytes=60 << 20)["behind"] and disk(dropped=1)["behind"]
