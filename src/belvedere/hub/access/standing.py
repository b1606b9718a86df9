"""Whether a grant still stands, asked of the database itself before every piece of footage, in microseconds.

Nothing is remembered of a grant's end, so nothing has to be forgotten in time: whoever ended it, in this process, another one or
on the command line, the next question has the answer. What is kept is the signed words, which never change.

SQLite answers from a connection of its own without leaving the event loop: one row by its key out of pages in memory. While
another process holds the database whole, and on PostgreSQL, the question goes the ordinary way, in a thread.
"""

import asyncio
import sqlite3
from collections import OrderedDict
from typing import Protocol, cast

from sqlalchemy import Engine, event, select

from belvedere.hub.storage.engine import reading
from belvedere.hub.storage.metadata import access_grant

_STANDS = "SELECT 1 FROM access_grant WHERE id = ? AND account_id = ? AND ended_us IS NULL"
_KEPT = 1024  # signed words kept; some kilobytes each


class _Driver(Protocol):
    def execute(self, sql: str, values: tuple[str, ...], /) -> sqlite3.Cursor: ...

    def close(self) -> None: ...


class StandingGrants:
    """Signed words of grants that stand. One for each hub; use it on the hub's event loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._wires: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._driver: _Driver | None = None
        self._quick = engine.dialect.name == "sqlite" and engine.url.database not in (None, "", ":memory:")
        event.listen(engine, "engine_disposed", lambda _: self._close())

    async def wire(self, grant_id: str, account_id: str) -> bytes | None:
        """The signed words of the grant of that account; None when there is none, when it is another's, or when it ended."""
        key = (grant_id, account_id)
        wire = self._wires.get(key)
        if wire is not None:
            stands = self._stands(key)
            if stands:
                self._wires.move_to_end(key)
                return wire
            del self._wires[key]
            if stands is False:
                return None
        wire = await asyncio.to_thread(self._load, key)
        if wire is not None:
            self._wires[key] = wire
            if len(self._wires) > _KEPT:
                self._wires.popitem(last=False)
        return wire

    def _stands(self, key: tuple[str, str]) -> bool | None:
        """Whether the grant stands this instant; None where that can't be said without waiting."""
        if not self._quick:
            return None
        try:
            if self._driver is None:
                self._driver = _connection_of_its_own(self._engine)
            return self._driver.execute(_STANDS, key).fetchone() is not None
        except sqlite3.OperationalError:  # busy: a recovery, or the file is held whole
            return None

    def _load(self, key: tuple[str, str]) -> bytes | None:
        query = select(access_grant.c.wire).where(
            access_grant.c.id == key[0], access_grant.c.account_id == key[1], access_grant.c.ended_us.is_(None)
        )
        with reading(self._engine) as connection:
            return connection.scalar(query)

    def _close(self) -> None:
        if self._driver is not None:
            self._driver.close()
            self._driver = None


def _connection_of_its_own(engine: Engine) -> _Driver:
    """A connection outside the pool that never waits for a lock. Each statement is a transaction of its own."""
    raw = engine.raw_connection()
    raw.detach()
    driver = cast("_Driver", raw.dbapi_connection)
    driver.execute("PRAGMA query_only=ON", ())
    driver.execute("PRAGMA busy_timeout=0", ())
    return driver
