"""The ends of looks, in the log: how long each camera was watched by whom, and why that ended.

Nobody who watches waits for it: ends are handed over and written behind. Whatever was not written when the hub ended (killed, or
with a full queue) is found in the log itself at the next start, as openings without an end.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Engine, select

from belvedere.foundation.clock import HOUR_US, Clock
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.audit.rows import Entry, entry_of_row
from belvedere.hub.review.looks import VIEW_ENDED, Look, Opener, Why, ending
from belvedere.hub.review.openings import Openings
from belvedere.hub.storage.engine import reading
from belvedere.hub.storage.metadata import access_grant, audit_entry

SWEEP_S = 5.0
LOOK_BACK_US = 26 * HOUR_US  # before the log's newest entry; no look is longer than a session or an access
MOST_WAITING = 20_000
_BATCH = 500
_KINDS = {"view.live": "live", "view.playback": "playback"}
_log = structlog.get_logger()


class ViewBook:
    """The looks of one hub that go on. For one event loop, `start` and `stop` apart."""

    def __init__(self, engine: Engine, clock: Clock, audit: AuditLog) -> None:
        self._engine = engine
        self._clock = clock
        self._audit = audit
        self._ended: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue(MOST_WAITING)
        self._tasks: list[asyncio.Task[None]] = []
        self._recovery: asyncio.Task[None] | None = None
        self._gone: Callable[[str], bool] = lambda _process: True
        self.openings = Openings(clock, self.end)
        self.unwritten = 0  # ends that found the queue full or the log refusing; the next start writes them

    async def live(self, opener: Opener, kind: str, facts: Mapping[str, Any], why: Callable[[], Why]) -> Look:
        """Write in the log that a look at live pictures begins. Whoever shows them calls `end`.

        `why` says why a look ended that is over before it began. Raises StorageFault.
        """
        writing = asyncio.ensure_future(self._audit.append(kind, opener.user, facts))
        try:
            entry = await asyncio.shield(writing)
        except asyncio.CancelledError:  # the page left meanwhile
            writing.add_done_callback(partial(self._left_at_once, opener, why()))
            raise
        return Look(opener, "live", entry.time_us, entry.index, entry.index, None)

    def _left_at_once(self, opener: Opener, why: Why, done: "asyncio.Future[Entry]") -> None:
        if not done.cancelled() and done.exception() is None:
            entry = done.result()
            self.end(Look(opener, "live", entry.time_us, entry.index, entry.index, None), why)

    def end(self, look: Look, why: Why) -> None:
        """A look ended. Returns at once; the log has it soon."""
        self._hand_over(look.opener.user, ending(look, why, self._clock.now_us()))

    def _hand_over(self, user: str, facts: dict[str, Any]) -> None:
        try:
            self._ended.put_nowait((user, facts))
        except asyncio.QueueFull:
            self.unwritten += 1

    async def start(self, gone: Callable[[str], bool] | None = None) -> None:
        """Begin to write ends: those of looks that a hub before this one left open, and those to come.

        `gone`: says of a process of the hub that it ended; then only what such ones left open is ended, see `recover`.
        """
        self._gone = gone or self._gone
        if gone is None:
            self._recovery = asyncio.create_task(self._recover(self._audit.checkpoint().size), name="looks left open")
        self._tasks = [
            asyncio.create_task(self._write(), name="ends of looks"),
            asyncio.create_task(self._sweep(), name="looks left alone"),
        ]

    async def stop(self) -> None:
        """End what is open and write what is not written."""
        self.openings.close()
        if self._recovery is not None:
            await self._recovery
        if self._tasks:
            await self._ended.join()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def recover(self) -> None:
        """End what processes of the hub left open that are gone now."""
        await self._recover(self._audit.checkpoint().size)
        await self._ended.join()  # else the next would find them open still

    async def _recover(self, size: int) -> None:
        """Of the log as it was when this hub started: what is opened meanwhile is no matter of this."""
        try:
            left = await asyncio.to_thread(self._left_open, size)
        except Exception as error:  # noqa: BLE001 - the database may be busy or away; the next start tries again
            _log.warning("looks_not_recovered", exc_info=error)
            return
        for user, facts in left:
            self._hand_over(user, facts)

    async def _write(self) -> None:
        while True:
            batch = [await self._ended.get()]
            while len(batch) < _BATCH and not self._ended.empty():
                batch.append(self._ended.get_nowait())
            entries = (self._audit.append(VIEW_ENDED, user, facts) for user, facts in batch)
            for result in await asyncio.gather(*entries, return_exceptions=True):
                if isinstance(result, BaseException):  # the log refuses, as whoever opens something is told
                    self.unwritten += 1
                    _log.warning("view_end_not_written", exc_info=result)
            for _ in batch:
                self._ended.task_done()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            await self.sweep()

    async def sweep(self) -> None:
        """End looks at recordings that were left alone, or whose access is over."""
        grants = self.openings.grants()
        try:
            standing = await asyncio.to_thread(self._standing, grants) if grants else set()
        except Exception as error:  # noqa: BLE001 - the database may be busy or away; looked again with the next
            _log.warning("looks_not_swept", exc_info=error)
            return
        self.openings.sweep(frozenset(grants - standing))

    def _standing(self, grants: set[str]) -> set[str]:
        column = access_grant.c
        query = select(column.id).where(column.ended_us.is_(None), column.expires_us > self._clock.now_us())
        with reading(self._engine) as connection:
            return grants & set(connection.scalars(query))

    def _left_open(self, size: int) -> list[tuple[str, dict[str, Any]]]:
        """Who began to look and, says the log, never ended: the facts of each end, the oldest first."""
        column = audit_entry.c
        with reading(self._engine) as connection:
            newest_us = connection.scalar(select(column.time_us).where(column.index == size - 1))
            since = column.time_us > (newest_us or 0) - LOOK_BACK_US, column.index < size
            query = select(audit_entry).where(*since, column.kind.in_((*_KINDS, VIEW_ENDED)))
            open_: dict[tuple[Opener, str], dict[int, Look]] = {}
            for row in connection.execute(query.order_by(column.index)).mappings():
                entry = entry_of_row(row)
                if not entry.record:  # erased
                    continue
                opener = _opener(entry.actor, entry.facts)
                if entry.kind == VIEW_ENDED:
                    looks = open_.get((opener, str(entry.facts.get("of"))), {})
                    first, last = entry.facts.get("first"), entry.facts.get("last")
                    if isinstance(first, int) and isinstance(last, int):
                        for index in [each for each in looks if first <= each <= last]:
                            del looks[index]
                elif self._gone(str(entry.facts.get("process", ""))):
                    of = _KINDS[entry.kind]
                    look = Look(opener, of, entry.time_us, entry.index, entry.index, None)
                    open_.setdefault((opener, of), {})[entry.index] = look
        now_us = self._clock.now_us()
        left: list[Look] = []
        for (_, of), looks in open_.items():
            each = list(looks.values())
            if of == "playback" and each:  # entries of one look
                each[0].last = each[-1].last
                each = each[:1]
            left += each
        left.sort(key=lambda look: look.first)
        return [(look.opener.user, ending(look, Why.STOPPED, now_us)) for look in left]


def _opener(actor: str, facts: Mapping[str, Any]) -> Opener:
    return Opener(actor, *(str(facts.get(name, "")) for name in ("grant", "camera", "stream")))
