"""A disk that is gone for good: the index lets go of what lay on it and tells of it, and its path is free for another.

No file is touched. What lay there goes into the same lines as any destroyed footage, with a reason of its own, and its keys go
as soon as nothing else needs them: whoever finds the disk then has noise. Only while no recorder runs on this index.
"""

from collections.abc import Callable
from dataclasses import dataclass

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import Conflict, NotFound, WrongDisk
from belvedere.site.retention.statements import statements
from belvedere.site.storage.deletion import Doomed, Told, forget, tell
from belvedere.site.storage.disk import Disk
from belvedere.site.storage.index import Index

GONE = "disk_gone"
_BATCH = 500


@dataclass(frozen=True, slots=True)
class DiskRow:
    """A disk as the index knows it, with the footage on it, what waits in quarantine included. Times are wall time in us."""

    id: int
    uuid: str
    path: str
    created_us: int
    gone_us: int | None
    gone_why: str
    segments: int
    bytes: int
    from_us: int  # 0: nothing is on it
    to_us: int
    held: int  # segments that a live hold touches


def disk_rows(index: Index) -> list[DiskRow]:
    """Every disk that this site ever had, those that are gone too."""
    return [DiskRow(*row) for row in index.read().execute(statements()["disks"]).fetchall()]


def let_go(index: Index, disk: Disk, why: str, clock: Clock, told: Callable[[int], None] = lambda done: None) -> int:
    """Take a disk out of the index. Returns how many segments went; cut short, the next call goes on.

    `told` hears how many are done. Raises Conflict when the disk is there, NotFound when the index has none with this number.
    """
    row = index.read().execute("SELECT uuid FROM disk WHERE id = ? AND gone_us IS NULL", (disk.id,)).fetchone()
    if row is None:
        raise NotFound("The index has no such disk.", advice="belvedere site disks lists them.")
    try:
        disk.verify()
    except WrongDisk:
        pass
    else:
        raise Conflict(
            f"{disk.name} is there, and it is the disk that the index means.",
            advice="Take it out first. Footage on a disk that works goes by its age.",
        )
    reason = Told(GONE, why, clock.now_us())
    done = 0
    for table in ("segment", "quarantine"):
        after = 0
        while batch := _some(index, table, disk.id, after):
            after = batch[-1].id
            with index.write() as db:
                tell(db, table, batch, reason)
                if table == "segment":
                    forget(db, batch)
                else:
                    numbers = [(one.id,) for one in batch]
                    db.executemany("DELETE FROM quarantine WHERE id = ?", numbers)
                    db.executemany("DELETE FROM held_key WHERE segment_id = ?", numbers)
                    db.executemany("DELETE FROM held_copy WHERE segment_id = ?", numbers)
            done += len(batch)
            told(done)
    with index.write() as db:
        db.execute("DELETE FROM garbage WHERE disk_id = ?", (disk.id,))
        db.execute(
            "UPDATE disk SET gone_us = ?, gone_why = ?, path = path || ' (gone, ' || uuid || ')' WHERE id = ?",
            (clock.now_us(), why, disk.id),
        )
    return done


def _some(index: Index, table: str, disk_id: int, after: int) -> list[Doomed]:
    """The next rows of a table that lie on a disk, by number: one pass, for no index leads from a disk to its rows."""
    rows = index.read().execute(
        f"SELECT id, stream_id, run_id, disk_id, path, bytes FROM {table} WHERE disk_id = ? AND id > ? ORDER BY id LIMIT ?",
        (disk_id, after, _BATCH),
    )
    return [Doomed(*row) for row in rows.fetchall()]
