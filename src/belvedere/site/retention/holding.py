"""What a hold covers of a segment whose time is up: kept under a key of its own, so that the rest of the camera-day can go.

A segment that is covered whole stays as it is, file and hash; its own key is stored beside the camera-day's. Of one that
is covered in part, the groups of pictures that the hold touches are copied into a held segment under a fresh key.
"""

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import KeyAway, NotFound, SealBroken
from belvedere.media import seal
from belvedere.site.custody.needed import FOR_HOLDS
from belvedere.site.retention.spans import Part, Shape, Span, begins_whole, group_spans, held_parts, touches, union
from belvedere.site.retention.statements import statements
from belvedere.site.storage import fragments
from belvedere.site.storage.deletion import Doomed, forget, reshape, sweep
from belvedere.site.storage.disk import Disk
from belvedere.site.storage.index import Index
from belvedere.site.storage.index import statements as index_statements
from belvedere.site.storage.keys import Keyring

log = structlog.get_logger()

_LOOK_AHEAD = 16  # segments without a keyframe that may follow each other


@dataclass(frozen=True, slots=True)
class Row:
    """Columns of the statement `segment_row`."""

    id: int
    stream_id: int
    camera_id: int
    camera: str
    kind: str
    run_id: int
    config_id: str
    disk_id: int
    ordinal: int
    day: int
    start_us: int
    media_start_90k: int
    rate_ppm: int
    kept_from_us: int
    plain_bytes: int
    flags: int
    path: str
    fragments: bytes
    sha256: bytes
    bytes: int

    @property
    def shape(self) -> Shape:
        return Shape(self.start_us, self.media_start_90k, self.rate_ppm, self.fragments)

    @property
    def doomed(self) -> Doomed:
        return Doomed(self.id, self.stream_id, self.run_id, self.disk_id, self.path, self.bytes)


@dataclass(frozen=True, slots=True)
class Copy:
    """A held segment that is written and durable, and not in the index yet."""

    part: Part
    id: int
    seq: int
    path: str
    key: seal.SegmentKey
    sha256: bytes
    size: int
    plain_bytes: int
    blob: bytes
    lost_packets: int


