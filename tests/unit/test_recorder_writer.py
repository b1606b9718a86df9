"""Segments, runs and rows of one disk, cycle by cycle."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from belvedere.foundation.clock import DAY_US, SECOND_US, SimulatedClock
from belvedere.foundation.settings import SiteSettings
from belvedere.media.stream import EndReason, StreamKind
from belvedere.site.recorder.archive import Archive
from belvedere.site.recorder.events import Abort, Add, Begin, Cut, Finish
from belvedere.site.storage.deletion import Doomed, delete
from recorder_rig import IO_ERROR, BrokenFiles, Rig, config, fragment
from recorder_stage import grant


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.close()


def test_records_rotates_at_keyframes_and_reads_back(rig: Rig) -> None:
    start = rig.clock.now_us()
    main, sub = rig.track(), rig.track(StreamKind.SUB)
    for number in range(40):
        rig.writer.offer(Add(main, fragment(number, start)))
        rig.writer.offer(Add(sub, fragment(number, start, seed=7, size=900)))
        rig.clock.advance(SECOND_US // 2)
        rig.writer.cycle()
        assert rig.problems() == []
    rig.end(main)
    rig.end(sub)
    assert rig.problems() == []
    for kind, seed, size in ((StreamKind.MAIN, 0, 20_000), (StreamKind.SUB, 7, 900)):
        got = list(rig.footage(kind))
        assert [data for _, data in got] == [fragment(n, start, seed=seed, size=size).data for n in range(40)]
        assert [record.start_90k for record, _ in got] == [n * 45_000 for n in range(40)]
    segments = rig.rows("SELECT start_us, dur_us, flags, media_start_90k FROM segment WHERE stream_id = 1 ORDER BY id")
    assert len(segments) >= 5
    assert all(flags == 0 for _, _, flags, _ in segments)
    assert all(int(str(media)) % 180_000 == 0 for *_, media in segments), "each begins with a keyframe"
    runs = rig.rows("SELECT start_us, end_us, end_reason FROM run WHERE stream_id = 1")
    assert runs == [(start, start + 20 * SECOND_US, "restart")]


def test_run_is_anchored_at_the_least_delayed_frame(rig: Rig) -> None:
    start = rig.clock.now_us()
    track = rig.track()
    late = [300_000, 120_000, 0, 80_000]
    for number in range(20):
        f = fragment(number, start + late[number % 4])
        rig.writer.offer(Add(track, f))
        rig.writer.cycle()
    assert rig.rows("SELECT start_us FROM run") == [(start,)]
    assert rig.rows("SELECT min(start_us) FROM segment") == [(start,)]
    assert rig.problems() == []


def test_a_new_configuration_or_a_jump_begins_a_new_run(rig: Rig) -> None:
    start = rig.clock.now_us()
    track = rig.track()
    rig.record(track, range(6), start)
    rig.writer.offer(Begin(track, config(b"two")))
    rig.record(track, range(4), start + 3 * SECOND_US)
    rig.record(track, range(104, 108), start - 47 * SECOND_US)
    rig.end(track)
    assert [row[0] for row in rig.rows("SELECT end_reason FROM run ORDER BY id")] == [
        "parameters_changed",
        "timestamp_jump",
        "restart",
    ]
    assert rig.rows("SELECT count(*) FROM stream_config") == [(2,)]
    assert rig.problems() == []
    assert len(list(rig.footage())) == 14


def test_a_cut_waits_for_the_next_keyframe(rig: Rig) -> None:
    start = rig.clock.now_us()
    track = rig.track()
    rig.record(track, range(5), start)
    rig.writer.offer(Cut(track, EndReason.CLOCK_CHANGED, "The clock was set."))
    rig.record(track, range(5, 12), start + 3600 * SECOND_US)
    rig.end(track)
    runs = rig.rows("SELECT start_us, end_us, end_reason FROM run ORDER BY id")
    assert runs[0] == (start, start + 4 * SECOND_US, "clock_changed")
    assert runs[1][0] == start + 3604 * SECOND_US
    assert len(list(rig.footage())) == 12


def test_media_at_another_speed_than_the_clock_ends_the_run(rig: Rig) -> None:
    start = rig.clock.now_us()
    track = rig.track()
    for number in range(200):
        rig.writer.offer(Add(track, fragment(number, start + number * 200_000)))  # 0.5 s of media every 0.7 s
    rig.writer.cycle()
    reasons = {row[0] for row in rig.rows("SELECT end_reason FROM run")}
    assert "timestamp_jump" in reasons
    assert rig.problems() == []


def test_drift_is_followed_by_500_ppm_at_most(tmp_path: Path) -> None:
    rig = Rig(tmp_path, segment_seconds=20)
    start = rig.clock.now_us()
    track = rig.track()
    for number in range(1200):  # ten minutes of a camera whose clock loses 200 ppm
        rig.writer.offer(Add(track, fragment(number, start + number * 100, size=50)))
    rig.writer.cycle()
    rates = {int(str(row[0])) for row in rig.rows("SELECT rate_ppm FROM segment")}
    assert 0 < max(rates) <= 500
    (end,) = rig.rows("SELECT end_us FROM run")[0]
    assert abs(int(str(end)) - (start + 600 * SECOND_US + 1200 * 100)) < 20_000
    assert rig.problems() == []
    rig.close()


def test_segments_are_cut_at_utc_midnight(tmp_path: Path) -> None:
    midnight = 20_000 * DAY_US
    rig = Rig(tmp_path, clock=SimulatedClock(midnight - 5 * SECOND_US), segment_seconds=60)
    track = rig.track()
    rig.record(track, range(20), rig.clock.now_us())
    rig.end(track)
    assert rig.rows("SELECT day, count(*) FROM segment GROUP BY day ORDER BY day") == [(19_999, 1), (20_000, 1)]
    assert rig.rows("SELECT count(*) FROM day_key") == [(2,)]
    assert rig.rows("SELECT count(*) FROM run") == [(1,)]
    assert rig.problems() == []
    rig.close()


def test_a_stream_without_keyframes_still_rotates(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    start = rig.clock.now_us()
    track = rig.track()
    for number in range(2000):
        rig.writer.offer(Add(track, fragment(number, start, gop=1_000_000, size=10)))
    rig.writer.cycle()
    assert rig.rows("SELECT count(*) FROM segment") == [(2,)]
    assert rig.rows("SELECT count(*) FROM run") == [(1,)]
    assert rig.problems() == []
    rig.close()


def test_oldest_goes_first_when_space_runs_short(tmp_path: Path) -> None:
    files = BrokenFiles(tmp_path / "footage")
    rig = Rig(tmp_path, files=files)
    start = rig.clock.now_us()
    track = rig.track()
    rig.record(track, range(60), start)
    before = rig.rows("SELECT count(*), min(start_us) FROM segment")[0]
    rig.writer.space.min_free_bytes = 1_000_000
    files.free = 999_000
    rig.writer.cycle()
    files.free = 2_000_000
    after = rig.rows("SELECT count(*), min(start_us) FROM segment")[0]
    assert int(str(after[0])) < int(str(before[0]))
    assert int(str(after[1])) > int(str(before[1]))
    rig.record(track, range(60, 70), start)
    rig.end(track)
    assert rig.problems() == []
    assert rig.rows("SELECT count(*) FROM garbage") == [(0,)]
    assert rig.rows("SELECT count(*) FROM run") == [(1,)]
    rig.close()


def test_a_hole_in_the_middle_splits_the_run(rig: Rig) -> None:
    track = rig.track()
    rig.record(track, range(40), rig.clock.now_us())
    rig.end(track)
    rows = rig.rows("SELECT id, stream_id, run_id, disk_id, path, bytes FROM segment ORDER BY id")
    delete(rig.index, rig.files, [Doomed(*rows[2])])  # type: ignore[arg-type]
    runs = rig.rows("SELECT end_reason FROM run ORDER BY start_us")
    assert runs == [("unknown",), ("restart",)]
    assert rig.problems() == []


def test_an_import_is_all_or_nothing(rig: Rig) -> None:
    done: list[tuple[object, int, int]] = []
    past = rig.clock.now_us() - 3 * DAY_US
    track = rig.track(import_start_us=past, provenance="door.mp4")
    for number in range(30):
        rig.writer.offer(Add(track, fragment(number, 0)))
    rig.writer.cycle()
    assert rig.rows("SELECT end_reason FROM run") == [("",)], "not footage before it is complete"
    rig.writer.offer(Finish(track, lambda problem, count, size: done.append((problem, count, size))))
    rig.writer.cycle()
    assert done[0][0] is None
    assert done[0][2] == 30 * 20_000
    assert rig.rows("SELECT start_us, end_us, end_reason, provenance FROM run") == [
        (past, past + 15 * SECOND_US, "import_end", "door.mp4")
    ]
    assert rig.problems() == []
    again = rig.track(import_start_us=past - DAY_US)
    rig.writer.offer(Add(again, fragment(0, 0)))
    rig.writer.cycle()
    rig.writer.offer(Abort(again))
    rig.writer.cycle()
    assert rig.rows("SELECT count(*) FROM run") == [(1,)]
    assert rig.problems() == []
    assert len(rig.files.names()) == done[0][1]


class _Recorder:
    """What the archive asks of a recorder."""

    def __init__(self, rig: Rig) -> None:
        self.writers = [rig.writer]
        self.feeds: dict[object, object] = {}

    def cameras_changed(self) -> None:
        pass


def test_a_segment_that_begins_within_a_gop_plays_from_the_keyframe_before_it(tmp_path: Path) -> None:
    files = BrokenFiles(tmp_path / "footage")
    rig = Rig(tmp_path, files=files, segment_seconds=60)
    files.fail["sync"] = (files.calls.get("sync", 0) + 7, files.calls.get("sync", 0) + 7, IO_ERROR)
    start = rig.clock.now_us()
    track = rig.track()
    rig.record(track, range(12), start)
    rig.end(track)
    assert rig.rows("SELECT media_start_90k, flags FROM segment ORDER BY id") == [(0, 2), (6 * 45_000, 0)]
    archive = Archive(SiteSettings.model_validate({}), rig.index, rig.keyring, rig.cameras, _Recorder(rig), rig.clock)  # type: ignore[arg-type]
    seen = grant(rig.clock)
    pieces = archive.playlist(seen, "cam-01", "main", start, start + 6 * SECOND_US).pieces
    assert [(p.segment, p.media_90k // 45_000) for p in pieces] == [(1, 0), (1, 4), (2, 6), (2, 8)]
    assert all(a.start_us + a.duration_us == b.start_us for a, b in pairwise(pieces))
    pieces = archive.playlist(seen, "cam-01", "main", start + 3_200_000, start + 3_300_000).pieces
    assert [(p.segment, p.media_90k // 45_000) for p in pieces] == [(1, 4), (2, 6)], "decoding needs its beginning"
    late = archive.playlist(seen, "cam-01", "main", start + 4_200_000, start + 4_300_000).pieces
    assert [(p.segment, p.media_90k // 45_000) for p in late] == [(2, 8)]
    assert archive.playlist(seen, "cam-01", "main", 0, 1).pieces == ()
    rig.close()


def test_an_older_index_does_not_touch_newer_files(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    track = rig.track()
    rig.record(track, range(4), rig.clock.now_us())
    rig.end(track)
    rig.index.forget()
    rig.close()
    backup = (tmp_path / "index.db").read_bytes()
    rig.open()
    track = rig.track()
    rig.record(track, range(40), rig.clock.now_us())
    rig.end(track)
    rig.close()
    newer = set(rig.files.names())
    for path in tmp_path.glob("index.db*"):
        path.unlink()
    (tmp_path / "index.db").write_bytes(backup)
    found = rig.open()
    assert found.unknown or found.removed == []
    track = rig.track()
    rig.record(track, range(4), rig.clock.now_us())
    rig.end(track)
    assert rig.problems() == []
    assert rig.writer.state == "ok", "no name is used twice"
    assert len(set(rig.files.names()) - newer) == 1
    rig.close()
