"""Counts footage that was not counted as it passed: from before activity was kept, or saved after a crash.

From the index alone: no file is opened and no key is used. Small steps, so that recording never waits for it.
"""

from dataclasses import dataclass

from belvedere.site.activity.seconds import pack, seconds_of_records
from belvedere.site.activity.store import statements
from belvedere.site.storage import fragments
from belvedere.site.storage.index import Index

_WALK = 500  # index entries looked at in a step
_COUNT = 50  # segments counted in a step


@dataclass(slots=True)
class Backfill:
    """A walk over all segments, stream by stream. `step` until it says that it is done; a new walk begins then."""

    index: Index
    counted: int = 0
    _stream_id: int = 0
    _start_us: int = -(1 << 62)
    _id: int = 0

    def step(self) -> bool:
        """One small step; False at the end of the walk. Raises StorageFault."""
        place = {"stream_id": self._stream_id, "start_us": self._start_us, "id": self._id}
        rows = self.index.read().execute(statements()["not_counted"], place | {"count": _WALK}).fetchall()
        missing: list[int] = []
        for stream_id, start_us, number, known in rows:
            self._stream_id, self._start_us, self._id = stream_id, start_us, number
            if not known:
                missing.append(number)
                if len(missing) >= _COUNT:
                    break
        blobs = [(number, self._count(number)) for number in missing]
        values = [{"id": number, "sizes": blob} for number, blob in blobs if blob is not None]
        if values:
            with self.index.write() as db:
                db.executemany(statements()["put_counted"], values)
            self.counted += len(values)
        if not rows:
            self._stream_id, self._start_us, self._id = 0, -(1 << 62), 0
        return bool(rows)

    def _count(self, segment_id: int) -> bytes | None:
        row = self.index.read().execute(statements()["to_count"], {"id": segment_id}).fetchone()
        if row is None:
            return None  # still open, of sound, or deleted meanwhile
        media_start_90k, blob = row
        try:
            records = fragments.unpack(blob)
        except ValueError:
            return None
        return pack(seconds_of_records(records, media_start_90k))
