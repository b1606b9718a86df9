"""The site index: migrations, durability settings, keys, cameras, slots, timing."""

import re
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.clock import HOUR_US, SECOND_US, SimulatedClock
from belvedere.foundation.errors import BadAddress, BadInput, NotFound, StorageFault, WrongDisk
from belvedere.media.stream import StreamKind
from belvedere.site.recorder.slots import balanced_limit, share
from belvedere.site.recorder.timing import RunClock, wall_us
from belvedere.site.storage import fragments
from belvedere.site.storage.cameras import Cameras, address_of
from belvedere.site.storage.folders import open_disks
from belvedere.site.storage.fragments import Record
from belvedere.site.storage.index import VERSION, Index, statements
from belvedere.site.storage.keys import ConnectionSafe, Keyring, load_key

CLOCK = SimulatedClock()
# Version 1 as it was shipped to the first testers: everything but the measured clock errors.
VERSION_1 = (Path(__file__).parent / "recorder_index_v1.sql").read_text("utf-8")


def shape(path: Path) -> list[tuple[str, str]]:
    """Tables and indexes of a database, comments and white space left out."""
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").fetchall()
    connection.close()
    return [(name, re.sub(r"\s+", " ", re.sub(r"--[^\n]*", "", sql))) for name, sql in rows]


def test_a_version_1_index_migrates_with_its_rows(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "old.db")
    old.executescript(VERSION_1)
    old.execute("INSERT INTO camera (slug, name, enabled, created_us) VALUES ('gate', 'Gate', 1, 5)")
    old.execute("PRAGMA user_version = 1")
    old.commit()
    old.close()
    index = Index(tmp_path / "old.db", CLOCK)
    assert index.read().execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert index.read().execute("SELECT slug, name FROM camera").fetchall() == [("gate", "Gate")]
    index.close()
    Index(tmp_path / "new.db", CLOCK).close()
    assert shape(tmp_path / "old.db") == shape(tmp_path / "new.db")


