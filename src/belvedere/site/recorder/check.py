"""Prove that the index says nothing that the disks do not hold, and the disks nothing that the index does not know.

Reads only; may run beside the recorder. What can be made good without losing anything is in `repair`.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from belvedere.foundation.clock import HOUR_US
from belvedere.foundation.errors import KeyAway, NotFound, SealBroken, WrongDisk
from belvedere.media import seal
from belvedere.site.retention.keeper import QUARANTINE_US
from belvedere.site.retention.statements import statements as retention_statements
from belvedere.site.storage import fragments
from belvedere.site.storage.disk import Disk
from belvedere.site.storage.index import Index, statements
from belvedere.site.storage.keys import Keyring

_LATE_US = 2 * HOUR_US  # destruction may take so long after the day in quarantine, before it is called overdue

WRONG_DISK = "disk that is not here"
MISSING = "file that is missing"
UNREADABLE = "file that can't be read"
SHORTER = "file that is shorter than its row says"
ROW = "row that contradicts itself"
ALTERED = "file with another SHA-256"
BROKEN = "seal that does not hold"
ORPHAN = "file that no row knows"
COUNTER = "byte counter that is wrong"
RUN = "run that does not fit its segments"
QUARANTINE = "file in quarantine that is not what its row says"
OVERDUE = "segment in quarantine past its time"
KINDS = (WRONG_DISK, MISSING, UNREADABLE, SHORTER, ROW, ALTERED, BROKEN, ORPHAN, COUNTER, RUN, QUARANTINE, OVERDUE)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `id`: of the segment, stream or run; 0 for a file without a row."""

    kind: str
    id: int
    disk: int
    path: str
    text: str


@dataclass(slots=True)
class Report:
    """What was looked at, and what is wrong with it."""

    segments: int = 0
    bytes: int = 0
    hashed: int = 0
    opened: int = 0
    keys_away: int = 0  # hash and frames proven, content not opened: the key is with the hub
    suspects: int = 0  # marked before, or by a repair: their rows say so
    quarantined: int = 0  # segments that wait for their destruction, of those looked at
    kept_back: int = 0  # of these: a newer hold covers them, so they wait for a person
    problems: list[Problem] = field(default_factory=list)

    def add(self, kind: str, number: int, disk: int, path: str, text: str) -> None:
        self.problems.append(Problem(kind, number, disk, path, text))


def check(index: Index, keyring: Keyring, disks: Sequence[Disk], *, contents: bool) -> list[str]:
    """What is wrong between rows and files, one line each; empty when all is well. `contents`: hash and open every file too."""
    report = Report()
    _rows(index, keyring, disks, contents, report)
    look_at_quarantine(index, keyring, disks, report, contents=contents)
    return [problem.text for problem in report.problems]


def examine(
    index: Index, keyring: Keyring, disks: Sequence[Disk], *, contents: bool, settle: Callable[[], None] = lambda: None
) -> Report:
    """The whole proof: rows against files, files against rows, each disk the right one.

    `settle`: waits long enough for a running recorder to write the rows of files that it made just now.
    """
    report = Report()
    right: list[Disk] = []
    for disk in disks:
        try:
            disk.verify()
            right.append(disk)
        except WrongDisk as error:
            report.add(WRONG_DISK, 0, disk.id, "", error.message)
    _rows(index, keyring, right, contents, report)
    look_at_quarantine(index, keyring, right, report, contents=contents)
    strangers = [(disk, path) for disk in right for path in _strangers(index, disk)]
    if strangers:
        settle()
        for disk, path in strangers:
            if path in _strangers(index, disk):
                report.add(ORPHAN, 0, disk.id, path, f"{path}: no row knows it")
    return report


def _strangers(index: Index, disk: Disk) -> list[str]:
    names = disk.files.names()  # first, so that a row written meanwhile is seen
    known = {
        path
        for table in ("segment", "quarantine", "garbage")
        for (path,) in index.read().execute(f"SELECT path FROM {table} WHERE disk_id = ?", (disk.id,))
    }
    return sorted(set(names) - known)


