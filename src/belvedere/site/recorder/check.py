"""Prove that the index says nothing that the disks do not hold, and the disks nothing that the index does not know.

Reads only; may run beside the recorder. What can be made good without losing anything is in `repair`.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from belvedere.foundation.errors import KeyAway, NotFound, SealBroken, WrongDisk
from belvedere.media import seal
from belvedere.site.storage import fragments
from belvedere.site.storage.disk import Disk
from belvedere.site.storage.index import Index, statements
from belvedere.site.storage.keys import Keyring

_SUSPECT = 2

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
KINDS = (WRONG_DISK, MISSING, UNREADABLE, SHORTER, ROW, ALTERED, BROKEN, ORPHAN, COUNTER, RUN)


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
    problems: list[Problem] = field(default_factory=list)

    def add(self, kind: str, number: int, disk: int, path: str, text: str) -> None:
        self.problems.append(Problem(kind, number, disk, path, text))


def check(index: Index, keyring: Keyring, disks: Sequence[Disk], *, contents: bool) -> list[str]:
    """What is wrong between rows and files, one line each; empty when all is well. `contents`: hash and open every file too."""
    report = Report()
    _rows(index, keyring, disks, contents, report)
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
    for disk_id, path, size, plain_bytes, sha256, blob, camera_id, camera, kind, day in rows.fetchall():
        report.segments += 1
        report.bytes += size
        number = known.get(path, 0)
        report.suspects += number == 0
        if disk_id not in here:
            report.add(WRONG_DISK, number, disk_id, path, f"{path}: its disk is not here")
            continue
        files = here[disk_id].files
        try:
            fd = files.open(path)
        except OSError as error:
            kind_of = MISSING if isinstance(error, FileNotFoundError) else UNREADABLE
            report.add(kind_of, number, disk_id, path, f"{path}: {error.strerror}")
            continue
        try:
            marks = fragments.marks(fragments.unpack(blob))
            if os.fstat(fd).st_size < size:
                report.add(SHORTER, number, disk_id, path, f"{path}: shorter than the index says")
            elif marks[-1].plain != plain_bytes or marks[-1].sealed > size:
                report.add(ROW, number, disk_id, path, f"{path}: its row contradicts itself")
            elif contents:
                wrong = _contents(fd, size, sha256, marks, keyring, (camera_id, day), (camera, kind), report)
                if wrong is not None:
                    report.add(wrong[0], number, disk_id, path, f"{path}: {wrong[1]}")
        except OSError as error:
            report.add(UNREADABLE, number, disk_id, path, f"{path}: {error.strerror}")
        finally:
            files.close(fd)
    for (number,) in index.read().execute(statements()["miscounted"]):
        report.add(COUNTER, number, 0, "", f"stream {number}: its byte counter is wrong")
    for (number,) in index.read().execute(statements()["misfit_runs"]):
        report.add(RUN, number, 0, "", f"run {number}: it does not fit its segments")


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
