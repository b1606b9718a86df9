"""`belvedere site check`: the whole proof, and repairs that lose nothing."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from belvedere.cli.main import app
from belvedere.foundation.clock import DAY_US, HOUR_US, SystemClock
from belvedere.foundation.errors import Conflict, NotFound
from belvedere.foundation.settings import load_settings
from belvedere.site.recorder import check as found
from belvedere.site.recorder.check import Report, check, examine
from belvedere.site.recorder.reconcile import reconcile
from belvedere.site.recorder.repair import repair
from belvedere.site.serve import only_one
from belvedere.site.storage.folders import open_disks
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import load_key
from recorder_rig import Rig
from retention_rig import RetentionRig


def filmed(folder: Path) -> Rig:
    rig = Rig(folder)
    track = rig.track()
    rig.record(track, range(24), rig.clock.now_us())
    rig.end(track)
    return rig


def look(rig: Rig) -> Report:
    return examine(rig.index, rig.keyring, [rig.disk], contents=True)


def kinds(report: Report) -> list[str]:
    return [problem.kind for problem in report.problems]


def files(rig: Rig) -> list[Path]:
    return [rig.folder / "footage" / str(path) for (path,) in rig.rows("SELECT path FROM segment ORDER BY id")]


def test_all_is_well(tmp_path: Path) -> None:
    rig = filmed(tmp_path)
    report = look(rig)
    assert not report.problems and report.segments == report.hashed == report.opened == len(files(rig))
    rig.close()


def test_quarantine_is_looked_at_too(tmp_path: Path) -> None:
    rig = RetentionRig(tmp_path)
    start_us = rig.footage_of(40)
    rig.pass_days(32)
    assert rig.counts() == (0, 5)
    report = look(rig)
    assert not report.problems and (report.segments, report.quarantined, report.hashed) == (0, 5, 5)
    assert check(rig.index, rig.keyring, [rig.disk], contents=True) == []

    with rig.index.write() as db:
        db.execute("UPDATE retention_night SET served_us = ?", (DAY_US + 3 * HOUR_US,))
    assert kinds(look(rig)) == [found.OVERDUE] * 5
    assert "since 3 h" in look(rig).problems[0].text
    rig.order(rig.hold(start_us, start_us + 60_000_000))
    report = look(rig)
    assert not report.problems and report.kept_back == 5, "a newer hold: a person has to decide"

    first, second, third, *_ = [
        rig.folder / "footage" / str(path) for (path,) in rig.rows("SELECT path FROM quarantine ORDER BY id")
    ]
    first.unlink()
    second.write_bytes(second.read_bytes()[:-40])
    data = bytearray(third.read_bytes())
    data[200] ^= 1
    third.write_bytes(data)
    report = look(rig)
    assert kinds(report) == [found.QUARANTINE] * 3
    done, left = repair(rig.index, rig.keyring, [rig.disk], report, rig.clock)
    assert not done and len(left) == 3, "what is about to be destroyed is not mended"
    rig.close()


def test_every_kind_of_wrong_is_found_and_what_can_be_is_made_good(tmp_path: Path) -> None:
    rig = filmed(tmp_path)
    first, second, third, *_ = files(rig)
    first.unlink()
    data = bytearray(second.read_bytes())
    data[200] ^= 1
    second.write_bytes(data)
    third.write_bytes(third.read_bytes()[:-40])
    with rig.index.write() as db:
        db.execute("UPDATE stream SET bytes_kept = bytes_kept + 7")
        db.execute("UPDATE run SET end_us = end_us + 5")
    shutil.copy(files(rig)[-1], rig.folder / "footage" / "cam-01" / "main-000009-00000001.blvs")
    report = look(rig)
    assert {found.MISSING, found.ALTERED, found.SHORTER, found.COUNTER, found.RUN, found.ORPHAN} == set(kinds(report))
    before = {path: path.read_bytes() for path in (rig.folder / "footage").rglob("*") if path.is_file()}

    done, left = repair(rig.index, rig.keyring, [rig.disk], report, rig.clock)
    assert len(done) >= 6 and left == []
    assert {path: path.read_bytes() for path in before} == before, "no file is touched"
    again = look(rig)
    assert set(kinds(again)) == {found.MISSING, found.ALTERED, found.SHORTER} and again.suspects == 3
    done, left = repair(rig.index, rig.keyring, [rig.disk], again, rig.clock)
    assert done == [] and len(left) == 3
    rig.close()


def test_an_orphan_is_indexed_again_with_its_own_time(tmp_path: Path) -> None:
    rig = filmed(tmp_path)
    ((path, start_us, dur_us, plain),) = rig.rows(
        "SELECT path, start_us, dur_us, plain_bytes FROM segment ORDER BY id LIMIT 1"
    )
    with rig.index.write() as db:
        db.execute("DELETE FROM segment WHERE path = ?", (path,))
        db.execute("UPDATE stream SET bytes_kept = (SELECT sum(bytes) FROM segment), segments_kept = segments_kept - 1")
    report = look(rig)
    assert found.ORPHAN in kinds(report)
    repair(rig.index, rig.keyring, [rig.disk], report, rig.clock)
    ((again_us, again_dur, again_plain),) = rig.rows(
        "SELECT start_us, dur_us, plain_bytes FROM segment WHERE path = ?", path
    )
    assert isinstance(again_us, int) and isinstance(start_us, int)
    assert (again_dur, again_plain) == (dur_us, plain) and abs(again_us - start_us) < 1_000_000
    assert kinds(look(rig)) == []
    rig.close()


def test_what_can_not_be_known_stays_as_it_is(tmp_path: Path) -> None:
    rig = filmed(tmp_path)
    camera = rig.folder / "footage" / "cam-01"
    (camera / "main-000007-00000001.blvs").write_bytes(b"nonsense")
    (camera / "odd.blvs").write_bytes(b"nonsense")
    (rig.folder / "footage" / "who").mkdir()
    (rig.folder / "footage" / "who" / "main-000001-00000099.blvs").write_bytes(b"")
    shutil.copy(files(rig)[0], camera / "sub-000007-00000002.blvs")  # bound to another stream
    report = look(rig)
    assert kinds(report) == [found.ORPHAN] * 4
    done, left = repair(rig.index, rig.keyring, [rig.disk], report, rig.clock)
    assert done == [] and len(left) == 4
    rig.close()


def test_a_wrong_disk_is_said_and_not_judged(tmp_path: Path) -> None:
    rig = filmed(tmp_path)
    (rig.folder / "footage" / "meta").write_text('{"format":1,"disk":"other","site":"other"}')
    report = look(rig)
    assert set(kinds(report)) == {found.WRONG_DISK}
    _, left = repair(rig.index, rig.keyring, [rig.disk], report, rig.clock)
    assert len(left) == len(report.problems)
    rig.close()


def test_a_file_whose_row_comes_a_moment_later_is_no_orphan(tmp_path: Path) -> None:
    rig = filmed(tmp_path)
    path = "cam-01/main-000009-00000001.blvs"
    shutil.copy(files(rig)[0], rig.folder / "footage" / path)

    def settle() -> None:
        with rig.index.write() as db:
            db.execute("INSERT INTO garbage (disk_id, path) VALUES (1, ?)", (path,))

    report = examine(rig.index, rig.keyring, [rig.disk], contents=False, settle=settle)
    assert report.problems == []
    rig.close()


def test_start_up_and_check_of_days_whose_keys_are_with_the_hub(tmp_path: Path) -> None:
    rig = filmed(tmp_path)
    camera_id, day = rig.ref().camera_id, rig.clock.now_us() // DAY_US
    rig.clock.advance(2 * DAY_US)
    assert rig.keyring.forget([(camera_id, day)]) == [(camera_id, day)]
    shutil.copy(files(rig)[0], rig.folder / "footage" / "cam-01" / "main-000001-00000099.blvs")
    findings = reconcile(rig.index, rig.keyring, [rig.disk])
    assert findings.unknown == ["cam-01/main-000001-00000099.blvs"] and findings.removed == []
    report = look(rig)
    assert kinds(report) == [found.ORPHAN] and report.keys_away == report.hashed == report.segments
    _, left = repair(rig.index, rig.keyring, [rig.disk], report, rig.clock)
    assert "no key that this site holds" in left[0]
    rig.close()


def test_the_command(tmp_path: Path) -> None:
    run = CliRunner().invoke
    data = ["--data", str(tmp_path)]
    said = run(app, ["site", "check", *data])
    assert isinstance(said.exception, NotFound)
    settings = load_settings(tmp_path)
    load_key(settings.site_folder / "keys" / "footage.kek", make=True)
    index = Index(settings.site_folder / "index.db", SystemClock())
    open_disks(index, settings.footage_folders, SystemClock())
    index.close()
    said = run(app, ["site", "check", *data])
    assert said.exit_code == 0 and "All is well" in said.output
    stray = settings.footage_folders[0] / "cam-01" / "main-000001-00000001.blvs"
    stray.parent.mkdir()
    stray.write_bytes(b"x")
    said = run(app, ["site", "check", "--repair", "--quick", *data])
    assert said.exit_code == 1 and "left" in said.output and stray.exists()
    with only_one(settings.site_folder):
        said = run(app, ["site", "check", "--repair", *data])
        assert isinstance(said.exception, Conflict)


@pytest.mark.parametrize("quick", [True, False])
def test_a_quick_look_reads_no_contents(tmp_path: Path, quick: bool) -> None:
    rig = filmed(tmp_path)
    report = examine(rig.index, rig.keyring, [rig.disk], contents=not quick)
    assert (report.hashed == 0) is quick
    rig.close()