class Holding:
    """Keeps what holds cover. One thread."""

    def __init__(
        self,
        index: Index,
        keyring: Keyring,
        disks: Mapping[int, Disk],
        clock: Clock,
        boot: int,
        next_seq: Callable[[], int],
    ) -> None:
        self._index = index
        self._keyring = keyring
        self._disks = disks
        self._clock = clock
        self._boot = boot
        self._next_seq = next_seq

    def held(self, camera: str) -> list[Span]:
        """The spans of a camera that live holds cover."""
        rows = self._index.read().execute(statements()["live_holds"], {"camera": camera})
        return union((start, end) for start, end in rows.fetchall())

    def keep(self, segment_id: int, night: int) -> int:
        """Deal with a due segment that a hold touches. Returns the bytes that went into quarantine: 0 when it stays whole."""
        row = self._row(segment_id)
        if row is None:
            return 0
        held = self.held(row.camera)
        parts = held_parts(row.shape, held, tail=self._followed(row, held))
        try:
            if len(parts) == 1 and (parts[0].start, parts[0].end) == (0, row.plain_bytes):
                self._keep_whole(row)
                return 0
            return self._carve(row, parts, held, night)
        except KeyAway:
            self._keyring.needed.add(row.camera_id, row.day, row.id, parts[0].start_us, parts[-1].end_us)
        except (SealBroken, NotFound, OSError) as error:
            # Nothing is lost by keeping more than the hold asks for; the next night tries again.
            log.error("held_segment_kept_whole", path=row.path, error=str(error))
        return 0

    def covered(self, segment_id: int) -> bool:
        """Whether all that live holds cover of a segment in quarantine has been copied out of it."""
        found = self._index.read().execute(statements()["quarantine_shape"], {"id": segment_id}).fetchone()
        if found is None:
            return True
        copies = self._index.read().execute(
            "SELECT source_start, source_end FROM held_copy WHERE source_id = ?", (segment_id,)
        )
        kept = union((start, end) for start, end in copies.fetchall())
        needed = held_parts(Shape(*found[1:]), self.held(found[0]))
        return all(any(start <= part.start and part.end <= end for start, end in kept) for part in needed)

    def _row(self, segment_id: int) -> Row | None:
        found = self._index.read().execute(statements()["segment_row"], {"id": segment_id}).fetchone()
        return None if found is None else Row(*found)

    def _followed(self, row: Row, held: Sequence[Span]) -> bool:
        """Whether held footage in the next segment can't be decoded without the last group of this one."""
        ordinal = row.ordinal
        for _ in range(_LOOK_AHEAD):
            found = (
                self._index.read()
                .execute(statements()["next_segment"], {"run_id": row.run_id, "ordinal": ordinal})
                .fetchone()
            )
            if found is None:
                return False
            shape = Shape(*found[1:])
            spans = group_spans(shape)
            if begins_whole(shape) or not spans:
                return False
            if touches(held, *spans[0]):
                return True
            if len(spans) > 1:
                return False
            ordinal += 1
        return True

    def _disk(self, row: Row) -> Disk:
        disk = self._disks.get(row.disk_id)
        if disk is None:
            raise NotFound("The disk with this footage is not there.", advice="Mount it and restart the site.")
        return disk

    def _reader(self, row: Row) -> tuple[int, seal.SegmentReader, bytes]:
        """An open file, its reader and its day key. The caller closes the file."""
        disk = self._disk(row)
        key = self._keyring.get(row.camera_id, row.day, FOR_HOLDS)
        fd = disk.files.open(row.path)
        try:
            reader = seal.SegmentReader(
                lambda offset, size: os.pread(fd, size, offset), key, seal.identity(row.camera, row.kind)
            )
        except BaseException:
            disk.files.close(fd)
            raise
        return fd, reader, key

    def _keep_whole(self, row: Row) -> None:
        """Store the segment's own key, unless that was done."""
        if row.day < 0:
            return
        fd, reader, key = self._reader(row)
        try:
            if not reader.opens():
                raise SealBroken("The segment does not open.", advice="Treat the footage around it as disputed.")
            own = seal.segment_key(key, seal.segment_id_of(os.pread(fd, seal.HEADER_BYTES, 0)))
        finally:
            self._disks[row.disk_id].files.close(fd)
        with self._index.write() as db:
            if db.execute("UPDATE segment SET day = -id WHERE id = ? AND day = ?", (row.id, row.day)).rowcount:
                self._keyring.hold(db, row.camera_id, row.id, own)

    # Parts.

    def _carve(self, row: Row, parts: Sequence[Part], held: list[Span], night: int) -> int:
        copies: list[Copy] = []
        disk = self._disk(row)
        try:
            if parts:
                fd, reader, _ = self._reader(row)
                try:
                    for part in parts:
                        copies.append(self._copy(row, part, reader))
                finally:
                    disk.files.close(fd)
            return self._exchange(row, copies, held, night)
        finally:
            # Whatever did not get into the index is garbage, listed before it was made.
            left = {copy.path for copy in copies} | {self._path(row, self._latest)}
            sweep(self._index, disk.files, row.disk_id, left)

    _latest = 0

    def _path(self, row: Row, seq: int) -> str:
        return f"{row.camera}/{row.kind}-{self._boot}-{seq}.blvs"

    def _copy(self, row: Row, part: Part, reader: seal.SegmentReader) -> Copy:
        """Seal the groups of `part` anew into a file of their own, durably."""
        disk = self._disks[row.disk_id]
        seq = self._latest = self._next_seq()
        path = self._path(row, seq)
        with self._index.write() as db:
            db.execute("INSERT INTO garbage (disk_id, path) VALUES (?, ?)", (row.disk_id, path))
        records = fragments.unpack(row.fragments)
        marks = fragments.marks(records)
        chosen = [
            (record, mark) for record, mark in zip(records, marks, strict=False) if part.start <= mark.plain < part.end
        ]
        key = seal.SegmentKey(os.urandom(seal.KEY_BYTES))
        writer = seal.SegmentWriter(key, seal.new_segment_id(), seal.identity(row.camera, row.kind))
        blob = bytearray()
        fd = disk.files.create(path)
        try:
            size = _write(disk, fd, writer.header)
            for record, mark in chosen:
                data = b"".join(reader.read(marks, fragments.RECORD_BYTES, mark.plain, mark.plain + record.length))
                note = fragments.pack(record)
                size += _write(disk, fd, writer.append(data, note))
                blob += note
            size += _write(disk, fd, writer.close())
            disk.files.sync(fd)
        finally:
            disk.files.close(fd)
        disk.files.sync_folder(path)
        return Copy(
            part=part,
            id=self._index.next_id("segment"),
            seq=seq,
            path=path,
            key=key,
            sha256=writer.sha256(),
            size=size,
            plain_bytes=writer.end.plain,
            blob=bytes(blob),
            lost_packets=sum(record.lost_packets for record, _ in chosen),
        )

    def _exchange(self, row: Row, copies: Sequence[Copy], held: list[Span], night: int) -> int:
        """In one transaction: the original into quarantine, the copies in its place. 0 when things changed meanwhile."""
        with self._index.write() as db:
            spans = db.execute(statements()["live_holds"], {"camera": row.camera}).fetchall()
            if union((start, end) for start, end in spans) != held:
                return 0  # a hold came or went while the copies were made
            runs = [
                db.execute(
                    statements()["new_run_like"],
                    {"run_id": row.run_id, "start_us": copy.part.start_us, "end_us": copy.part.end_us},
                ).lastrowid
                for copy in copies
            ]
            before, after = self._neighbours(db, row)
            if not quarantine(db, [row.doomed], night, self._clock.now_us(), carved=True):
                db.executemany("DELETE FROM run WHERE id = ?", [(run,) for run in runs])
                return 0  # it made room for new footage meanwhile
            for copy, run in zip(copies, runs, strict=True):
                assert run is not None
                self._insert(db, row, copy, run)
            if copies and before is not None and copies[0].part.first == 0:
                self._join(db, copies[0].id, before)
            if copies and after is not None and copies[-1].part.end == row.plain_bytes:
                self._join(db, copies[-1].id, after)
        return row.bytes

    def _neighbours(self, db: sqlite3.Connection, row: Row) -> tuple[int | None, int | None]:
        """The segments before and after it in its run, before it goes."""
        found: list[int | None] = []
        for ordinal in (row.ordinal - 1, row.ordinal + 1):
            one = db.execute(
                "SELECT id FROM segment WHERE run_id = ? AND ordinal = ?", (row.run_id, ordinal)
            ).fetchone()
            found.append(None if one is None else one[0])
        return found[0], found[1]

    def _insert(self, db: sqlite3.Connection, row: Row, copy: Copy, run_id: int) -> None:
        part = copy.part
        db.execute(
            index_statements()["put_segment"],
            {
                "id": copy.id,
                "stream_id": row.stream_id,
                "run_id": run_id,
                "config_id": row.config_id,
                "disk_id": row.disk_id,
                "boot_id": self._boot,
                "seq": copy.seq,
                "ordinal": row.ordinal,
                "day": -copy.id,
                "start_us": part.start_us,
                "dur_us": part.end_us - part.start_us,
                "media_start_90k": part.start_90k,
                "media_dur_90k": part.end_90k - part.start_90k,
                "rate_ppm": row.rate_ppm,
                "kept_from_us": row.kept_from_us,
                "bytes": copy.size,
                "plain_bytes": copy.plain_bytes,
                "sha256": copy.sha256,
                "flags": row.flags,
                "lost_packets": copy.lost_packets,
                "path": copy.path,
                "fragments": copy.blob,
            },
        )
        db.execute(index_statements()["count_stream"], {"stream_id": row.stream_id, "bytes": copy.size, "segments": 1})
        self._keyring.hold(db, row.camera_id, copy.id, copy.key)
        db.execute(
            "INSERT INTO held_copy VALUES (?, ?, ?, ?, ?, ?)",
            (copy.id, row.id, row.sha256, part.start, part.end, self._clock.now_us()),
        )
        db.execute("DELETE FROM garbage WHERE disk_id = ? AND path = ?", (row.disk_id, copy.path))
        db.execute("UPDATE run SET lost_packets = ? WHERE id = ?", (copy.lost_packets, run_id))

    def _join(self, db: sqlite3.Connection, segment_id: int, neighbour: int) -> None:
        """Move a copy into the run of the segment that it touches."""
        own = db.execute("SELECT run_id FROM segment WHERE id = ?", (segment_id,)).fetchone()[0]
        run_id = db.execute("SELECT run_id FROM segment WHERE id = ?", (neighbour,)).fetchone()[0]
        db.execute("UPDATE segment SET run_id = ? WHERE id = ?", (run_id, segment_id))
        reshape(db, own)
        reshape(db, run_id)


