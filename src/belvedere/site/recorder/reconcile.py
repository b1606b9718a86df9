"""Start-up: bring index and disks into agreement after whatever happened. Nothing valid is thrown away.

Open segments are scanned from where the index knows them and closed behind their last valid fragment; broken-off
imports and listed garbage go; files that no row knows are removed when they can only be the last moments before a
crash, and reported otherwise.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import structlog

from belvedere.foundation.errors import KeyAway, NotFound, SealBroken
from belvedere.media import seal
from belvedere.media.stream import TICKS_PER_SECOND, EndReason
from belvedere.site.recorder.segment import OPEN, RECOVERED, SUSPECT
from belvedere.site.recorder.timing import wall_us
from belvedere.site.storage import fragments
from belvedere.site.storage.deletion import Doomed, delete, forget, reshape, sweep
from belvedere.site.storage.disk import Disk
from belvedere.site.storage.index import Index, statements
from belvedere.site.storage.keys import Keyring

log = structlog.get_logger()

_MOMENT_90K = 5 * TICKS_PER_SECOND  # an unknown file with no more than this was being made when the crash came


@dataclass(slots=True)
class Findings:
    """What reconciliation did."""

    recovered: int = 0  # segments closed behind their last valid fragment
    missing: list[str] = field(default_factory=list)  # rows whose file was gone: an alarm
    damaged: list[str] = field(default_factory=list)  # shorter or altered where it should have been whole: an alarm
    removed: list[str] = field(default_factory=list)  # files that were being made
    unknown: list[str] = field(default_factory=list)  # files that no row knows: kept, an alarm
    imports_removed: int = 0
    garbage: int = 0
    newest_boot: int = 0  # in the names of files; higher than the index knows when that was restored from a backup


@dataclass(slots=True)
class _Row:
    """Columns of the statement `open_segments`."""

    id: int
    stream_id: int
    camera_id: int
    camera: str
    kind: str
    run_id: int
    disk_id: int
    day: int
    path: str
    size: int  # of the file, as far as the index knows
    plain_bytes: int
    start_us: int
    media_start_90k: int
    media_dur_90k: int
    rate_ppm: int
    sha256: bytes
    flags: int
    lost_packets: int
    fragments: bytes


def reconcile(index: Index, keyring: Keyring, disks: Sequence[Disk]) -> Findings:
    """Settle what the last run of the recorder left. `disks`: those that are there and verified."""
    found = Findings()
    here = {disk.id: disk for disk in disks}
    for disk in disks:
        found.garbage += len(sweep(index, disk.files, disk.id))
    rows = [_Row(*row) for row in index.read().execute(statements()["open_segments"]).fetchall()]
    for row in rows:
        if row.disk_id in here:
            _close(index, keyring, here[row.disk_id], row, found)
    _end_runs(index, here, found)
    for disk in disks:
        _strangers(index, keyring, disk, found)
    log.info("reconciled", **{name: getattr(found, name) for name in Findings.__slots__})
    return found


def _close(index: Index, keyring: Keyring, disk: Disk, row: _Row, found: Findings) -> None:
    try:
        fd = disk.files.reopen(row.path)
    except FileNotFoundError:
        found.missing.append(row.path)
        with index.write() as db:
            forget(db, [Doomed(row.id, row.stream_id, row.run_id, row.disk_id, row.path, row.size)])
        return
    try:
        repaired = _repair(disk, fd, keyring, row)
    except (SealBroken, NotFound, KeyAway) as error:
        # Kept as it is, for people to look at: it stays readable as far as it opens.
        log.error("segment_damaged", path=row.path, error=str(error))
        repaired = replace(row, flags=(row.flags & ~OPEN) | SUSPECT)
    except OSError as error:
        log.error("segment_unreadable", path=row.path, error=str(error))
        found.damaged.append(row.path)  # still open in the index: tried again at the next start
        return
    else:
        found.recovered += 1
    finally:
        disk.files.close(fd)
    if repaired.flags & SUSPECT:
        found.damaged.append(row.path)
    end_90k = row.media_start_90k + repaired.media_dur_90k
    state = {
        "id": row.id,
        "bytes": repaired.size,
        "plain_bytes": repaired.plain_bytes,
        "dur_us": wall_us(row.start_us, row.media_start_90k, row.rate_ppm, end_90k) - row.start_us,
        "media_dur_90k": repaired.media_dur_90k,
        "sha256": repaired.sha256,
        "flags": repaired.flags,
        "lost_packets": repaired.lost_packets,
        "fragments": repaired.fragments,
    }
    with index.write() as db:
        db.execute(statements()["recovered_segment"], state)
        db.execute(
            statements()["count_stream"],
            {"stream_id": row.stream_id, "bytes": repaired.size - row.size, "segments": 0},
        )
        db.execute(
            "UPDATE run SET lost_packets = lost_packets + ? WHERE id = ?",
            (repaired.lost_packets - row.lost_packets, row.run_id),
        )
        reshape(db, row.run_id)


def _repair(disk: Disk, fd: int, keyring: Keyring, row: _Row) -> _Row:
    """Close the file behind its last valid fragment, durably. Returns the row as it should be."""

    def read_at(offset: int, size: int) -> bytes:
        return os.pread(fd, size, offset)

    key = keyring.get(row.camera_id, row.day)
    reader = seal.SegmentReader(read_at, key, seal.identity(row.camera, row.kind))
    known = fragments.unpack(row.fragments)
    scan = reader.scan(fragments.marks(known)[-1])
    records = known + [r for append in scan.appends for r in fragments.unpack(append.note)]
    flags = (row.flags & ~OPEN) | RECOVERED
    size = os.fstat(fd).st_size
    if size < row.size:
        # The disk lost bytes that it had confirmed. Keep what is really there.
        scan = reader.scan()
        records = [r for append in scan.appends for r in fragments.unpack(append.note)]
        flags |= SUSPECT
    if not scan.sealed or size != scan.sealed_bytes:
        disk.files.truncate(fd, scan.end.sealed)
        final = seal.final_frame(read_at(0, seal.HEADER_BYTES), key, scan.end)
        view = memoryview(final)
        while view:
            view = view[disk.files.write(fd, view) :]
        disk.files.sync(fd)
    total = os.fstat(fd).st_size
    return replace(
        row,
        size=total,
        plain_bytes=scan.end.plain,
        media_dur_90k=max((r.end_90k for r in records), default=row.media_start_90k) - row.media_start_90k,
        sha256=seal.file_sha256(read_at, total),
        flags=flags,
        lost_packets=sum(r.lost_packets for r in records),
        fragments=b"".join(fragments.pack(r) for r in records),
    )


def _end_runs(index: Index, here: dict[int, Disk], found: Findings) -> None:
    """End every run that still grows; an import that was not finished goes altogether."""
    runs = index.read().execute("SELECT id, imported FROM run WHERE end_reason = ''").fetchall()
    for run_id, imported in runs:
        reason = EndReason.UNKNOWN if imported else EndReason.CRASH
        with index.write() as db:
            db.execute(statements()["end_run"], {"id": run_id, "end_reason": reason, "message": ""})
            reshape(db, run_id)
        if imported:
            found.imports_removed += 1
            rows = [Doomed(*row) for row in index.read().execute(statements()["of_run"], {"run_id": run_id}).fetchall()]
            for disk in here.values():
                delete(index, disk.files, [row for row in rows if row.disk_id == disk.id])


def _strangers(index: Index, keyring: Keyring, disk: Disk, found: Findings) -> None:
    """Files that no row knows."""
    known = {path for (path,) in index.read().execute("SELECT path FROM segment WHERE disk_id = ?", (disk.id,))}
    known |= {path for (path,) in index.read().execute("SELECT path FROM quarantine WHERE disk_id = ?", (disk.id,))}
    doomed = {path for (path,) in index.read().execute("SELECT path FROM garbage WHERE disk_id = ?", (disk.id,))}
    cameras = dict(index.read().execute("SELECT slug, id FROM camera").fetchall())
    names = disk.files.names()
    found.newest_boot = max([found.newest_boot, *map(_boot_of, names)])
    newest_known = int(index.read().execute("SELECT coalesce(max(id), 0) FROM boot").fetchone()[0])
    for path in sorted(set(names) - known - doomed):
        if _boot_of(path) <= newest_known and _being_made(index, keyring, disk, path, cameras):
            with index.write() as db:
                db.execute("INSERT INTO garbage (disk_id, path) VALUES (?, ?)", (disk.id, path))
            found.removed.append(path)
        else:
            found.unknown.append(path)
    if found.removed:
        sweep(index, disk.files, disk.id)


def _boot_of(path: str) -> int:
    """The boot in a file's name; 0 when it has another form."""
    parts = path.rpartition("/")[2].split("-")
    return int(parts[1]) if len(parts) == 3 and parts[1].isdecimal() else 0


