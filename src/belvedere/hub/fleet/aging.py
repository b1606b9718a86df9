"""Records that sites told end with their time: whole days on PostgreSQL, small portions on SQLite; what a hold needs stays.

Why, and after how long: docs/design/hub.md.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
import structlog
from sqlalchemy import Engine, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import DAY_US, Clock, iso
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.fleet.tables import site_gap, site_mark, site_record
from belvedere.hub.retention.store import RetentionStore
from belvedere.hub.storage import reading, writing
from belvedere.hub.storage.days import days_before, rest_of

DROPPED = "site.records_dropped"
LOOK_EVERY_S = 3600.0
_FIRST_LOOK_S = 600.0
_PORTION = 2_000  # rows in one transaction: records that come meanwhile wait for one of these at most
_REST_S = 0.2  # between two portions
_LOCK_MS = 2_000  # how long dropping a day may wait for those who write; it is tried again at the next look

log = structlog.get_logger()


@cache
def _sql() -> Mapping[str, str]:
    words = (files("belvedere.hub.fleet") / "aging.sql").read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)\n", words, flags=re.MULTILINE)[1:]
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


@dataclass(slots=True)
class Dropped:
    """What one look took away. `held`: records that stayed because of a hold or a card, whatever their age."""

    before_us: int
    records: dict[str, int] = field(default_factory=dict)  # by site
    held: int = 0

    def count(self, site: str, records: int, held: int) -> None:
        self.held += held
        if records:
            self.records[site] = self.records.get(site, 0) + records


class RecordAging:
    """For the hub's event loop; one for all processes of a hub."""

    def __init__(self, engine: Engine, clock: Clock, audit: AuditLog, days: int) -> None:
        """`days`: how long records stay, counted from when they came here, by the hub's clock."""
        self._engine = engine
        self._clock = clock
        self._audit = audit
        self._days = days
        self._holds = RetentionStore(engine)

    async def run(self) -> None:
        """Look each hour, until cancelled."""
        await asyncio.sleep(_FIRST_LOOK_S)
        while True:
            try:
                await self.look()
            except SQLAlchemyError as error:  # busy, or full: what is too old goes at the next look
                log.warning("records_not_dropped", reason=str(getattr(error, "orig", error)))
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> Dropped:
        """Drop what is too old; in the log when there was any. Raises SQLAlchemyError."""
        gone = Dropped((self._clock.now_us() // DAY_US - self._days) * DAY_US)
        try:
            if self._engine.dialect.name == "postgresql":
                for part in await asyncio.to_thread(self._parts, gone.before_us):
                    await asyncio.to_thread(self._drop_day, part, gone)
                await asyncio.to_thread(self._drop_of_rest, gone)
            else:
                for lane in await asyncio.to_thread(self._lanes):
                    after = await asyncio.to_thread(self._drop_portion, lane, 0, gone)
                    while after is not None:
                        await asyncio.sleep(_REST_S)
                        after = await asyncio.to_thread(self._drop_portion, lane, after, gone)
        finally:  # what is gone is said, also where the rest failed
            if gone.records:
                facts = {"before": iso(gone.before_us), "days": self._days, "records": sum(gone.records.values())}
                await self._audit.append(DROPPED, "hub", {**facts, "sites": gone.records, "held": gone.held})
        return gone

    def missing(self) -> list[tuple[str, int, int]]:
        """Lanes in which numbers are neither here nor accounted for: site, lane, how many. Never expected. Blocks."""
        found = []
        with reading(self._engine) as connection:
            gaps = list(connection.execute(select(site_gap)))
            for lane in connection.execute(text(_sql()["lanes_held"])):
                said = sum(
                    max(0, gap.end_seq - max(gap.first_seq, lane.dropped_seq))
                    for gap in gaps
                    if (gap.site_id, gap.epoch, gap.lane) == (lane.site_id, lane.epoch, lane.lane)
                )
                lost = lane.next_seq - lane.dropped_seq - lane.here - said
                if lost:
                    found.append((lane.site_id, lane.lane, lost))
        return found

    def _words(self, name: str, part: str = "") -> Any:
        kept = _sql()[f"spans_{self._engine.dialect.name}"]
        return text(_sql()[name].format(kept=kept, part=part) if "{" in _sql()[name] else _sql()[name])

    def _spans(self) -> str:
        """What holds that live keep, as the statements take it."""
        holds = self._holds.holds(live=True)
        spans = [(f'{camera}"', hold.from_us, hold.to_us) for hold in holds for camera in hold.cameras]
        return msgspec.json.encode(spans).decode()

    def _lanes(self) -> list[dict[str, Any]]:
        query = select(site_mark.c.site_id, site_mark.c.epoch, site_mark.c.lane)
        with reading(self._engine) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def _drop_portion(self, lane: dict[str, Any], after: int, gone: Dropped) -> int | None:
        """Go on behind `after` in a lane; the last number looked at, None where the rest is young enough."""
        with reading(self._engine) as connection:
            rows = connection.execute(self._words("portion"), {**lane, "after": after, "rows": _PORTION}).all()
        old = [row.seq for row in rows if row.received_us < gone.before_us]
        if not old:
            return None
        span = {**lane, "after": after, "last": old[-1], "before": gone.before_us, "spans": self._spans()}
        with writing(self._engine) as connection:
            taken = connection.execute(self._words("drop_portion"), span).rowcount
            if taken:
                connection.execute(self._words("move_mark"), {**lane, "dropped": old[-1] + 1})
        gone.count(lane["site_id"], taken, len(old) - taken)
        return old[-1] if len(old) == _PORTION else None

    def _parts(self, before_us: int) -> list[str]:
        with reading(self._engine) as connection:
            return days_before(inspect(connection).get_table_names(), site_record.name, before_us)

    def _drop_day(self, part: str, gone: Dropped) -> None:
        """Drop a whole day; what is kept of it moves to the default partition."""
        asked = {"spans": self._spans(), "before": gone.before_us}
        with writing(self._engine) as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = {_LOCK_MS}"))
            lanes = connection.execute(self._words("count_day", part), asked).all()
            connection.execute(text("CREATE TEMPORARY TABLE kept_of_day (LIKE site_record) ON COMMIT DROP"))
            connection.execute(self._words("keep_of_day", part), {"spans": asked["spans"]})
            connection.execute(text(f"DROP TABLE {part}"))
            connection.execute(text("INSERT INTO site_record SELECT * FROM kept_of_day"))
            for lane in lanes:
                which = {"site_id": lane.site_id, "epoch": lane.epoch, "lane": lane.lane}
                connection.execute(self._words("move_mark"), {**which, "dropped": lane.last + 1})
        for lane in lanes:
            gone.count(lane.site_id, lane.aged - lane.held, lane.held)

    def _drop_of_rest(self, gone: Dropped) -> None:
        """Of what no day was made for, and of what a hold kept: rows that are few."""
        part, asked = rest_of(site_record.name), {"spans": self._spans(), "before": gone.before_us}
        with writing(self._engine) as connection:
            lanes = connection.execute(self._words("count_day", part), asked).all()
            loose = [lane for lane in lanes if lane.aged > lane.held]
            if not loose:
                return
            connection.execute(self._words("drop_rest", part), asked)
            for lane in loose:
                which = {"site_id": lane.site_id, "epoch": lane.epoch, "lane": lane.lane}
                connection.execute(self._words("move_mark"), {**which, "dropped": lane.last + 1})
        for lane in loose:
            gone.count(lane.site_id, lane.aged - lane.held, 0)
