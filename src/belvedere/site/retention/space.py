"""Room on one disk, made at once: recording never waits for an approval, and no hold can stop it.

What goes, in this order: footage in quarantine, oldest first; footage that no hold covers, oldest first; and when nothing
else is left, with an alarm, held footage, oldest first. Used on the disk's own thread.
"""

from collections.abc import Callable

import structlog

from belvedere.foundation.clock import MINUTE_US, Clock
from belvedere.foundation.errors import StorageFault
from belvedere.site.retention.statements import statements
from belvedere.site.storage.deletion import Doomed, Told, delete, sweep, tell
from belvedere.site.storage.disk import Disk
from belvedere.site.storage.index import Index
from belvedere.site.storage.index import statements as index_statements
from belvedere.site.storage.reserve import LEAST_BYTES

log = structlog.get_logger()

BATCH = 32  # segments deleted in one go
DECIDED = "The disk was full."


class DiskSpace:
    """Makes room on one disk."""

    def __init__(
        self,
        disk: Disk,
        index: Index,
        clock: Clock,
        min_free_bytes: int,
        ease: Callable[[int], int] = lambda size: 0,
    ) -> None:
        """`ease` makes so much room without writing to the index, when that is what a full disk forbids; gives what it freed."""
        self.min_free_bytes = min_free_bytes
        self._ease = ease
        self.held_lost = 0  # held segments that had to go since the start: an alarm
        self._disk = disk
        self._index = index
        self._clock = clock
        # Held footage is the oldest there is: where the last look ended, so that it is not passed over again each time.
        self._from = (-1, -1)
        self._look_again_us = 0

    def short(self) -> int:
        """Bytes missing to the free space that a disk should have; 0 or less: enough. Raises OSError."""
        reserve = self._index.reserve
        wanted = self.min_free_bytes
        if reserve is not None and not reserve.held and self._disk.files.device() == reserve.device:
            wanted = max(wanted, reserve.size + LEAST_BYTES)  # the index's space comes first
        return wanted - self._disk.files.space()[1]

    def make_room(self, size: int) -> bool:
        """Delete until `size` bytes were freed. False: nothing is left that could go."""
        freed, eased = 0, False
        while freed < size:
            try:
                got = self._quarantined(size - freed)
                if got is None:
                    got = self._free(size - freed)
                if got is None:
                    got = self._held(size - freed)
            except StorageFault as error:
                log.error("eviction_failed", disk=self._disk.name, error=str(error))
                if eased:
                    return False
                freed, eased = freed + self._ease(size - freed), True
                continue
            if not got:
                return False
            freed += got
        return True

    # Each gives the bytes it freed (0: the disk does not let go of them), None when there is nothing of its kind.

    def _quarantined(self, size: int, query: str = "oldest_quarantined", why: str = "space") -> int | None:
        doomed = _enough([Doomed(*row[:6]) for row in self._rows(query)], size)
        if not doomed:
            return None
        got = destroy_quarantined(self._index, self._disk, doomed, Told(why, DECIDED, self._clock.now_us()))
        log.warning("evicted_from_quarantine", disk=self._disk.name, segments=len(doomed), bytes=got)
        return got

    def _free(self, size: int) -> int | None:
        if self._clock.monotonic_us() >= self._look_again_us:  # a hold may have ended
            self._from, self._look_again_us = (-1, -1), self._clock.monotonic_us() + MINUTE_US
        rows: list[tuple[int, int, int, int, str, int, int]] = []
        for start in (self._from, (-1, -1)):
            rows = self._rows("oldest_free", kept_from_us=start[0], id=start[1])
            if rows:
                break
        doomed = _enough([Doomed(*row[:6]) for row in rows], size)
        if not doomed:
            return None
        got = delete(self._index, self._disk.files, doomed, Told("space", DECIDED, self._clock.now_us()))
        last = rows[len(doomed) - 1]
        self._from = (last[6] - 1, last[0])
        log.warning("evicted", disk=self._disk.name, segments=len(doomed), bytes=got)
        return got

    def _held(self, size: int) -> int | None:
        """The last resort: a hold is broken rather than recording."""
        got = self._quarantined(size, "oldest_kept_back", "held_space")
        if got is not None:
            self.held_lost += 1
            return got
        rows = self._index.read().execute(
            index_statements()["oldest_closed"], {"disk_id": self._disk.id, "count": BATCH}
        )
        doomed = _enough([Doomed(*row) for row in rows.fetchall()], size)
        if not doomed:
            return None
        self.held_lost += len(doomed)
        log.error("held_footage_lost", disk=self._disk.name, segments=len(doomed))
        return delete(self._index, self._disk.files, doomed, Told("held_space", DECIDED, self._clock.now_us()))

    def _rows(self, query: str, **values: int) -> list[tuple[int, int, int, int, str, int, int]]:
        return (
            self._index.read()
            .execute(statements()[query], {"disk_id": self._disk.id, "count": BATCH, **values})
            .fetchall()
        )


def destroy_quarantined(index: Index, disk: Disk, doomed: list[Doomed], told: Told) -> int:
    """Destroy segments in quarantine: rows, then files. Returns bytes really freed. A kill in between is made good at start."""
    with index.write() as db:
        here = [
            row
            for row in doomed
            if db.execute("SELECT 1 FROM quarantine WHERE id = ?", (row.id,)).fetchone() is not None
        ]
        tell(db, "quarantine", here, told)
        for row in here:
            db.execute("INSERT INTO garbage (disk_id, path) VALUES (?, ?)", (row.disk_id, row.path))
            db.execute("DELETE FROM quarantine WHERE id = ?", (row.id,))
            db.execute("DELETE FROM held_key WHERE segment_id = ?", (row.id,))
            db.execute("DELETE FROM held_copy WHERE segment_id = ?", (row.id,))
    gone = sweep(index, disk.files, disk.id, {row.path for row in here})
    return sum(row.bytes for row in here if row.path in gone)


def _enough(oldest: list[Doomed], size: int) -> list[Doomed]:
    """As many of the oldest segments as it takes to free `size` bytes, one at least."""
    count, total = 0, 0
    while count < len(oldest) and (total < size or not count):
        total += oldest[count].bytes
        count += 1
    return oldest[:count]