def test_a_newer_or_broken_index_is_refused(tmp_path: Path) -> None:
    newer = sqlite3.connect(tmp_path / "newer.db")
    newer.execute(f"PRAGMA user_version = {VERSION + 1}")
    newer.close()
    with pytest.raises(StorageFault, match="newer version"):
        Index(tmp_path / "newer.db", CLOCK)
    (tmp_path / "broken.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StorageFault, match="can't be used"):
        Index(tmp_path / "broken.db", CLOCK)


def test_settings_that_durability_rests_on(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.db", CLOCK)
    with index.write() as db:
        for pragma, value in (("journal_mode", "wal"), ("synchronous", 2), ("secure_delete", 1), ("foreign_keys", 1)):
            assert db.execute(f"PRAGMA {pragma}").fetchone() == (value,)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        index.read().execute("DELETE FROM camera")
    with pytest.raises(ZeroDivisionError), index.write() as db:
        db.execute("INSERT INTO boot (started_us, version) VALUES (1, 'x')")
        raise ZeroDivisionError
    assert index.read().execute("SELECT count(*) FROM boot").fetchone() == (0,)
    with pytest.raises(StorageFault), index.write() as db:
        db.execute("INSERT INTO boot (started_us) VALUES ('not a number')")
    index.close()
    with pytest.raises(StorageFault, match="closed"):
        _fresh_thread_read(index)


def _fresh_thread_read(index: Index) -> None:
    import threading

    failures: list[StorageFault] = []

    def read() -> None:
        try:
            index.read()
        except StorageFault as error:
            failures.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    raise failures[0]


def test_range_queries_use_indexes(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.db", CLOCK)
    for name, values in (
        ("segments_touching", {"stream_id": 1, "from_us": 0, "to_us": 1}),
        ("oldest_closed", {"disk_id": 1, "count": 1}),
        ("open_segments", {}),
        ("overlap", {"stream_id": 1, "from_us": 0, "to_us": 1}),
    ):
        plan = index.read().execute("EXPLAIN QUERY PLAN " + statements()[name], values).fetchall()
        assert not [row[3] for row in plan if row[3].startswith("SCAN") and "USING" not in row[3]], (name, plan)
    index.close()


def test_keys_stay_out_of_the_database_and_belong_to_it(tmp_path: Path) -> None:
    clock = SimulatedClock()
    index = Index(tmp_path / "index.db", clock)
    Cameras(index, ConnectionSafe(bytes(32)), clock).put("gate", "Gate", "", "", True)
    wrapping = load_key(tmp_path / "keys" / "kek", make=True)
    assert (tmp_path / "keys" / "kek").stat().st_mode & 0o777 == 0o600
    assert load_key(tmp_path / "keys" / "kek", make=True) == wrapping
    ring = Keyring(index, wrapping, clock)
    key = ring.make(1, 20_000)
    assert ring.make(1, 20_000) == key != ring.make(1, 20_001)
    assert Keyring(index, wrapping, clock).get(1, 20_000) == key
    with pytest.raises(StorageFault, match="wrapping key"):
        Keyring(index, bytes(32), clock).get(1, 20_000)
    with pytest.raises(NotFound, match="destroyed"):
        ring.get(1, 1)
    ring.destroy([(1, 20_000)])
    assert ring.get(1, 20_000) == key, "in use within the hour"
    clock.advance(2 * HOUR_US)
    ring.destroy([(1, 20_000)])
    with pytest.raises(NotFound):
        ring.get(1, 20_000)
    stored = b"".join(p.read_bytes() for p in tmp_path.glob("index.db*"))
    assert key not in stored
    assert wrapping not in stored
    (tmp_path / "keys" / "kek").write_bytes(b"short")
    with pytest.raises(StorageFault, match="damaged"):
        load_key(tmp_path / "keys" / "kek", make=True)
    with pytest.raises(StorageFault, match="Restore it"):
        load_key(tmp_path / "keys" / "none", make=False)
    index.close()


def test_camera_details_are_sealed(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.db", CLOCK)
    cameras = Cameras(index, ConnectionSafe(bytes(32)), CLOCK)
    cameras.put("gate", "Gate", "rtsp://ada:hunter2@10.0.0.5/a", "", True)
    (camera,) = cameras.all()
    assert camera.addresses[StreamKind.MAIN].password == "hunter2"
    assert "hunter2" not in repr(camera)
    with pytest.raises(StorageFault, match="can't be opened"):
        Cameras(index, ConnectionSafe(b"x" * 32), CLOCK).all()
    for slug, main, sub in (("Bad Name", "", ""), ("gate", "nonsense", ""), ("gate", "", "rtsp://h/sub")):
        with pytest.raises((BadInput, BadAddress)):
            cameras.put(slug, "", main, sub, True)
    cameras.remove("gate")
    assert index.read().execute("SELECT connection FROM camera").fetchone() == (None,)
    with pytest.raises(NotFound):
        cameras.stream("gate", StreamKind.MAIN)
    cameras.put("gate", "Gate again", "", "", True)
    assert cameras.stream("gate", StreamKind.MAIN).id == 1, "the same camera comes back"
    assert address_of("rtsp://a:b@[fd00::1]:8554/x").url == "rtsp://[fd00::1]:8554/x"
    index.close()


def test_disks_are_known_by_their_meta_file(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.db", CLOCK)
    one, two = tmp_path / "one", tmp_path / "two"
    disks, wrong = open_disks(index, [one, two], CLOCK)
    assert (len(disks), wrong) == (2, {})
    again, wrong = open_disks(index, [one, two], CLOCK)
    assert [d.uuid for d in again] == [d.uuid for d in disks] and not wrong
    one.rename(tmp_path / "spare")
    two.rename(one)
    (tmp_path / "spare").rename(two)
    assert set(open_disks(index, [one, two], CLOCK)[1]) == {disks[0].id, disks[1].id}, "swapped"
    moved = tmp_path / "moved"
    one.rename(moved)
    found, wrong = open_disks(index, [moved], CLOCK)
    assert found[0].uuid == disks[1].uuid and not wrong, "mounted elsewhere, the same disk"
    other = Index(tmp_path / "other.db", CLOCK)
    with pytest.raises(WrongDisk, match="does not know"):
        open_disks(other, [moved], CLOCK)
    other.close()
    index.close()


@given(st.integers(0, 400), st.integers(1, 100), st.integers(1, 8))
def test_streams_are_shared_evenly(streams: int, capacity: int, slots: int) -> None:
    limit = balanced_limit(streams, capacity)
    assert limit <= capacity
    chosen = share(dict.fromkeys(range(slots), 0), streams, limit)
    counts = [chosen.count(slot) for slot in range(slots)]
    assert max(counts) <= capacity
    assert max(counts) - min(counts) <= 1 or max(counts) == limit
    if slots * capacity >= streams and slots >= -(-streams // capacity):
        assert len(chosen) == streams


@given(
    st.builds(
        Record,
        st.integers(0, (1 << 32) - 1),
        st.integers(0, (1 << 64) - 1),
        st.integers(0, (1 << 32) - 1),
        st.integers(1, (1 << 15) - 1),
        st.booleans(),
        st.integers(0, (1 << 16) - 1),
        st.integers(0, (1 << 64) - 1),
    )
)
def test_fragment_records_read_back(record: Record) -> None:
    assert fragments.unpack(fragments.pack(record)) == [record]
    with pytest.raises(ValueError, match="whole number"):
        fragments.unpack(fragments.pack(record)[:-1])


@given(st.lists(st.integers(0, 3_000_000), min_size=2, max_size=60), st.integers(2, 20))
def test_wall_time_never_goes_back_within_a_run(delays: list[int], every: int) -> None:
    records = [Record(1, n * 45_000, 45_000, 5, True, 0, 10**15 + n * 500_000 + d) for n, d in enumerate(delays)]
    clock = RunClock(records[0])
    end_us = None
    for n, record in enumerate(records):
        if n and n % every == 0:
            end_us = clock.wall_us(record.start_90k)
            clock.rotate(record.start_90k, every * 45_000)
            assert clock.start_us == end_us, "a segment begins where the one before it ends"
            assert abs(clock.rate_ppm) <= 500
        clock.see(record)
    start = clock.wall_us(records[-1].start_90k)
    assert wall_us(clock.start_us, clock.media_start_90k, clock.rate_ppm, records[-1].end_90k) > start


def test_a_clock_that_goes_back_teaches_nothing() -> None:
    first = Record(1, 0, 45_000, 5, True, 0, 10**15)
    clock = RunClock(first)
    before = clock.run_start_us
    clock.see(Record(1, 45_000, 45_000, 5, False, 0, 10**15 - 3600 * SECOND_US))
    assert clock.stepped
    assert clock.run_start_us == before
