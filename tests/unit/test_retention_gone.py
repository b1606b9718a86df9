"""A disk that is gone for good: the index lets go of it, tells of it, and another takes its place."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from belvedere.cli.main import app
from belvedere.foundation.clock import HOUR_US, SECOND_US, SystemClock
from belvedere.foundation.errors import Conflict, NotFound, WrongDisk
from belvedere.foundation.settings import load_settings
from belvedere.site.recorder.check import check, examine
from belvedere.site.recorder.repair import repair
from belvedere.site.retention.gone import GONE, disk_rows, let_go
from belvedere.site.retention.keeper import RetentionKeeper
from belvedere.site.retention.telling import destructions
from belvedere.site.serve import only_one
from belvedere.site.storage.folders import open_disks, site_uuid
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import load_key
from recorder_rig import Rig
from retention_rig import RetentionRig

WHY = "It stopped answering; sent back to its maker."


def dead(rig: Rig) -> Path:
    """The disk is taken out; an empty one is mounted in its place. Returns where the old one is now."""
    place = rig.folder / "footage"
    place.rename(rig.folder / "old")
    place.mkdir()
    return rig.folder / "old"


def test_a_dead_disk_is_let_go_told_of_and_replaced(tmp_path: Path) -> None:
    rig = RetentionRig(tmp_path)
    rig.footage_of(40)
    rig.pass_days(32)  # what was recorded is in quarantine now
    assert rig.counts() == (0, 5)
    start_us = rig.footage_of(20)
    held = rig.hold(start_us, start_us + SECOND_US)
    rig.order(held)
    kept, waiting = rig.counts()
    size = int(str(rig.rows("SELECT sum(bytes) FROM segment")[0][0]))
    old = dead(rig)
    with pytest.raises(WrongDisk):
        rig.disk.verify()
    (row,) = disk_rows(rig.index)
    assert (row.segments, row.held > 0, row.gone_us) == (kept + waiting, True, None)

    heard: list[int] = []
    assert let_go(rig.index, rig.disk, WHY, rig.clock, heard.append) == kept + waiting == heard[-1]
    assert rig.counts() == (0, 0)
    assert rig.rows("SELECT sum(bytes_kept) FROM stream") == [(0,)]
    assert rig.rows("SELECT count(*) FROM garbage UNION ALL SELECT count(*) FROM held_key") == [(0,), (0,)]
    (row,) = disk_rows(rig.index)
    assert (row.segments, row.gone_why, row.path.startswith("footage (gone")) == (0, WHY, True)
    with pytest.raises(NotFound):
        let_go(rig.index, rig.disk, WHY, rig.clock)
    rig.close()

    # The empty disk in its place is taken into use, and recording goes on.
    site = tmp_path / "index.db"
    index = Index(site, rig.clock)
    with index.write() as db:
        db.execute("UPDATE disk SET path = replace(path, 'footage', ?)", (str(tmp_path / "footage"),))
        db.execute("INSERT INTO site (id, uuid, created_us) VALUES (1, 'site-1', 0)")
    disks, wrong = open_disks(index, [tmp_path / "footage"], rig.clock)
    assert not wrong and disks[0].id != row.id
    disks[0].verify()
    assert [one.gone_us is None for one in disk_rows(index)] == [False, True]

    # Told of once, with the reason; keys go as soon as two days are over, and nothing opens the old files any more.
    keeper = RetentionKeeper(index, rig.keyring, disks, rig.clock, boot=1, next_seq=rig._next_seq, default_days=31)
    keeper._keyring._index = index
    for _ in range(4 * 4):
        rig.clock.advance(6 * HOUR_US)
        keeper.tick()
    lines = destructions(index, 0)
    assert {(line.why, line.decided) for line in lines} == {(GONE, WHY)}
    assert sum(line.segments for line in lines) == kept + waiting
    assert sum(line.bytes for line in lines) >= size
    assert index.read().execute("SELECT count(*) FROM day_key").fetchone() == (0,)

    # Found again, it is known again; what lies on it is reported, and opens no more.
    back, _ = open_disks(index, [tmp_path / "footage", old], rig.clock)
    assert back[1].id == row.id and disk_rows(index)[0].gone_us is None
    report = examine(index, rig.keyring, back, contents=True)
    assert len(report.problems) == len(back[1].files.names()) > 0
    done, left = repair(index, rig.keyring, back, report, rig.clock)
    assert not done and all("no key" in line for line in left)
    index.close()


def test_footage_of_a_disk_that_comes_back_in_time_is_indexed_again(tmp_path: Path) -> None:
    rig = RetentionRig(tmp_path)
    rig.footage_of(20)
    old, (kept, _) = dead(rig), rig.counts()
    let_go(rig.index, rig.disk, WHY, rig.clock)
    with rig.index.write() as db:
        db.execute("INSERT INTO site (id, uuid, created_us) VALUES (1, 'site-1', 0)")
    disks, _ = open_disks(rig.index, [old], rig.clock)
    done, left = repair(rig.index, rig.keyring, disks, examine(rig.index, rig.keyring, disks, contents=True), rig.clock)
    assert (len(done), left) == (kept, [])
    assert check(rig.index, rig.keyring, disks, contents=True) == []
    rig.close()


def test_a_disk_that_is_there_is_not_let_go(tmp_path: Path) -> None:
    rig = RetentionRig(tmp_path)
    rig.footage_of(10)
    before = rig.counts()
    with pytest.raises(Conflict):
        let_go(rig.index, rig.disk, WHY, rig.clock)
    assert rig.counts() == before
    rig.close()


def test_cut_short_it_goes_on(tmp_path: Path) -> None:
    rig = RetentionRig(tmp_path)
    rig.footage_of(200)
    total = rig.counts()[0]
    dead(rig)

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("belvedere.site.retention.gone._BATCH", 7)
        with pytest.raises(KeyboardInterrupt):
            let_go(rig.index, rig.disk, WHY, rig.clock, stop)
        assert (rig.counts()[0], disk_rows(rig.index)[0].gone_us) == (total - 7, None)
        assert let_go(rig.index, rig.disk, WHY, rig.clock) == total - 7
    assert rig.rows("SELECT count(*) FROM destroyed_segment") == [(total,)]
    assert rig.rows("SELECT count(*) FROM run WHERE end_reason <> ''") == [(0,)]
    rig.close()


def test_a_night_goes_on_while_the_disk_of_held_footage_is_away(tmp_path: Path) -> None:
    rig = RetentionRig(tmp_path)
    start_us = rig.footage_of(40)
    rig.order(rig.hold(start_us + SECOND_US, start_us + 2 * SECOND_US))
    rig.keeper = RetentionKeeper(rig.index, rig.keyring, [], rig.clock, boot=1, next_seq=rig._next_seq, default_days=31)
    rig.pass_days(34)
    states = {str(state) for (state,) in rig.rows("SELECT state FROM retention_night WHERE marked_segments > 0")}
    assert states == {"marked"}, "marked, and destroyed once the disk is back"
    assert rig.counts()[0] == 1, "what is held stays whole until the disk is back"
    rig.keep()
    rig.pass_days(3)
    assert rig.counts() == (1, 0)
    assert rig.problems() == []
    rig.close()


def test_the_commands(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    place = settings.footage_folders[0]
    clock = SystemClock()
    index = Index(settings.site_folder / "index.db", clock)
    load_key(settings.site_folder / "keys" / "footage.kek", make=True)
    open_disks(index, [place], clock)
    site_uuid(index, clock)
    index.close()

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["site", *words, "--data", str(tmp_path)])
        return done.exit_code, f"{done.output} {done.exception or ''}".replace("\n", "")

    code, said = run("disks")
    assert code == 0 and "there" in said
    assert "too short" in run("disk-gone", str(place), "--because", "it", "--yes")[1]
    assert "no disk in" in run("disk-gone", str(tmp_path / "x"), "--because", WHY, "--yes")[1]
    assert "that the index means" in run("disk-gone", str(place), "--because", WHY, "--yes")[1]
    place.rename(tmp_path / "out")
    assert "not there" in run("disks")[1]
    code, said = run("disk-gone", str(place), "--because", WHY, "--yes")
    assert code == 0 and "0 segments are let go" in said
    assert WHY.split(";")[0] in run("disks")[1]
    index = Index(settings.site_folder / "index.db", clock)
    assert open_disks(index, [place], clock)[1] == {}
    index.close()


def test_a_folder_is_free_at_once_though_a_child_was_being_started(tmp_path: Path) -> None:
    with only_one(tmp_path):
        lock = (tmp_path / "lock").stat()
        held = [int(each.name) for each in Path("/dev/fd").iterdir()]
        (own,) = [number for number in held if _same(number, lock)]
        copy = os.dup(own)  # as a child has it until it runs its program
    with only_one(tmp_path):
        os.close(copy)


def _same(number: int, file: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.fstat(number), file)
    except OSError:  # the listing's own
        return False
