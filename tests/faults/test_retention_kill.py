"""Killed at any moment of a night: nothing held is lost, nothing that stays is wrong, and the next start goes on."""

import errno
from pathlib import Path

import pytest

from belvedere.foundation.clock import HOUR_US, SECOND_US
from belvedere.link.retention import Decision
from recorder_rig import BrokenFiles, Killed
from retention_rig import RetentionRig

pytestmark = pytest.mark.faults


def ready(folder: Path) -> tuple[RetentionRig, BrokenFiles, int]:
    """Footage whose night comes next, with a hold in its middle; already known to the site."""
    files = BrokenFiles(folder / "footage")
    rig = RetentionRig(folder, files=files)
    start = rig.footage_of(36)
    rig.order(rig.hold(start + 5 * SECOND_US, start + 13 * SECOND_US))
    rig.pass_days(31)
    rig.clock.advance(18 * HOUR_US)
    return rig, files, start


def held(rig: RetentionRig, start: int) -> bool:
    return rig.seconds() == [(start + 4 * SECOND_US, start + 14 * SECOND_US)]


def test_killed_at_any_file_operation_of_two_nights(tmp_path: Path) -> None:
    step = 0
    while True:
        step += 1
        folder = tmp_path / str(step)
        folder.mkdir()
        rig, files, start = ready(folder)
        files.kill_at = files.steps + step
        try:
            rig.pass_days(2)
        except Killed:
            pass
        else:
            rig.close()
            break
        rig.close()
        files.kill_at = 0
        findings = rig.open()
        rig.keep()
        assert findings.missing == [] and findings.damaged == [] and findings.unknown == [], f"step {step}"
        assert rig.problems() == [], f"step {step}"
        rig.pass_days(4)
        assert held(rig, start), f"step {step}: {rig.seconds()}"
        assert rig.counts()[1] == 0, f"step {step}"
        rig.accounts_agree()
        rig.close()
    assert step > 8


def test_killed_between_the_phases_the_day_in_quarantine_goes_on(tmp_path: Path) -> None:
    rig, _, start = ready(tmp_path)
    rig.clock.advance(6 * HOUR_US)
    rig.keeper.tick()
    waiting = rig.counts()[1]
    rig.pass_days(0)
    rig.clock.advance(12 * HOUR_US)
    rig.keeper.tick()
    rig.close()
    rig.clock.advance(40 * HOUR_US)  # off for longer than the quarantine
    findings = rig.open()
    rig.keep()
    assert findings.unknown == []
    rig.keeper.tick()
    assert rig.counts()[1] == waiting, "time in which the site was off is not time in which somebody could object"
    back = Decision("d1", "restore", "Dora", "asked for", rig.clock.now_us(), hold="hold_2")
    rig.order(rig.hold(start, start + 4 * SECOND_US, name="hold_2"), decisions=[back])
    assert rig.seconds()[0][0] == start
    rig.clock.advance(13 * HOUR_US)
    rig.keeper.tick()
    assert rig.counts()[1] == 0
    rig.accounts_agree()
    rig.close()


def test_a_full_disk_while_a_hold_is_copied_keeps_the_whole_segment(tmp_path: Path) -> None:
    rig, files, start = ready(tmp_path)
    files.fail["write"] = (files.calls["write"] + 1, files.calls["write"] + 2, errno.ENOSPC)
    rig.clock.advance(7 * HOUR_US)
    rig.keeper.tick()
    ((first, last),) = rig.seconds()
    assert first <= start + 4 * SECOND_US and last >= start + 14 * SECOND_US, "more than the hold asks for, never less"
    assert rig.problems() == []
    rig.pass_days(4)
    assert held(rig, start), "the next night is exact"
    rig.accounts_agree()
    rig.close()


def test_a_file_that_can_not_be_unlinked_is_tried_again_and_told_of_late(tmp_path: Path) -> None:
    rig, files, _ = ready(tmp_path)
    files.fail["unlink"] = (files.calls.get("unlink", 0) + 1, 1 << 30, errno.EIO)
    rig.pass_days(3)
    assert rig.rows("SELECT count(*) FROM garbage")[0][0]
    assert rig.rows("SELECT count(*) FROM destruction") == [(0,)], "nothing is certified that is still there"
    files.fail.clear()
    rig.pass_days(1)
    assert rig.rows("SELECT count(*) FROM destruction") == [(1,)]
    rig.accounts_agree()
    rig.close()
