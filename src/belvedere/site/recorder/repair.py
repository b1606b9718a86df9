"""Making good what `check` found, where nothing can be lost by it. Only while no recorder runs on this index.

Files are never written, moved or deleted here. A file that no row knows gets a row when its key and its stream's
configuration are known beyond doubt; rows whose file is not what they say are marked suspect; counters and runs are set right.
"""

import os
from collections.abc import Sequence

import structlog

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import KeyAway, NotFound, SealBroken
from belvedere.media import seal
from belvedere.media.stream import TICKS_PER_SECOND, EndReason
from belvedere.site.recorder import check as found
from belvedere.site.recorder.segment import RECOVERED, SUSPECT, UNSEALED
from belvedere.site.storage import fragments
from belvedere.site.storage.deletion import reshape
from belvedere.site.storage.disk import Disk
from belvedere.site.storage.index import MAX_SEGMENT_US, Index
from belvedere.site.storage.keys import Keyring

log = structlog.get_logger()

_MARKED = (found.MISSING, found.SHORTER, found.ROW, found.ALTERED, found.BROKEN)


def repair(
    index: Index, keyring: Keyring, disks: Sequence[Disk], report: found.Report, clock: Clock
) -> tuple[list[str], list[str]]:
    """Make good what can be; returns what was done, and what is left and why, one line each."""
    done: list[str] = []
    left: list[str] = []
    here = {disk.id: disk for disk in disks}
    for problem in report.problems:
        if problem.kind in _MARKED and problem.id:
            with index.write() as db:
                db.execute("UPDATE segment SET flags = flags | ? WHERE id = ?", (SUSPECT, problem.id))
            done.append(f"{problem.text}; marked suspect")
        elif problem.kind in _MARKED:
            left.append(f"{problem.text}; it was marked suspect before")
        elif problem.kind == found.COUNTER:
            with index.write() as db:
                db.execute(_COUNT, {"id": problem.id})
            done.append(f"{problem.text}; counted again")
        elif problem.kind == found.RUN:
            with index.write() as db:
                reshape(db, problem.id)
            done.append(f"{problem.text}; fitted to its segments")
        elif problem.kind == found.ORPHAN and problem.disk in here:
            why = _index_again(index, keyring, here[problem.disk], problem.path, clock)
            (left if why else done).append(f"{problem.path}: {why or 'indexed again'}")
        else:
            left.append(f"{problem.text}; nothing was done")
    for line in done:
        log.info("repaired", what=line)
    return done, left


def _index_again(index: Index, keyring: Keyring, disk: Disk, path: str, clock: Clock) -> str:
    """Write a row and a run for a file. Returns why not, "" when it was done."""
    camera, _, name = path.partition("/")
    parts = name.removesuffix(".blvs").split("-")
    row = index.read().execute("SELECT id FROM camera WHERE slug = ?", (camera,)).fetchone()
    if row is None or len(parts) != 3 or not (parts[1].isdecimal() and parts[2].isdecimal()):
        return "it is of a camera that this index does not know"
    camera_id, kind, boot, seq = row[0], parts[0], int(parts[1]), int(parts[2])
    fd = disk.files.open(path)
    try:
        return _take_in(index, keyring, disk, path, fd, (camera_id, camera, kind, boot, seq), clock)
    finally:
        disk.files.close(fd)


