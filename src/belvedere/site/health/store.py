"""Health in the site index. Thread-safe as the index is."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from belvedere.foundation.clock import DAY_US
from belvedere.foundation.errors import NotFound
from belvedere.link.health import Fault, Outage, StateChange
from belvedere.site.health.hours import Day, HourRecord, RunSpan, pack_day, unpack_day
from belvedere.site.health.views import References, pack_references, unpack_references
from belvedere.site.storage.index import Index

KEPT_DAYS = 396  # 13 months
MOST_FAULTS = 5000  # in one answer, the longest unchanged first


@cache
def _statements() -> Mapping[str, str]:
    text = (files("belvedere.site.health") / "health.sql").read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


@dataclass(frozen=True, slots=True)
class StreamRow:
    """A stream as the index knows it."""

    id: int
    camera_id: int
    camera: str
    stream: str


class HealthStore:
    """Reads and writes. Raises StorageFault where the index does."""

    def __init__(self, index: Index) -> None:
        self._index = index

    # Streams and their runs.

    def streams(self) -> list[StreamRow]:
        """Streams of cameras that were not removed."""
        rows = self._index.read().execute(
            "SELECT s.id, s.camera_id, c.slug, s.kind FROM stream s JOIN camera c ON c.id = s.camera_id "
            "WHERE NOT c.removed ORDER BY c.slug, s.kind"
        )
        return [StreamRow(*row) for row in rows.fetchall()]

    def all_streams(self) -> list[StreamRow]:
        """Streams of removed cameras too."""
        rows = self._index.read().execute(
            "SELECT s.id, s.camera_id, c.slug, s.kind FROM stream s JOIN camera c ON c.id = s.camera_id ORDER BY s.id"
        )
        return [StreamRow(*row) for row in rows.fetchall()]

    def runs(self, stream_id: int, from_us: int, to_us: int) -> list[RunSpan]:
        """Recorded runs that touch the span, and the one before them."""
        rows = self._read("runs", stream_id=stream_id, from_us=from_us, to_us=to_us)
        return [RunSpan(*row) for row in rows]

    def first_run_us(self, stream_id: int) -> int | None:
        (row,) = self._read("first_run", stream_id=stream_id)
        return None if row[0] is None else int(row[0])

    # Hours.

    def settled_us(self) -> int | None:
        row = self._index.read().execute("SELECT settled_us FROM health_mark").fetchone()
        return None if row is None else int(row[0])

    def days(self, stream_id: int, from_day: int, to_day: int) -> dict[int, Day]:
        """Days with hours in [from_day, to_day]."""
        rows = self._read("days", stream_id=stream_id, from_day=from_day, to_day=to_day)
        return {int(day): unpack_day(hours) for day, hours in rows}

    def put_hours(self, hours: Mapping[tuple[int, int], Mapping[int, HourRecord]], settled_us: int | None) -> None:
        """Write hours by (stream, day) over those already there, and how far all is settled (None: as it was)."""
        with self._index.write() as db:
            for (stream_id, day), records in hours.items():
                row = db.execute(
                    "SELECT hours FROM health_day WHERE stream_id = ? AND day = ?", (stream_id, day)
                ).fetchone()
                merged = {**(unpack_day(row[0]) if row else {}), **records}
                db.execute(_statements()["put_day"], {"stream_id": stream_id, "day": day, "hours": pack_day(merged)})
            if settled_us is not None:
                db.execute(_statements()["put_mark"], {"settled_us": settled_us})

    def forget(self, now_us: int) -> None:
        """Drop what is older than 13 months."""
        before_us = now_us - KEPT_DAYS * DAY_US
        with self._index.write() as db:
            db.execute("DELETE FROM health_day WHERE day < ?", (before_us // DAY_US,))
            db.execute(
                "DELETE FROM health_state WHERE at_us < ? AND at_us < "
                "(SELECT max(at_us) FROM health_state n WHERE n.stream_id = health_state.stream_id)",
                (before_us,),
            )
            db.execute("DELETE FROM fault WHERE closed_us < ?", (before_us,))
            db.execute("DELETE FROM outage WHERE end_us < ?", (before_us,))

    # States.

    def last_states(self) -> dict[int, tuple[str, str]]:
        """The newest state and message of each stream."""
        return {row[0]: (row[1], row[2]) for row in self._read("last_states")}

    def states(self, stream_id: int, from_us: int, to_us: int) -> list[StateChange]:
        rows = self._read("states", stream_id=stream_id, from_us=from_us, to_us=to_us)
        return [StateChange(*row) for row in rows]

    def put_states(self, changes: Iterable[tuple[int, StateChange]]) -> None:
        with self._index.write() as db:
            db.executemany(
                _statements()["put_state"],
                [
                    {"stream_id": stream_id, "at_us": change.at_us, "state": change.state, "message": change.message}
                    for stream_id, change in changes
                ],
            )

    def wanted(self, stream_id: int, from_us: int, to_us: int) -> list[tuple[int, int]]:
        """When the stream was switched on within [from_us, to_us). Before anything is known of it, it counts from its first run."""
        first_us = self.first_run_us(stream_id)
        switches = [(int(at), bool(off)) for at, off in self._read("switches", stream_id=stream_id, to_us=to_us)]
        known = [at for at, off in switches if not off]
        starts = [us for us in (first_us, known[0] if known else None) if us is not None]
        if not starts:
            return []
        spans: list[tuple[int, int]] = []
        on_us: int | None = min(starts)
        for at_us, off in switches:
            if off and on_us is not None:
                spans.append((on_us, at_us))
                on_us = None
            elif not off and on_us is None:
                on_us = at_us
        if on_us is not None:
            spans.append((on_us, to_us))
        cut = [(max(a, from_us), min(b, to_us)) for a, b in spans]
        return [(a, b) for a, b in cut if a < b]

    def clock_points(self, stream_id: int, from_us: int) -> list[tuple[int, float]]:
        """The camera's clock error in quarters of an hour: (time, error), microseconds."""
        return [
            (int(at), float(error)) for at, error in self._read("clock_points", stream_id=stream_id, from_us=from_us)
        ]

    # Faults.

    def faults(self, changed_us: int) -> tuple[Fault, ...]:
        """Open faults, and those that changed at or after `changed_us`; those unchanged longest first, MOST_FAULTS at most."""
        rows = self._read("faults", changed_us=changed_us, most=MOST_FAULTS)
        return tuple(Fault(*row) for row in rows)

    def put_faults(self, faults: Sequence[Fault]) -> None:
        with self._index.write() as db:
            for fault in sorted(
                faults, key=lambda each: each.closed_us is None
            ):  # what closes makes room for what opens
                db.execute(_statements()["put_fault"], msgspec.structs.asdict(fault))

    # Planned outages.

    def outages(self, from_us: int) -> tuple[Outage, ...]:
        """Those that end after `from_us`, by start."""
        return tuple(Outage(*row) for row in self._read("outages", from_us=from_us))

    def put_outage(self, outage: Outage) -> None:
        with self._index.write() as db:
            db.execute(_statements()["put_outage"], msgspec.structs.asdict(outage))

    def end_outage(self, outage_id: str, now_us: int) -> None:
        """End it now; one that has not begun goes. Raises NotFound."""
        with self._index.write() as db:
            gone = db.execute("DELETE FROM outage WHERE id = ? AND start_us >= ?", (outage_id, now_us)).rowcount
            ended = db.execute(
                "UPDATE outage SET end_us = ? WHERE id = ? AND end_us > ?", (now_us, outage_id, now_us)
            ).rowcount
        if not gone and not ended:
            raise NotFound(
                "There is no such planned outage to end.", advice="It may have ended already: reload the page."
            )

    # Views.

    def references(self) -> dict[int, References]:
        """What each camera's view usually looks like. Figures that this version can't read are left out, to be learnt anew."""
        found: dict[int, References] = {}
        for camera_id, blob in self._index.read().execute("SELECT camera_id, figures FROM view_reference").fetchall():
            try:
                found[int(camera_id)] = unpack_references(blob)
            except msgspec.MsgspecError:
                continue
        return found

    def put_references(self, references: Mapping[int, References], now_us: int) -> None:
        with self._index.write() as db:
            db.executemany(
                _statements()["put_reference"],
                [
                    {"camera_id": camera_id, "figures": pack_references(each), "made_us": now_us}
                    for camera_id, each in references.items()
                ],
            )

    # Disks.

    def oldest_kept_us(self, disk_id: int) -> int | None:
        """When the oldest footage on a disk came there."""
        rows = self._read("oldest_kept", disk_id=disk_id)
        return int(rows[0][0]) if rows else None

    @property
    def index(self) -> Index:
        """The index that all of it is in."""
        return self._index

    def _read(self, name: str, **values: int | str) -> list[Any]:
        return self._index.read().execute(_statements()[name], values).fetchall()
