"""What the log says of people is erased when its time is up: salt and record go, the hash stays, the tree is whole.

Order: the log says that it will be so, then it is done; a crash in between is made good at the next turn. Always from the
first entry up to some entry, so that an empty row beyond it is known to have been emptied by somebody else. At most 31 days'
worth a night: a clock that is years ahead does a month's damage before somebody sees it, not all of it.
"""

import asyncio

import structlog
from sqlalchemy import Engine, delete, func, select, update

from belvedere.foundation.clock import DAY_US, Clock
from belvedere.hub.audit.hours import take_off
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.audit.rows import ERASED
from belvedere.hub.audit.tables import audit_about
from belvedere.hub.custody.vault import forget_deleted
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import audit_entry

YEAR_US = int(365.25 * DAY_US)
NIGHT_US = 31 * DAY_US  # the most that one night erases
_EVERY_S = 3600.0
_AT_ONCE = 5000
_LOG = structlog.get_logger(__name__)


class LogErasure:
    """Erases what is older than `years`; 0 keeps everything. For the event loop."""

    def __init__(self, engine: Engine, log: AuditLog, clock: Clock, years: int) -> None:
        self._engine = engine
        self._log = log
        self._clock = clock
        self._years = years
        self._done_day: int | None = None

    async def turn(self) -> int:
        """Erase what is due this night, once a day; how many entries. Raises StorageFault."""
        if not self._years:
            return 0
        unfinished = await asyncio.to_thread(self._empty, self._log.erased_end)  # a crash may have left some
        day = self._clock.now_us() // DAY_US
        if day == self._done_day:
            return unfinished
        first, end, before_us = await asyncio.to_thread(self._due)
        if end > first:
            facts = {"first": first, "end": end, "before_us": before_us, "years": self._years}
            await self._log.append(ERASED, "hub", facts)
            self._log.forget(end)
            unfinished += await asyncio.to_thread(self._empty, end)
        self._done_day = day
        return unfinished

    def _due(self) -> tuple[int, int, int]:
        """The entries [first, end) whose time is up, and the time before which they were written."""
        first = self._log.erased_end
        before_us = self._clock.now_us() - self._years * YEAR_US
        with reading(self._engine) as connection:
            oldest_us = connection.scalar(select(audit_entry.c.time_us).where(audit_entry.c.index == first))
            if oldest_us is None:
                return first, first, before_us
            before_us = min(before_us, oldest_us + NIGHT_US)
            kept = select(func.min(audit_entry.c.index)).where(
                audit_entry.c.time_us >= before_us, audit_entry.c.index >= first
            )
            end = connection.scalar(kept)
        return first, self._log.checkpoint().size if end is None else end, before_us

    def _empty(self, end: int) -> int:
        """Empty the rows below `end`, with all that names a person in them, and see that no copy stays behind."""
        emptied = 0
        while True:
            with writing(self._engine) as connection:
                due = list(
                    connection.scalars(
                        select(audit_entry.c.index)
                        .where(audit_entry.c.index < end, audit_entry.c.body.is_not(None))
                        .order_by(audit_entry.c.index)
                        .limit(_AT_ONCE)
                    )
                )
                if not due:
                    break
                take_off(connection, due[0], due[-1])
                span = (audit_entry.c.index >= due[0], audit_entry.c.index <= due[-1])
                connection.execute(update(audit_entry).where(*span).values(salt=None, body=None, account_id=""))
                about = (audit_about.c.index >= due[0], audit_about.c.index <= due[-1])
                connection.execute(delete(audit_about).where(*about))
            emptied += len(due)
        if emptied:
            forget_deleted(self._engine)
            _LOG.info("log_erased", entries=emptied, end=end)
        return emptied

    async def run(self) -> None:
        """Once an hour, until cancelled; there is something to do once a day."""
        while True:
            try:
                await self.turn()
            except Exception as error:  # noqa: BLE001 - a busy or full database, a stopped log: it is tried again
                _LOG.warning("log_not_erased", exc_info=error)
            await asyncio.sleep(_EVERY_S)
