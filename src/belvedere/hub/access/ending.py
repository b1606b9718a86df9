"""Ending grants of others at once, because what they rest on is gone: a purpose withdrawn, a case closed, a person out of it.

Players notice within a second; sites are told at once.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, select, update

from belvedere.foundation.clock import Clock
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import access_grant

GRANT_ENDED = "grant.ended"


@dataclass(frozen=True, slots=True)
class Under:
    """Which live grants. Empty means any; at least one of purposes, case and person is given."""

    purposes: frozenset[str] = frozenset()
    case: str = ""  # reference, small and capital letters alike
    person: str = ""  # account id
    cameras: frozenset[str] = frozenset()  # grants that cover one of them


class GrantEnder:
    """Ends live grants in the hub's database and says so in the log, one entry a grant, before they end."""

    def __init__(self, engine: Engine, clock: Clock, audit: AuditLog, tell: Callable[[], None]) -> None:
        """`tell` is called when grants have ended, so that sites hear of it at once (see `GrantDesk.ended`)."""
        self._engine = engine
        self._clock = clock
        self._audit = audit
        self._tell = tell

    async def end(self, under: Under, *, by: str, reason: str) -> list[str]:
        """End what is `under`, by account `by`. Returns the ids of the grants ended."""
        if not (under.purposes or under.case or under.person):
            raise ValueError("ending every grant of everybody is not meant")
        ended = []
        for grant_id, account_id in await asyncio.to_thread(self._live, under):
            facts = {"grant": grant_id, "user": account_id, "reason": reason[:500]}
            await self._audit.append(GRANT_ENDED, by, facts)
            if await asyncio.to_thread(self._close, grant_id):
                ended.append(grant_id)
        if ended:
            self._tell()
        return ended

    def _live(self, under: Under) -> list[tuple[str, str]]:
        column = access_grant.c
        query = select(column.id, column.account_id, column.purpose, column.case_ref, column.wire).where(
            column.ended_us.is_(None), column.expires_us > self._clock.now_us()
        )
        if under.purposes:
            query = query.where(column.purpose.in_(under.purposes))
        if under.person:
            query = query.where(column.account_id == under.person)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [
            (row.id, row.account_id)
            for row in rows
            if (not under.case or row.case_ref.casefold() == under.case.casefold())
            and (not under.cameras or under.cameras & _cameras(row.wire))
        ]

    def _close(self, grant_id: str) -> bool:
        still = (access_grant.c.id == grant_id, access_grant.c.ended_us.is_(None))
        with writing(self._engine) as connection:
            return (
                connection.execute(update(access_grant).where(*still).values(ended_us=self._clock.now_us())).rowcount
                > 0
            )


def _cameras(wire: bytes) -> frozenset[str]:
    """The cameras of a stored grant. Unchecked: it serves to end a grant, not to open footage."""
    words: Any = msgspec.json.decode(wire)
    return frozenset(words["grant"]["cameras"])


def end_all_of(connection: Connection, user_id: str, now_us: int) -> list[str]:
    """End every open grant of a person inside a transaction that notes why; players notice within a second. Returns their ids."""
    live = (access_grant.c.account_id == user_id, access_grant.c.ended_us.is_(None))
    mine = list(connection.scalars(select(access_grant.c.id).where(*live)))
    connection.execute(update(access_grant).where(*live).values(ended_us=now_us))
    return mine
