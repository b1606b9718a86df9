"""Taking in what sites send: everything new of a batch and the mark that says so in one transaction, then the answer."""

import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, Engine, func, insert, select, text, update

from belvedere.foundation.clock import Clock
from belvedere.hub.fleet.tables import site_gap, site_mark, site_record
from belvedere.hub.storage import reading, writing
from belvedere.hub.storage.rows import put_rows
from belvedere.link.records import Batch, Record

log = structlog.get_logger()

# Two hub processes that are sent one batch (an answer was lost, the site dialled again) take it one after the other.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:lane, 0))")

# Told of new records of one kind once they are committed: site, records. A crash in between loses the telling, not the records.
Ear = Callable[[str, Sequence[Record]], None]


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers [first, end) of a lane that a site had dropped before they came."""

    site: str
    lane: int
    first: int
    end: int
    found_us: int


class RecordBook:
    """Blocks; thread-safe. One writer at a time on SQLite, one a lane on PostgreSQL; ears hear one batch at a time."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._turn = threading.Lock()
        self._writes = self._turn if engine.dialect.name == "sqlite" else nullcontext()
        self._ears: dict[str, Ear] = {}
        self.taken = 0
        self.repeated = 0

    def hear(self, kind: str, ear: Ear) -> None:
        """Have `ear` told of new records of a kind."""
        self._ears[kind] = ear

    def take(self, site: str, batch: Batch) -> int:
        """Everything below the number returned is durable here. An empty batch only asks. Raises StorageFault."""
        with self._writes:
            fresh, next_seq = self._take(site, batch)
        with self._turn:
            self._told(site, batch, fresh)
        return next_seq

    def _told(self, site: str, batch: Batch, fresh: Sequence[Record]) -> None:
        self.taken += len(fresh)
        self.repeated += len(batch.records) - len(fresh)
        for kind in dict.fromkeys(record.kind for record in fresh):
            if (ear := self._ears.get(kind)) is not None:
                try:
                    ear(site, [record for record in fresh if record.kind == kind])
                except msgspec.MsgspecError as error:  # a newer site says more than this hub knows; the record is kept
                    log.warning("record_not_understood", site=site, kind=kind, reason=str(error))

    def _take(self, site: str, batch: Batch) -> tuple[Sequence[Record], int]:
        epoch, now_us = batch.epoch.hex(), self._clock.now_us()
        key = {"site_id": site, "epoch": epoch, "lane": batch.lane}
        if not batch.records:
            with reading(self._engine) as connection:
                return (), self._mark(connection, key) or 1
        with writing(self._engine) as connection:
            if connection.dialect.name == "postgresql":  # SQLite has one writer as it is
                connection.execute(_LOCK, {"lane": f"{site} {epoch} {batch.lane}"})
            known = self._mark(connection, key)
            mark = known or 1
            if batch.first > mark:  # the site had to drop what lies between, or this database was set back too far
                log.error("records_missing", site=site, lane=batch.lane, first=mark, end=batch.first)
                gap = {**key, "first_seq": mark, "end_seq": batch.first, "found_us": now_us}
                connection.execute(insert(site_gap).values(**gap))
                mark = batch.first
            fresh = batch.records[mark - batch.first :]
            next_seq = max(mark, batch.first + len(batch.records))
            if fresh:
                lane = batch.lane  # columns as in the table
                put_rows(
                    connection,
                    site_record,
                    [
                        (site, epoch, lane, mark + at, record.kind[:32], record.time_us, now_us, record.body)
                        for at, record in enumerate(fresh)
                    ],
                )
            if known is None:
                connection.execute(insert(site_mark).values(**key, next_seq=next_seq, heard_us=now_us))
            else:
                mine = (site_mark.c.site_id == site) & (site_mark.c.epoch == epoch) & (site_mark.c.lane == batch.lane)
                connection.execute(update(site_mark).where(mine).values(next_seq=next_seq, heard_us=now_us))
        return fresh, next_seq

    @staticmethod
    def _mark(connection: Connection, key: dict[str, Any]) -> int | None:
        mine = (
            (site_mark.c.site_id == key["site_id"])
            & (site_mark.c.epoch == key["epoch"])
            & (site_mark.c.lane == key["lane"])
        )
        # The row is held until the end of the transaction: another process of the hub may have the same batch in hand.
        found: int | None = connection.scalar(select(site_mark.c.next_seq).where(mine).with_for_update())
        return found

    def gaps(self) -> list[Gap]:
        """All gaps, newest first. There should be none."""
        query = select(site_gap).order_by(site_gap.c.found_us.desc())
        with reading(self._engine) as connection:
            return [
                Gap(row.site_id, row.lane, row.first_seq, row.end_seq, row.found_us)
                for row in connection.execute(query)
            ]

    def count(self, site: str) -> int:
        """How many records of a site are here."""
        with reading(self._engine) as connection:
            query = select(func.count()).select_from(site_record).where(site_record.c.site_id == site)
            return int(connection.scalar(query) or 0)