def _take_in(
    index: Index,
    keyring: Keyring,
    disk: Disk,
    path: str,
    fd: int,
    named: tuple[int, str, str, int, int],
    clock: Clock,
) -> str:
    camera_id, camera, kind, boot, seq = named

    def read_at(offset: int, count: int) -> bytes:
        return os.pread(fd, count, offset)

    day, reader = _reader(index, keyring, camera_id, read_at, seal.identity(camera, kind))
    if reader is None:
        return "no key that this site holds opens it; it stays as it is"
    scan = reader.scan()
    records = [r for append in scan.appends for r in fragments.unpack(append.note)]
    if not records:
        return "it holds no whole fragment"
    stream = (
        index.read().execute("SELECT id FROM stream WHERE camera_id = ? AND kind = ?", (camera_id, kind)).fetchone()
    )
    configs = [] if stream is None else _configs(index, stream[0], boot)
    if len(configs) != 1:
        return "which configuration it was recorded with is not known; it stays as it is"
    first_90k, end_90k = records[0].start_90k, max(r.end_90k for r in records)
    # As a run is anchored: the least delayed frame decides.
    start_us = min(r.arrival_us - _us(r.end_90k - first_90k) for r in records)
    dur_us = min(_us(end_90k - first_90k), MAX_SEGMENT_US)
    now_us = clock.now_us()
    size = scan.sealed_bytes
    with index.write() as db:
        db.execute("INSERT OR IGNORE INTO boot (id, started_us, version) VALUES (?, ?, 'found')", (boot, now_us))
        if db.execute("SELECT 1 FROM segment WHERE boot_id = ? AND seq = ?", (boot, seq)).fetchone():
            return "another row has its number; it stays as it is"
        run_id = index.next_id("run")
        db.execute(
            "INSERT INTO run (id, stream_id, config_id, boot_id, start_us, end_us, end_reason, message, lost_packets) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, 'Found on the disk and indexed again.', ?)",
            (
                run_id,
                stream[0],
                configs[0],
                boot,
                start_us,
                start_us + dur_us,
                EndReason.UNKNOWN,
                sum(r.lost_packets for r in records),
            ),
        )
        db.execute(
            _SEGMENT,
            {
                "id": index.next_id("segment"),
                "stream_id": stream[0],
                "run_id": run_id,
                "config_id": configs[0],
                "disk_id": disk.id,
                "boot_id": boot,
                "seq": seq,
                "day": day,
                "start_us": start_us,
                "dur_us": dur_us,
                "media_start_90k": first_90k,
                "media_dur_90k": end_90k - first_90k,
                "kept_from_us": now_us,
                "bytes": size,
                "plain_bytes": scan.end.plain,
                "sha256": seal.file_sha256(read_at, size),
                "flags": RECOVERED | (0 if scan.sealed else UNSEALED),
                "lost_packets": sum(r.lost_packets for r in records),
                "path": path,
                "fragments": b"".join(fragments.pack(r) for r in records),
            },
        )
        db.execute(_COUNT, {"id": stream[0]})
    return ""


def _reader(
    index: Index, keyring: Keyring, camera_id: int, read_at: seal.ReadAt, bound_to: bytes
) -> tuple[int, seal.SegmentReader | None]:
    """The day whose key opens the file, and a reader with it."""
    days = index.read().execute("SELECT day FROM day_key WHERE camera_id = ? ORDER BY day DESC", (camera_id,))
    for (day,) in days.fetchall():
        try:
            reader = seal.SegmentReader(read_at, keyring.get(camera_id, day), bound_to)
        except (KeyAway, NotFound):
            continue
        except SealBroken:
            break
        if reader.opens():
            return int(day), reader
    return 0, None


def _configs(index: Index, stream_id: int, boot: int) -> list[int]:
    """The configurations that a file of this stream and start can have: those of its runs, else those of the stream."""
    for sql, values in (
        ("SELECT DISTINCT config_id FROM run WHERE stream_id = ? AND boot_id = ?", (stream_id, boot)),
        ("SELECT id FROM stream_config WHERE stream_id = ?", (stream_id,)),
    ):
        rows = [row[0] for row in index.read().execute(sql, values).fetchall()]
        if rows:
            return rows
    return []


def _us(ticks_90k: int) -> int:
    return ticks_90k * 1_000_000 // TICKS_PER_SECOND


_COUNT = """
UPDATE stream SET bytes_kept = (SELECT coalesce(sum(bytes), 0) FROM segment g WHERE g.stream_id = stream.id),
                  segments_kept = (SELECT count(*) FROM segment g WHERE g.stream_id = stream.id)
WHERE id = :id
"""
_SEGMENT = """
INSERT INTO segment (id, stream_id, run_id, config_id, disk_id, boot_id, seq, ordinal, day, start_us, dur_us, media_start_90k,
                     media_dur_90k, rate_ppm, kept_from_us, bytes, plain_bytes, sha256, flags, lost_packets, path, fragments)
VALUES (:id, :stream_id, :run_id, :config_id, :disk_id, :boot_id, :seq, 0, :day, :start_us, :dur_us, :media_start_90k,
        :media_dur_90k, 0, :kept_from_us, :bytes, :plain_bytes, :sha256, :flags, :lost_packets, :path, :fragments)
"""
