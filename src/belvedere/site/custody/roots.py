"""Closing camera-days: a root when the day is over, another version when late footage or a deletion changed it."""

import structlog

from belvedere.foundation.clock import DAY_US, MINUTE_US, Clock
from belvedere.foundation.errors import NotFound
from belvedere.link.custody import DayRoot, SegmentProof
from belvedere.site.custody.leaves import day_leaves, day_proof, day_root
from belvedere.site.storage.index import Index

_LATE_US = 20 * MINUTE_US  # a segment that began before midnight ends within 15 minutes
_BUSY = """
SELECT 1 FROM stream s JOIN segment g ON g.stream_id = s.id
WHERE s.camera_id = :camera_id AND g.start_us >= :from_us AND g.start_us < :to_us AND g.flags & 1
UNION ALL
SELECT 1 FROM stream s JOIN segment g ON g.stream_id = s.id JOIN run r ON r.id = g.run_id
WHERE s.camera_id = :camera_id AND g.start_us >= :from_us AND g.start_us < :to_us AND r.imported AND r.end_reason = ''
LIMIT 1
"""

log = structlog.get_logger()


class DayRoots:
    """Roots of a site's camera-days. Thread-safe; called by the custodian's thread and the link's."""

    def __init__(self, index: Index, clock: Clock) -> None:
        self._index = index
        self._clock = clock

    def due(self) -> list[tuple[int, int]]:
        """Camera-days that are over and changed since their last root, oldest first."""
        over = (self._clock.now_us() - _LATE_US) // DAY_US
        rows = self._index.read().execute(
            "SELECT camera_id, day FROM day_changed WHERE day < ? ORDER BY day, camera_id", (over,)
        )
        return [(camera_id, day) for camera_id, day in rows.fetchall()]

    def close(self, camera_id: int, day: int) -> bool:
        """Write a new version of a camera-day's root where it is needed and the day is quiet. True: it was written.

        Footage that goes away bit by bit is marked once a day and when the last of it is gone, not a hundred times.
        """
        read = self._index.read()
        span = {"camera_id": camera_id, "from_us": day * DAY_US, "to_us": (day + 1) * DAY_US}
        if read.execute(_BUSY, span).fetchone():
            return False
        leaves = day_leaves(self._index, camera_id, day)
        camera = self._camera(camera_id)
        gone = sum(leaf.gone for leaf in leaves)
        root = day_root(leaves, camera)
        last = read.execute(
            "SELECT version, root, deleted, made_us FROM day_root WHERE camera_id = ? AND day = ? "
            "ORDER BY version DESC LIMIT 1",
            (camera_id, day),
        ).fetchone()
        now_us = self._clock.now_us()
        same_leaves = last is not None and last[1] == root
        if same_leaves and gone not in (last[2], len(leaves)) and 0 <= now_us - last[3] < DAY_US:
            return False
        written = bool(leaves) and not (same_leaves and last[2] == gone)
        with self._index.write() as db:
            if written:
                version = 1 if last is None else last[0] + 1
                db.execute(
                    "INSERT INTO day_root (camera_id, day, version, leaves, deleted, root, made_us) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (camera_id, day, version, len(leaves), gone, root, now_us),
                )
            # What came or went since the leaves were read is marked again by its trigger only if the mark is gone first.
            if day_leaves(self._index, camera_id, day) == leaves:
                db.execute("DELETE FROM day_changed WHERE camera_id = ? AND day = ?", (camera_id, day))
        if written:
            log.info("day_root", camera=camera, day=day, leaves=len(leaves), deleted=gone, root=root.hex())
        return written

    def waiting(self, most: int) -> tuple[DayRoot, ...]:
        """Roots that the hub has not acknowledged, oldest first."""
        rows = self._index.read().execute(
            "SELECT c.slug, r.day, r.version, r.leaves, r.deleted, r.root, r.made_us FROM day_root r "
            "JOIN camera c ON c.id = r.camera_id WHERE r.acknowledged_us IS NULL ORDER BY r.made_us LIMIT ?",
            (most,),
        )
        return tuple(DayRoot(*row) for row in rows.fetchall())

    def prove(self, box: str, camera: str, stream: str, at_us: int) -> SegmentProof:
        """Proof for the segment that holds the moment `at_us`. Raises NotFound: no such footage, or its day is not closed."""
        row = self._index.read().execute("SELECT id FROM camera WHERE slug = ?", (camera,)).fetchone()
        if row is None:
            raise NotFound(f"There is no camera {camera}.", advice="`belvedere camera list` names them.")
        for day in (at_us // DAY_US, at_us // DAY_US - 1):  # a segment may reach over midnight
            leaves = day_leaves(self._index, row[0], day)
            for n, leaf in enumerate(leaves):
                if leaf.stream == stream and leaf.start_us <= at_us < leaf.start_us + leaf.dur_us:
                    version, root = self._newest(row[0], day)
                    if root != day_root(leaves, camera):
                        raise NotFound(
                            "This camera-day changed and has no new root yet.", advice="Try again in a few minutes."
                        )
                    path = day_proof(leaves, camera, n)
                    return SegmentProof(box, camera, day, version, n, len(leaves), root, leaf.entry(camera), path)
        raise NotFound("No segment of that stream holds this moment.", advice="Look at the timeline.")

    def _newest(self, camera_id: int, day: int) -> tuple[int, bytes]:
        row = (
            self._index.read()
            .execute(
                "SELECT version, root FROM day_root WHERE camera_id = ? AND day = ? ORDER BY version DESC LIMIT 1",
                (camera_id, day),
            )
            .fetchone()
        )
        if row is None:
            raise NotFound("This camera-day is not closed yet.", advice="Its root is made after midnight UTC.")
        return int(row[0]), bytes(row[1])

    def _camera(self, camera_id: int) -> str:
        return str(self._index.read().execute("SELECT slug FROM camera WHERE id = ?", (camera_id,)).fetchone()[0])