def _write(disk: Disk, fd: int, data: bytes | memoryview) -> int:
    view = memoryview(data)
    while view:
        view = view[disk.files.write(fd, view) :]
    return len(data)


def quarantine(
    db: sqlite3.Connection, rows: Sequence[Doomed], night: int, now_us: int, *, carved: bool = False
) -> list[Doomed]:
    """Inside a transaction: move segments into quarantine; returns those moved. One that a hold touches stays, unless it was
    `carved`: what the hold covers has been copied out of it."""
    values = {"night": night, "now_us": now_us, "carved": int(carved)}
    moved = [row for row in rows if db.execute(statements()["mark"], values | {"id": row.id}).rowcount]
    keys = [
        key
        for row in moved
        for key in db.execute("SELECT segment_id, wrapped, created_us FROM held_key WHERE segment_id = ?", (row.id,))
    ]
    forget(db, moved)
    db.executemany("INSERT INTO held_key (segment_id, wrapped, created_us) VALUES (?, ?, ?)", keys)
    return moved


def restore(db: sqlite3.Connection, hold: str) -> int:
    """Inside a transaction: take what `hold` covers out of quarantine. Returns the segments that are footage again."""
    rows = [Doomed(*row) for row in db.execute(statements()["restorable"], {"hold": hold}).fetchall()]
    for row in rows:
        copies = db.execute(
            "SELECT g.id, g.stream_id, g.run_id, g.disk_id, g.path, g.bytes FROM held_copy x JOIN segment g "
            "ON g.id = x.segment_id WHERE x.source_id = ?",
            (row.id,),
        ).fetchall()
        gone = forget(db, [Doomed(*copy) for copy in copies])  # the whole one holds all that they do
        db.executemany(
            "INSERT INTO garbage (disk_id, path) VALUES (?, ?)", [(copy.disk_id, copy.path) for copy in gone]
        )
        db.execute(statements()["restore_run"], {"id": row.id})
        db.execute(statements()["restore"], {"id": row.id})
        db.execute(index_statements()["count_stream"], {"stream_id": row.stream_id, "bytes": row.bytes, "segments": 1})
        db.execute("DELETE FROM quarantine WHERE id = ?", (row.id,))
    for run_id in sorted({row.run_id for row in rows}):
        reshape(db, run_id)
    return len(rows)
