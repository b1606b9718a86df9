"""The last way to make room: footage is taken from a disk so full that not even its deletion can be written down first.

The oldest files that may go lose their bytes and keep their names, with `.emptied` behind: that needs no space, and is what
tells the index of it as soon as that can be written again, also after a kill in between.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import structlog

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import StorageFault, WrongDisk
from belvedere.site.retention.space import BATCH, DECIDED, destroy_quarantined
from belvedere.site.retention.statements import statements
from belvedere.site.storage.deletion import Doomed, Told, delete
from belvedere.site.storage.disk import Disk, Files, SystemFiles
from belvedere.site.storage.index import Index
from belvedere.site.storage.index import statements as index_statements
from belvedere.site.storage.reserve import LEAST_BYTES

log = structlog.get_logger()


def oldest(db: sqlite3.Connection, disk_id: int) -> list[str]:
    """Paths of closed segments in the order in which a full disk lets them go: quarantine, then what no hold covers, then all."""
    found: dict[str, None] = {}
    values = {"disk_id": disk_id, "count": BATCH, "kept_from_us": -1, "id": -1}
    for text in (
        statements()["oldest_quarantined"],
        statements()["oldest_free"],
        statements()["oldest_kept_back"],
        index_statements()["oldest_closed"],
    ):
        for row in db.execute(text, values).fetchall():
            found.setdefault(row[4])
    return list(found)


def empty(files: Files, paths: Sequence[str], size: int) -> int:
    """Take the bytes of files, in order, until `size` are free. Returns how many were."""
    freed = 0
    for path in paths:
        if freed >= size:
            break
        try:
            held = files.size(path)
            files.set_empty(path)
        except OSError as error:
            log.error("not_emptied", path=path, error=str(error))
            continue
        log.error("emptied", path=path, bytes=held)
        freed += held
    return freed


def settle_emptied(index: Index, disk: Disk, clock: Clock) -> int:
    """Delete, in the index too, the footage whose files were emptied. Returns how many there were. Raises StorageFault."""
    names = disk.files.emptied()
    told = Told("space", DECIDED, clock.now_us())
    for path in names:
        for table in ("segment", "quarantine"):
            row = (
                index.read()
                .execute(
                    f"SELECT id, stream_id, run_id, disk_id, path, bytes FROM {table} WHERE disk_id = ? AND path = ?",
                    (disk.id, path),
                )
                .fetchone()
            )
            if row is not None and table == "segment":
                delete(index, disk.files, [Doomed(*row)], told)
            elif row is not None:
                destroy_quarantined(index, disk, [Doomed(*row)], told)
        disk.files.forget_emptied(path)
    return len(names)


def empty_unopened(index_file: Path, size: int) -> int:
    """Make room on the disk of an index that can't be opened: from the footage that lies on the same disk. Returns bytes freed."""
    device = index_file.parent.stat().st_dev
    freed = 0
    db = sqlite3.connect(index_file, isolation_level=None)
    try:
        # Alone with the file SQLite needs no shared memory beside it, for which there may be no room (sqlite.org/wal.html, 8).
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        site = db.execute("SELECT uuid FROM site").fetchone()
        disks = db.execute("SELECT id, uuid, path FROM disk").fetchall()
        for number, uuid, path in disks if site is not None else []:
            disk = Disk(SystemFiles(Path(path)), number, uuid, site[0], path)
            if freed >= size or disk.files.device() != device:
                continue
            disk.verify()
            freed += empty(disk.files, oldest(db, number), size - freed)
    except WrongDisk as error:
        log.error("wrong_disk", error=str(error))
    except (sqlite3.Error, OSError) as error:
        log.error("index_not_read", error=str(error))
    finally:
        db.close()
    return freed


def empty_here(index: Index, disk: Disk, size: int) -> int:
    """The same on a running site. Returns bytes freed: 0 where the index has room or lies elsewhere, or nothing is left."""
    reserve = index.reserve
    if reserve is None:
        return 0
    try:
        if disk.files.device() != reserve.device or reserve.free() >= LEAST_BYTES:
            return 0
        return empty(disk.files, oldest(index.read(), disk.id), size)
    except (sqlite3.Error, OSError, StorageFault) as error:
        log.error("not_emptied", disk=disk.name, error=str(error))
        return 0
