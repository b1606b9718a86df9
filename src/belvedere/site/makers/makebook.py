"""What each camera is, and the advisory file in force: tables camera_make and advisory_file."""

import sqlite3
import threading
from datetime import UTC, datetime

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import BadInput, NotFound
from belvedere.link.cameras import AdvisoryFile, CameraMake, CameraMakes
from belvedere.site.makers.advisories import Advisories, check_signature, read_advisories, support_state
from belvedere.site.storage.index import Index

TOLD_BY = ("person", "sheet", "onvif")
_LONGEST = 120
_PUT = """
INSERT INTO camera_make (camera_id, make, model, firmware, told_by, told_us)
SELECT id, coalesce(:make, ''), coalesce(:model, ''), coalesce(:firmware, ''), :told_by, :now_us
FROM camera WHERE slug = :camera AND NOT removed
ON CONFLICT (camera_id) DO UPDATE SET make = coalesce(:make, make), model = coalesce(:model, model),
    firmware = coalesce(:firmware, firmware), told_by = :told_by, told_us = :now_us
"""
# What an ONVIF device told of itself fills what nobody entered; its firmware also replaces what was entered before.
_ALL = """
SELECT c.slug, c.name,
       coalesce(nullif(m.make, ''), d.manufacturer, ''), coalesce(nullif(m.model, ''), d.model, ''),
       CASE WHEN coalesce(d.firmware, '') <> '' AND (coalesce(m.firmware, '') = '' OR d.seen_us > m.told_us)
            THEN d.firmware ELSE coalesce(m.firmware, '') END,
       coalesce(m.told_by, CASE WHEN d.seen_us > 0 THEN 'onvif' END, ''), coalesce(m.told_us, d.seen_us, 0)
FROM camera c LEFT JOIN camera_make m ON m.camera_id = c.id LEFT JOIN device d ON d.camera_id = c.id
WHERE NOT c.removed ORDER BY c.slug
"""


class MakeBook:
    """Reads and writes what cameras are. Thread-safe."""

    def __init__(self, index: Index, clock: Clock) -> None:
        self._index = index
        self._clock = clock
        self._lock = threading.Lock()
        self._read: tuple[int, Advisories, AdvisoryFile] | None = None  # by the time at which the file was loaded

    def put(self, camera: str, make: str | None, model: str | None, firmware: str | None, told_by: str) -> None:
        """Note what a camera is; None leaves a field as it was. Raises NotFound, BadInput."""
        with self._index.write() as db:
            self.put_in(db, camera, make, model, firmware, told_by)

    def put_in(
        self,
        db: sqlite3.Connection,
        camera: str,
        make: str | None,
        model: str | None,
        firmware: str | None,
        told_by: str,
    ) -> None:
        """The same inside a transaction of the caller's."""
        if told_by not in TOLD_BY:
            raise BadInput(f"{told_by!r} tells nothing of cameras.", advice=f"Say one of {', '.join(TOLD_BY)}.")
        fields = {"make": make, "model": model, "firmware": firmware}
        row: dict[str, str | int | None] = {"camera": camera, "told_by": told_by, "now_us": self._clock.now_us()}
        for name, text in fields.items():
            if text is not None and (len(text) > _LONGEST or not text.isprintable()):
                raise BadInput(f"The {name} of {camera} can't be right.", advice=f"Give {_LONGEST} letters at most.")
            row[name] = None if text is None else text.strip()
        if not db.execute(_PUT, row).rowcount:
            raise NotFound(f"There is no camera {camera}.", advice="`belvedere camera list` names them.")

    def load(self, data: bytes, signature: bytes, key: bytes) -> AdvisoryFile:
        """Put an advisory file in force. Raises BadInput; then the one before stays."""
        if bool(signature) != bool(key):
            raise BadInput("A signature is checked with a key, and a key checks a signature.", advice="Give both.")
        if key:
            check_signature(data, signature, key)
        read_advisories(data)
        with self._index.write() as db:
            db.execute(
                "INSERT OR REPLACE INTO advisory_file (id, data, signed_by, loaded_us) VALUES (1, ?, ?, ?)",
                (data, key.hex(), self._clock.now_us()),
            )
        with self._lock:
            self._read = None
        kept = self._file()
        assert kept is not None
        return kept[1]

    def _file(self) -> tuple[Advisories, AdvisoryFile] | None:
        with self._lock:
            if self._read is None:
                sql = "SELECT data, signed_by, loaded_us FROM advisory_file"
                row = self._index.read().execute(sql).fetchone()
                if row is None:
                    return None
                read = read_advisories(row[0])
                told = AdvisoryFile(
                    publisher=read.publisher,
                    issued=read.issued.isoformat(),
                    sha256=read.sha256,
                    loaded_us=row[2],
                    advisories=len(read.advisories),
                    models=len(read.support),
                    signed_by=row[1],
                )
                self._read = (row[2], read, told)
            return self._read[1:]

    def all(self) -> CameraMakes:
        """Every camera that was not removed, with what the file in force knows against it."""
        file = self._file()
        today = datetime.fromtimestamp(self._clock.now_us() / SECOND_US, UTC).date()
        cameras = []
        for camera, name, make, model, firmware, told_by, told_us in self._index.read().execute(_ALL).fetchall():
            support = file[0].support_of(make, model) if file else None
            cameras.append(
                CameraMake(
                    camera=camera,
                    name=name,
                    make=make,
                    model=model,
                    firmware=firmware,
                    told_by=told_by,
                    told_us=told_us,
                    faults=file[0].faults(make, model, firmware) if file else (),
                    support_ends=support.ends.isoformat() if support else "",
                    support=support_state(support.ends if support else None, today),
                    support_source=support.source if support else "",
                )
            )
        return CameraMakes(tuple(cameras), file[1] if file else None)
