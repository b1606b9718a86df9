"""A disk that fails at every point there is: what the index says is always there, and what can be saved is saved."""

import errno
import random
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import StorageFault
from belvedere.media.stream import EndReason
from belvedere.site.recorder.events import Add
from belvedere.site.storage.disk import SystemFiles
from belvedere.site.storage.reserve import LEAST_BYTES, Reserve
from recorder_rig import BrokenFiles, Killed, Rig, fragment

pytestmark = pytest.mark.faults
FRAGMENTS = 20
SIZE = 2_000


def broken_rig(folder: Path) -> tuple[Rig, BrokenFiles]:
    folder.mkdir()
    files = BrokenFiles(folder / "footage")
    rig = Rig(folder, files=files)
    files.calls.clear()
    return rig, files


def feed(rig: Rig, numbers: range = range(FRAGMENTS)) -> None:
    start = rig.clock.now_us() - numbers.start * SECOND_US // 2
    track = rig.track()
    rig.record(track, numbers, start, per_cycle=2, size=SIZE)
    rig.end(track)


def starts(rig: Rig) -> list[int]:
    return [record.start_90k // 45_000 for record, _ in rig.footage()]


@pytest.mark.parametrize("operation", ["create", "write", "sync", "sync_folder"])
def test_one_failure_anywhere_loses_nothing(tmp_path: Path, operation: str) -> None:
    number = 0
    while True:
        number += 1
        rig, files = broken_rig(tmp_path / f"{number}")
        files.fail[operation] = (number, number, errno.EIO)
        feed(rig)
        if files.calls[operation] < number:
            rig.close()
            break
        assert rig.problems() == [], f"call {number}"
        got = starts(rig)
        assert got == list(range(FRAGMENTS)), f"call {number}"
        assert rig.rows("SELECT count(*) FROM run") == [(1,)]
        assert rig.writer.state == "fault"
        assert rig.writer.message
        rig.close()
    assert number > 3


@pytest.mark.parametrize("operation", ["create", "write", "sync", "sync_folder"])
def test_a_dead_disk_ends_the_run_and_says_so(tmp_path: Path, operation: str) -> None:
    for number in (1, 2):
        rig, files = broken_rig(tmp_path / f"{number}")
        files.fail[operation] = (number, 1 << 30, errno.EIO)
        start = rig.clock.now_us()
        track = rig.track()
        rig.record(track, range(10), start, size=SIZE)
        assert rig.problems() == []
        assert files.calls[operation] >= number
        assert rig.writer.state == "fault", f"call {number}"
        runs = rig.rows("SELECT end_reason FROM run WHERE end_reason <> ''")
        assert all(reason == "disk_fault" for (reason,) in runs)
        assert track.run is None or operation == "create" or track.run.ended is not None
        # The disk works again: recording goes on by itself, from the next keyframe.
        files.fail.clear()
        rig.record(track, range(10, 20), start, size=SIZE)
        rig.end(track)
        assert rig.problems() == []
        assert {12, 13, 14, 15, 16, 17, 18, 19} <= set(starts(rig))
        assert track.trouble == ""
        rig.close()


@pytest.mark.parametrize("power", [False, True], ids=["kill", "power cut"])
def test_killed_at_any_operation(tmp_path: Path, power: bool) -> None:
    """After each file operation in turn the process ends (or the power goes): the next start is whole again."""
    chance = random.Random(7)
    step = 0
    while True:
        step += 1
        rig, files = broken_rig(tmp_path / f"{step}")
        start = rig.clock.now_us()
        track = rig.track()
        safe: list[int] = []
        files.kill_at = files.steps + step
        try:
            for number in range(0, 12, 2):
                for n in (number, number + 1):
                    rig.writer.offer(Add(track, fragment(n, start, size=SIZE)))
                rig.writer.cycle()
                safe = list(range(number + 2))
            rig.end(track)
        except Killed:
            pass
        else:
            break
        rig.close()
        if power:
            files.power_cut(chance)
        files.kill_at = 0
        findings = rig.open()
        assert findings.missing == [] and findings.damaged == [], f"step {step}"
        assert rig.problems() == [], f"step {step}"
        got = starts(rig)
        assert got[: len(safe)] == safe, f"step {step}: durable footage was lost"
        assert got == list(range(len(got)))
        assert rig.rows("SELECT count(*) FROM segment WHERE flags & 1") == [(0,)]
        assert set(rig.files.names()) == {row[0] for row in rig.rows("SELECT path FROM segment")}
        # And it records on.
        again = rig.track()
        rig.record(again, range(4), rig.clock.now_us(), size=SIZE)
        rig.end(again)
        assert rig.problems() == []
        rig.close()
    assert step > 20


def test_deletion_killed_at_any_operation(tmp_path: Path) -> None:
    step = 0
    while True:
        step += 1
        rig, files = broken_rig(tmp_path / f"{step}")
        feed(rig)
        files.kill_at = files.steps + step
        try:
            done = rig.writer.space.make_room(1)
        except Killed:
            rig.close()
            files.kill_at = 0
            rig.open()
            assert rig.problems() == []
            assert rig.rows("SELECT count(*) FROM garbage") == [(0,)]
            assert set(files.names()) == {row[0] for row in rig.rows("SELECT path FROM segment")}
            rig.close()
        else:
            assert done
            rig.close()
            break
    assert step > 2


def test_full_without_anything_to_delete_ends_the_run_and_goes_on_later(tmp_path: Path) -> None:
    rig, files = broken_rig(tmp_path / "full")
    start = rig.clock.now_us()
    track = rig.track()
    rig.record(track, range(3), start, size=SIZE)
    files.fail["write"] = (files.calls["write"] + 1, 1 << 30, errno.ENOSPC)
    rig.writer._store.make_room = lambda size: False
    rig.record(track, range(3, 9), start, size=SIZE)
    assert rig.writer.state == "full" or track.trouble
    assert rig.rows("SELECT end_reason FROM run") == [("disk_full",)]
    assert rig.problems() == []
    files.fail.clear()
    rig.record(track, range(9, 20), start, size=SIZE)
    rig.end(track)
    assert starts(rig) == [0, 1, 2, *range(12, 20)]
    assert rig.problems() == []
    assert [row[0] for row in rig.rows("SELECT end_reason FROM run ORDER BY id")] == ["disk_full", EndReason.RESTART]
    rig.close()


def test_a_full_disk_at_any_write_keeps_what_was_durable(tmp_path: Path) -> None:
    for number in range(1, 30):
        rig, files = broken_rig(tmp_path / f"{number}")
        files.fail["write"] = (number, number, errno.ENOSPC)
        feed(rig)
        assert rig.problems() == [], f"write {number}"
        got = starts(rig)
        oldest_went = got == list(range(got[0], FRAGMENTS))
        assert oldest_went or FRAGMENTS - len(got) <= 4, f"write {number}: recording goes on at the next keyframe"
        rig.close()


def test_below_min_free_with_nothing_to_delete(tmp_path: Path) -> None:
    rig, files = broken_rig(tmp_path / "low")
    rig.writer.space.min_free_bytes = 1_000_000
    start = rig.clock.now_us()
    track = rig.track()
    rig.record(track, range(3), start, size=SIZE)
    files.free = 10
    rig.writer.cycle()
    rig.record(track, range(3, 6), start, size=SIZE)
    assert rig.writer.state == "full"
    assert "full" in track.trouble
    files.free = None
    rig.writer.cycle()
    rig.record(track, range(6, 12), start, size=SIZE)
    rig.end(track)
    assert rig.problems() == []
    assert set(range(8, 12)) <= set(starts(rig))
    rig.close()


def test_an_index_without_room_lets_the_oldest_go_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deletion is written into the index first; with no room for that, recording would have ended for good."""
    rig, files = broken_rig(tmp_path / "full")
    feed(rig)
    before = starts(rig)
    rig.index.reserve = Packed(rig.folder, files)
    monkeypatch.setattr("belvedere.site.recorder.writer.LEAST_BYTES", 1)  # the footage of this test is small
    real = rig.index.write

    def write() -> AbstractContextManager[sqlite3.Connection]:
        if rig.index.reserve is not None and rig.index.reserve.full():
            raise StorageFault("database or disk is full")
        return real()

    rig.index.write = write  # type: ignore[assignment, method-assign]
    assert rig.writer.space.make_room(1)
    left = starts(rig)
    assert left and left == before[-len(left) :] != before
    assert files.emptied() == []
    assert rig.problems() == []
    rig.close()


class Packed(Reserve):
    """Free space that comes only of emptied files."""

    def __init__(self, folder: Path, files: BrokenFiles) -> None:
        super().__init__(folder)
        self._files = files

    def free(self) -> int:
        return LEAST_BYTES * bool(self._files.made_empty)


@pytest.mark.parametrize("step", ["name", "bytes"])
def test_a_kill_between_emptying_and_telling_the_index_is_made_good(tmp_path: Path, step: str) -> None:
    rig, files = broken_rig(tmp_path / "cut")
    feed(rig)
    before = starts(rig)
    ((path,),) = rig.rows("SELECT path FROM segment ORDER BY kept_from_us, id LIMIT 1")
    if step == "bytes":
        files.set_empty(str(path))
    else:  # killed before its bytes were freed
        (files.folder / str(path)).rename(files.folder / f"{path}.emptied")
    rig.close()
    rig.open()
    left = starts(rig)
    assert left and left == before[-len(left) :] != before
    assert files.emptied() == [] and rig.problems() == []
    assert rig.rows("SELECT count(*) FROM destroyed_segment WHERE why = 'space'") == [(1,)]
    rig.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "tmpfs"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], capture_output=True, text=True, timeout=60
    )
    if mounted.returncode:
        pytest.skip(f"NOT TESTED: this machine refuses to mount a tmpfs: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True, timeout=60)


def test_a_really_full_disk(tmp_path: Path, small_disk: Path) -> None:
    rig = Rig(tmp_path, files=SystemFiles(small_disk / "footage"))
    start = rig.clock.now_us()
    track = rig.track()
    rig.record(track, range(80), start, per_cycle=2, size=200_000)  # 16 MB through 6 MB
    assert rig.problems() == []
    got = starts(rig)
    assert got[-1] == 79
    assert got == list(range(got[0], 80)), "the oldest went, and nothing else"
    stone = small_disk / "stone"
    for number in range(80, 120):
        if number >= 84:  # something else fills the disk, again and again
            with stone.open("ab", buffering=0) as file, pytest.raises(OSError):
                while True:
                    file.write(bytes(1 << 16))
        rig.record(track, range(number, number + 1), start, size=200_000)
    assert track.trouble
    assert rig.writer.state == "full"
    stone.unlink()
    rig.record(track, range(120, 130), start, size=200_000)
    rig.end(track)
    assert rig.problems() == []
    assert "disk_full" in {row[0] for row in rig.rows("SELECT end_reason FROM run")}
    assert starts(rig)[-1] == 129
    rig.close()