def _rows(index: Index, keyring: Keyring, disks: Sequence[Disk], contents: bool, report: Report) -> None:
    here = {disk.id: disk for disk in disks}
    known = dict(index.read().execute("SELECT path, id FROM segment WHERE flags & 2 = 0").fetchall())
    rows = index.read().execute(statements()["segments_to_check"])
    for row in rows.fetchall():
        report.segments += 1
        report.bytes += row[2]
        number = known.get(row[1], 0)
        report.suspects += number == 0
        wrong = _file(row, here, keyring, contents, report)
        if wrong is not None:
            report.add(wrong[0], number, row[0], row[1], f"{row[1]}: {wrong[1]}")
    for (number,) in index.read().execute(statements()["miscounted"]):
        report.add(COUNTER, number, 0, "", f"stream {number}: its byte counter is wrong")
    for (number,) in index.read().execute(statements()["misfit_runs"]):
        report.add(RUN, number, 0, "", f"run {number}: it does not fit its segments")


def look_at_quarantine(
    index: Index, keyring: Keyring, disks: Sequence[Disk], report: Report, *, contents: bool
) -> None:
    """What stands in quarantine: whether each file is still what its row says, and whether its time there is over.

    A segment that a newer hold covers is not overdue: it waits for a person. `repair` leaves all of them alone.
    """
    here = {disk.id: disk for disk in disks}
    for *row, number, served_us, held in index.read().execute(retention_statements()["quarantine_to_check"]).fetchall():
        report.quarantined += 1
        report.kept_back += held
        path = row[1]
        wrong = _file(row, here, keyring, contents, report)
        if wrong is not None:
            kind = wrong[0] if wrong[0] == WRONG_DISK else QUARANTINE
            report.add(kind, number, row[0], path, f"{path}, in quarantine: {wrong[1]}")
        elif served_us > QUARANTINE_US + _LATE_US and not held:
            hours = (served_us - QUARANTINE_US) // HOUR_US
            report.add(OVERDUE, number, row[0], path, f"{path}, in quarantine: should be destroyed since {hours} h")


def _file(
    row: Sequence[Any], here: Mapping[int, Disk], keyring: Keyring, contents: bool, report: Report
) -> tuple[str, str] | None:
    """What is wrong with the file of a row of `segments_to_check`: the kind, and the words."""
    disk_id, path, size, plain_bytes, sha256, blob, camera_id, camera, kind, day = row
    if disk_id not in here:
        return WRONG_DISK, "its disk is not here"
    files = here[disk_id].files
    try:
        fd = files.open(path)
    except OSError as error:
        return MISSING if isinstance(error, FileNotFoundError) else UNREADABLE, str(error.strerror)
    try:
        marks = fragments.marks(fragments.unpack(blob))
        if os.fstat(fd).st_size < size:
            return SHORTER, "shorter than the index says"
        if marks[-1].plain != plain_bytes or marks[-1].sealed > size:
            return ROW, "its row contradicts itself"
        if contents:
            return _contents(fd, size, sha256, marks, keyring, (camera_id, day), (camera, kind), report)
    except OSError as error:
        return UNREADABLE, str(error.strerror)
    finally:
        files.close(fd)
    return None


def _contents(
    fd: int,
    size: int,
    sha256: bytes,
    marks: Sequence[seal.Mark],
    keyring: Keyring,
    key: tuple[int, int],
    bound: tuple[str, str],
    report: Report,
) -> tuple[str, str] | None:
    """What is wrong inside a file: the kind, and the words; None when nothing is."""

    def read_at(offset: int, count: int) -> bytes:
        return os.pread(fd, count, offset)

    if seal.file_sha256(read_at, size) != sha256:
        return ALTERED, "it was altered (SHA-256 differs)"
    report.hashed += 1
    try:
        reader = seal.SegmentReader(read_at, keyring.get(*key), seal.identity(*bound))
        for _ in reader.read(marks, fragments.RECORD_BYTES, 0, marks[-1].plain):
            pass
    except KeyAway:
        report.keys_away += 1  # the hash in the row, and the day's root in the log, stand for it
    except (SealBroken, NotFound) as error:
        return BROKEN, error.message
    else:
        report.opened += 1
    return None
