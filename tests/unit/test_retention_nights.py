"""A night after the other: quarantine, destruction, keys, holds exact to the second, and a plan that stops itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from belvedere.foundation.clock import DAY_US, HOUR_US, SECOND_US
from belvedere.link.retention import ClassOrder, Decision
from belvedere.media.stream import StreamKind
from belvedere.site.retention.plan import make_plan, night_of
from belvedere.site.retention.telling import destructions
from retention_rig import RetentionRig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[RetentionRig]:
    rig = RetentionRig(tmp_path)
    yield rig
    rig.close()


def test_footage_goes_after_its_days_and_a_day_in_quarantine(rig: RetentionRig) -> None:
    rig.footage_of(40)
    before = rig.counts()[0]
    rig.pass_days(31)
    assert rig.counts() == (before, 0), "31 whole days are kept"
    plan = make_plan(rig.index, night_of(rig.clock.now_us()) + 1, 31)
    assert (plan.segments, plan.exceeds) == (before, False)
    rig.pass_days(1)
    assert rig.counts() == (0, before), "not footage any more, and still there"
    assert rig.seconds() == []
    assert len(rig.files.names()) == before
    rig.accounts_agree()
    rig.pass_days(1)
    assert rig.counts() == (0, 0)
    assert rig.files.names() == []
    assert rig.rows("SELECT count(*) FROM day_key") == [(0,)]
    rig.accounts_agree()
    (line,) = destructions(rig.index, 0)
    assert (line.camera, line.stream, line.segments, line.why, line.key_destroyed) == (
        "cam-01",
        "main",
        before,
        "age",
        True,
    )
    assert line.marked_us < line.destroyed_us - DAY_US // 2


def test_a_hold_is_exact_to_its_groups_of_pictures(rig: RetentionRig) -> None:
    start = rig.footage_of(60)
    rig.footage_of(60, kind=StreamKind.SUB)
    other = rig.rows("SELECT count(*) FROM segment")[0][0]
    held = rig.hold(start + 5 * SECOND_US, start + 12_500_000)
    rig.order(held)
    data = [(r.start_90k, d) for r, d in rig.footage()]
    rig.pass_days(34)
    # Groups are two seconds long: outward from 5.0 to 12.5 is 4 to 14, never a whole segment, minute or hour.
    assert rig.seconds() == [(start + 4 * SECOND_US, start + 14 * SECOND_US)]
    assert [(r.start_90k, d) for r, d in rig.footage()] == [one for one in data if 8 * 45_000 <= one[0] < 28 * 45_000]
    assert rig.problems() == []
    rig.accounts_agree()
    assert rig.rows("SELECT count(*) FROM day_key") == [(0,)], "the rest of the camera-day went, and its key"
    assert rig.rows("SELECT count(*) FROM segment WHERE day >= 0") == [(0,)]
    copies = rig.rows("SELECT count(*) FROM held_copy")[0][0]
    assert copies == 1, "one end lies within a segment, and was copied out of it"
    assert other
    rig.order(rig.hold(held.from_us, held.to_us, ended_us=rig.clock.now_us()))
    rig.pass_days(3)
    assert rig.counts() == (0, 0)
    assert rig.rows("SELECT count(*) FROM held_key") == [(0,)]
    rig.accounts_agree()


def test_two_holds_in_one_segment_keep_two_parts(rig: RetentionRig) -> None:
    rig.segment_seconds = 60
    rig.close()
    rig.open()
    rig.keep()
    start = rig.footage_of(120)
    one = rig.hold(start + 30 * SECOND_US, start + 31 * SECOND_US, name="hold_a")
    two = rig.hold(start + 40 * SECOND_US, start + 43 * SECOND_US, name="hold_b")
    rig.order(one, two)
    rig.pass_days(34)
    assert rig.seconds() == [
        (start + 30 * SECOND_US, start + 32 * SECOND_US),
        (start + 40 * SECOND_US, start + 44 * SECOND_US),
    ]
    assert rig.problems() == []
    rig.accounts_agree()


def test_a_far_larger_plan_stops_itself_and_asks(rig: RetentionRig) -> None:
    for _ in range(4):
        rig.footage_of(20)
        rig.pass_days(1)
    before = rig.counts()[0]
    week = ClassOrder("street", 1, "")
    rig.order(classes=[week], cameras={"cam-01": "street"})
    rig.pass_days(1)
    assert rig.counts() == (before, 0), "four days at once are not what was to be expected"
    night = night_of(rig.clock.now_us())
    ((state, planned),) = rig.rows("SELECT state, planned_bytes FROM retention_night WHERE state = 'stopped'")
    no = Decision("d1", "no", "Dora", "the class was wrong", rig.clock.now_us(), night=night, bytes=int(str(planned)))
    rig.order(classes=[week], cameras={"cam-01": "street"}, decisions=[no])
    rig.pass_days(0, step_us=HOUR_US)
    rig.keeper.tick()
    assert rig.counts() == (before, 0)
    rig.pass_days(1)
    assert rig.rows("SELECT count(*) FROM retention_night WHERE state = 'stopped'") == [(1,)], (
        "the next night asks again"
    )
    night = night_of(rig.clock.now_us())
    ((planned,),) = rig.rows("SELECT planned_bytes FROM retention_night WHERE state = 'stopped'")
    go = Decision("d2", "go", "Dora", "yes, one day", rig.clock.now_us(), night=night, bytes=int(str(planned)))
    rig.order(classes=[week], cameras={"cam-01": "street"}, decisions=[no, go])
    rig.keeper.tick()
    assert rig.counts() == (0, before)
    rig.pass_days(2)
    assert rig.counts() == (0, 0)
    assert {line.decided for line in destructions(rig.index, 0)} == {"Dora: yes, one day"}
    assert state == "stopped"


def test_a_clock_set_forward_deletes_nothing(rig: RetentionRig) -> None:
    rig.footage_of(20)
    rig.pass_days(1)
    before = rig.counts()
    rig.clock.step(400 * DAY_US)
    rig.pass_days(3)
    assert rig.counts() == before and not rig.keeper.clock_trusted
    rig.keep()  # a start with the wrong clock: the plan is beyond any forecast
    rig.pass_days(3)
    assert rig.counts() == before
    assert rig.rows("SELECT count(*) FROM retention_night WHERE state = 'stopped'") == [(1,)]


def test_the_day_in_quarantine_can_not_be_shortened_by_setting_the_clock(rig: RetentionRig) -> None:
    rig.footage_of(20)
    rig.pass_days(32)
    waiting = rig.counts()
    assert waiting[1]
    rig.clock.step(5 * DAY_US)
    rig.clock.advance(HOUR_US)
    rig.keeper.tick()
    assert rig.counts() == waiting


def test_restoring_from_quarantine_gives_the_footage_back(rig: RetentionRig) -> None:
    start = rig.footage_of(60)
    data = [d for _, d in rig.footage()]
    narrow = rig.hold(start + 9 * SECOND_US, start + 10 * SECOND_US, name="hold_0")
    rig.order(narrow)
    rig.pass_days(32)
    assert rig.seconds() == [(start + 8 * SECOND_US, start + 10 * SECOND_US)]
    late = rig.hold(start, start + 30 * SECOND_US, name="hold_2")
    back = Decision("d1", "restore", "Dora", "asked for in time", rig.clock.now_us(), hold="hold_2")
    rig.order(narrow, late, decisions=[back])
    rig.keeper.tick()
    assert [d for _, d in sorted(rig.footage(), key=lambda one: one[0].start_90k)] == data
    assert rig.counts()[1] == 0
    assert rig.seconds() == [(start, start + 30 * SECOND_US)]
    assert rig.problems() == []
    rig.accounts_agree()
    rig.pass_days(3)
    assert rig.seconds() == [(start, start + 30 * SECOND_US)], "its hold keeps it"
    assert rig.rows("SELECT count(*) FROM day_key") == [(0,)]
    assert rig.problems() == []


def test_a_hold_that_comes_late_keeps_quarantine_from_being_destroyed(rig: RetentionRig) -> None:
    start = rig.footage_of(20)
    rig.pass_days(32)
    waiting = rig.counts()[1]
    rig.order(rig.hold(start, start + 5 * SECOND_US))
    rig.pass_days(5)
    footage, left = rig.counts()
    assert footage == 0 and 0 < left < waiting
    rig.accounts_agree()


def test_a_full_disk_takes_quarantine_then_free_then_held_footage(rig: RetentionRig) -> None:
    start = rig.footage_of(40)
    rig.pass_days(32)
    old = rig.counts()[1]
    fresh = rig.footage_of(40)
    rig.order(rig.hold(fresh, fresh + 3 * SECOND_US))
    footage = rig.counts()[0]
    assert rig.writer.space.make_room(1)
    assert rig.counts() == (footage, old - 1)
    size = int(str(rig.rows("SELECT sum(bytes) FROM quarantine")[0][0]))
    assert rig.writer.space.make_room(size) and rig.counts() == (footage, 0)
    assert rig.writer.space.make_room(1)
    assert rig.rows("SELECT count(*) FROM segment WHERE start_us = ?", fresh) == [(1,)], "the oldest one is held"
    assert rig.writer.space.held_lost == 0
    while rig.counts()[0] > 1:
        assert rig.writer.space.make_room(1)
    assert rig.rows("SELECT start_us FROM segment") == [(fresh,)] and rig.writer.space.held_lost == 0
    assert rig.writer.space.make_room(1), "a hold never stops recording"
    assert rig.writer.space.held_lost == 1
    assert not rig.writer.space.make_room(1)
    rig.accounts_agree()
    rig.pass_days(1)
    whys = {line.why for line in destructions(rig.index, 0)}
    assert whys == {"space", "held_space"}
    assert start
