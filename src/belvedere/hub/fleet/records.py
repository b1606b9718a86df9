"""Taking in what sites send: everything new of a batch and the mark that says so in one transaction, then the answer."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, Engine, bindparam, func, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import HOUR_US, Clock
from belvedere.foundation.errors import StorageFault
from belvedere.hub.fleet.tables import site_gap, site_mark, site_record
from belvedere.hub.storage import reading, writing
from belvedere.hub.storage.days import keep_ahead
from belvedere.hub.storage.rows import put_rows
from belvedere.link.records import Batch, Record

MOST_WAITING = 512  # batches, for all sites; a site sends one after the other
_TOGETHER = 12  # in one transaction: what comes while it runs waits for it, and then for its own
_WRITERS = {
    "sqlite": 1,
    "postgresql": 4,
}  # threads of their own: whoever else uses the process's threads holds up no record

log = structlog.get_logger()

# Two hub processes that are sent one batch (an answer was lost, the site dialled again) take it one after the other.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:lane, 0))")

# Made once: to put them together takes longer than to carry them out.
_LANE = (
    (site_mark.c.site_id == bindparam("its_site"))
    & (site_mark.c.epoch == bindparam("its_epoch"))
    & (site_mark.c.lane == bindparam("its_lane"))
)
# The row is held until the end of the transaction: another process of the hub may have the same batch in hand.
_MARK = select(site_mark.c.next_seq).where(_LANE).with_for_update()
_MOVE = update(site_mark).where(_LANE).values(next_seq=bindparam("to_seq"), heard_us=bindparam("at_us"))

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


@dataclass(slots=True)
class _Waiting:
    """A batch that waits for the next transaction."""

    site: str
    batch: Batch
    coming: "asyncio.Future[int]"


class RecordBook:
    """Blocks; thread-safe. One writer at a time on SQLite, one a lane on PostgreSQL; ears hear one batch at a time.

    `bring` is for an event loop: batches that wait for a commit go into the next transaction together.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._turn = threading.Lock()
        self._writes = self._turn if engine.dialect.name == "sqlite" else nullcontext()
        self._ears: dict[str, Ear] = {}
        self._looked_hour = -1
        self.taken = 0
        self.repeated = 0
        self.refused = 0  # batches that could not be kept; the sites have them still
        # Invariant: at most MOST_WAITING, and while there is one, a task of `_bringing` runs. Touched on the event loop only.
        self._waiting: list[_Waiting] = []
        self._bringing: set[asyncio.Task[None]] = set()
        self._writers = _WRITERS[engine.dialect.name]
        self._threads = ThreadPoolExecutor(self._writers, "records")  # they end with this object

    def hear(self, kind: str, ear: Ear) -> None:
        """Have `ear` told of new records of a kind."""
        self._ears[kind] = ear

    async def bring(self, site: str, batch: Batch) -> int:
        """`take`, together with what other sites bring meanwhile. Raises StorageFault, also when too many wait."""
        if not batch.records:
            return await asyncio.to_thread(self.take, site, batch)
        if len(self._waiting) >= MOST_WAITING:
            raise StorageFault("Too many records wait at the hub.", advice="The site sends them again by itself.")
        coming: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(site, batch, coming))
        if len(self._bringing) < self._writers:
            task = asyncio.create_task(self._bring_all(), name="records")
            self._bringing.add(task)
            task.add_done_callback(self._bringing.discard)
        return await coming

    async def _bring_all(self) -> None:
        loop = asyncio.get_running_loop()
        while part := self._waiting[:_TOGETHER]:
            del self._waiting[:_TOGETHER]
            part.sort(key=lambda each: (each.site, each.batch.epoch, each.batch.lane))  # lanes are locked in one order
            taken = await loop.run_in_executor(self._threads, self._take_together, part)
            for each, came in zip(part, taken, strict=True):
                if each.coming.done():
                    continue  # the site hung up meanwhile
                if isinstance(came, int):
                    each.coming.set_result(came)
                else:
                    each.coming.set_exception(came)

    def _take_together(self, part: list[_Waiting]) -> "list[int | StorageFault]":
        """All in one transaction; one by one when that fails, so that a batch that can't be kept costs the others nothing."""
        if len(part) > 1:
            try:
                return list(self._take_all([(each.site, each.batch) for each in part]))
            except StorageFault as error:
                log.warning("records_one_by_one", batches=len(part), reason=error.message)
        found: list[int | StorageFault] = []
        for each in part:
            try:
                found.append(self.take(each.site, each.batch))
            except StorageFault as error:
                found.append(error)
        return found

    def take(self, site: str, batch: Batch) -> int:
        """Everything below the number returned is durable here. An empty batch only asks. Raises StorageFault."""
        return self._take_all([(site, batch)])[0]

    def _take_all(self, batches: Sequence[tuple[str, Batch]]) -> list[int]:
        """Batches in their order, in one transaction; then what is new is told."""
        self._look_ahead()
        try:
            with self._writes:
                if not any(batch.records for _, batch in batches):
                    with reading(self._engine) as connection:
                        return [self._mark(connection, _key(site, batch)) or 1 for site, batch in batches]
                with writing(self._engine, urgent=True) as connection:
                    found = [self._take(connection, site, batch) for site, batch in batches]
        except SQLAlchemyError as error:  # disk full, database busy or gone: nothing of it was written
            self.refused += len(batches)
            log.error("records_not_kept", batches=len(batches), reason=str(getattr(error, "orig", error)))
            raise StorageFault(
                "The hub can't keep records now; they wait at the site.", advice="Check the hub's disk and database."
            ) from error
        with self._turn:
            for (site, batch), (fresh, _) in zip(batches, found, strict=True):
                self._told(site, batch, fresh)
        return [next_seq for _, next_seq in found]

    def _look_ahead(self) -> None:
        """Once an hour: have the next days' partitions before their first record comes."""
        hour = self._clock.now_us() // HOUR_US
        if hour != self._looked_hour:
            self._looked_hour = hour
            try:
                keep_ahead(self._engine, self._clock)
            except SQLAlchemyError as error:  # no right to make tables, say: the default partition takes the records
                log.error("days_not_made", reason=str(error.__cause__ or error))

    def _told(self, site: str, batch: Batch, fresh: Sequence[Record]) -> None:
        self.taken += len(fresh)
        self.repeated += len(batch.records) - len(fresh)
        for kind in dict.fromkeys(record.kind for record in fresh):
            if (ear := self._ears.get(kind)) is not None:
                try:
                    ear(site, [record for record in fresh if record.kind == kind])
                except msgspec.MsgspecError as error:  # a newer site says more than this hub knows; the record is kept
                    log.warning("record_not_understood", site=site, kind=kind, reason=str(error))

    def _take(self, connection: Connection, site: str, batch: Batch) -> tuple[Sequence[Record], int]:
        key, now_us = _key(site, batch), self._clock.now_us()
        epoch, lane = key["epoch"], batch.lane
        if connection.dialect.name == "postgresql":  # SQLite has one writer as it is
            connection.execute(_LOCK, {"lane": f"{site} {epoch} {lane}"})
        known = self._mark(connection, key)
        mark = known or 1
        if not batch.records:
            return (), mark
        if batch.first > mark:  # the site had to drop what lies between, or this database was set back too far
            log.error("records_missing", site=site, lane=lane, first=mark, end=batch.first)
            gap = {**key, "first_seq": mark, "end_seq": batch.first, "found_us": now_us}
            connection.execute(insert(site_gap).values(**gap))
            mark = batch.first
        fresh = batch.records[mark - batch.first :]
        next_seq = max(mark, batch.first + len(batch.records))
        if fresh:
            rows = [  # columns as in the table
                (site, epoch, lane, mark + at, record.kind[:32], record.time_us, now_us, record.body)
                for at, record in enumerate(fresh)
            ]
            put_rows(connection, site_record, rows)
        if known is None:
            connection.execute(insert(site_mark).values(**key, next_seq=next_seq, heard_us=now_us))
        else:
            connection.execute(_MOVE, {**_its(key), "to_seq": next_seq, "at_us": now_us})
        return fresh, next_seq

    @staticmethod
    def _mark(connection: Connection, key: dict[str, Any]) -> int | None:
        found: int | None = connection.scalar(_MARK, _its(key))
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


def _key(site: str, batch: Batch) -> dict[str, Any]:
    return {"site_id": site, "epoch": batch.epoch.hex(), "lane": batch.lane}


def _its(key: dict[str, Any]) -> dict[str, Any]:
    return {f"its_{name.removesuffix('_id')}": value for name, value in key.items()}