def begin_boot(index: Index, found: Findings, version: str, now_us: int) -> int:
    """Number this start of the recorder, higher than any in a file's name, so that no name is ever used twice."""
    with index.write() as db:
        boot = max(index.next_id("boot"), found.newest_boot + 1)
        db.execute("INSERT INTO boot (id, started_us, version) VALUES (?, ?, ?)", (boot, now_us, version))
    return boot


def _being_made(index: Index, keyring: Keyring, disk: Disk, path: str, cameras: dict[str, int]) -> bool:
    """Whether the file holds no more than moments of footage, as one whose row was about to be written."""
    size = disk.files.size(path)
    if size < seal.HEADER_BYTES + seal.sealed_bytes(0, fragments.RECORD_BYTES):
        return True
    camera, _, name = path.partition("/")
    kind = name.partition("-")[0]
    if camera not in cameras:
        return False
    fd = disk.files.open(path)
    try:
        days = index.read().execute(
            "SELECT day FROM day_key WHERE camera_id = ? ORDER BY created_us DESC LIMIT 3", (cameras[camera],)
        )
        for (day,) in days.fetchall():
            try:
                key = keyring.get(cameras[camera], day)
            except KeyAway:
                continue  # a day that is over: nothing of it is being made
            reader = seal.SegmentReader(
                lambda offset, count: os.pread(fd, count, offset), key, seal.identity(camera, kind)
            )
            if reader.opens():
                records = [r for append in reader.scan().appends for r in fragments.unpack(append.note)]
                return sum(r.duration_90k for r in records) <= _MOMENT_90K
    except SealBroken:
        return False
    finally:
        disk.files.close(fd)
    return False
