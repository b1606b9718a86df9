"""The switchboard of a hub of several processes: a site's line sits in one of them, what it dials comes in at any.

The process that wants a channel writes a ticket with its own name in it and has the one that holds the line tell the site to dial.
Where the site comes in, the ticket's name says whose it is. Who holds which line stands in the database.
"""

import asyncio
import secrets
from collections.abc import Coroutine
from typing import Any

import msgspec
import structlog
from sqlalchemy import Engine, delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import Clock
from belvedere.hub.fleet.calls import DIAL_TIMEOUT_S, Line, Switchboard
from belvedere.hub.processes.bus import Bus, BusAway
from belvedere.hub.processes.roll import Known
from belvedere.hub.processes.tables import site_line
from belvedere.hub.storage.engine import writing
from belvedere.link.channel import ChannelClosed
from belvedere.link.control import Beat, FromHub, Hello

OWNER_DIGITS = 8  # of a ticket: the name of the process that waits for it
_ANSWER_S = 5.0
_log = structlog.get_logger()


class Held(msgspec.Struct, frozen=True):
    """A line as the database has it, so that every process shows the same of a site."""

    site: str
    digest: str
    hello: Hello
    address: str
    since_us: int
    heard_us: int
    clock_error_us: int
    beat: Beat | None = None


class _Claim(msgspec.Struct, frozen=True):
    """Asked of the process that holds a line: another process has a newer one, of this `run`. "" as ticket."""

    run: bytes = b""
    ticket: str = ""


class _Said(msgspec.Struct, frozen=True):
    """`there`: the line's other end answers, and is another machine."""

    here: bool
    there: bool = False


def owner_of(ticket: str) -> str:
    """The process that waits for what a site dials with this ticket."""
    return ticket[:OWNER_DIGITS]


class SharedSwitchboard(Switchboard):
    """For one event loop; every context of the process uses the same one."""

    def __init__(self, clock: Clock, engine: Engine, own: str, bus: Bus) -> None:
        super().__init__(clock)
        self._engine = engine
        self._own = own
        self._bus = bus
        # Invariant: the lines that other processes hold, as the database had them last.
        self._elsewhere: dict[str, Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def line(self, site: str) -> Line | None:
        return self._lines.get(site) or self._elsewhere.get(site)

    def ticket(self) -> str:
        return self._own + secrets.token_hex(16)[OWNER_DIGITS:]

    async def command(self, site: str, ticket: str) -> None:
        if site in self._lines:
            await super().command(site, ticket)
            return
        said = await self._ask(site, _Claim(ticket=ticket))
        if said is None or not said.here:
            raise ChannelClosed(f"The site {site} is not connected.")

    async def open(self, line: Line) -> None:
        site = line.site
        if site not in self._lines:
            try:
                said = await self._ask(site, _Claim(run=line.hello.run))
            except BusAway:  # the other one finds in the database that this one has it
                said = None
            if said is not None and said.there:
                await self.refuse_twice(self._elsewhere.get(site) or line, line)
        await super().open(line)
        await self._bus.respond(f"line.{site}", lambda body: self._respond(site, body))
        await asyncio.to_thread(self._keep, line)
        self._bus.tell("lines")

    def close(self, line: Line) -> None:
        mine = self._lines.get(line.site) is line
        super().close(line)
        if mine:
            self._spawn(self._let_go(line.site))

    def heard(self, line: Line, site_now_us: int, beat: Beat | None = None) -> None:
        super().heard(line, site_now_us, beat)
        if beat is not None and self._lines.get(line.site) is line:
            self._spawn(asyncio.to_thread(self._keep, line))

    async def shut(self, site: str, code: str, message: str) -> None:
        mine = site in self._lines
        await super().shut(site, code, message)
        if mine:
            await self._let_go(site)
        elif site in self._elsewhere:
            self._bus.tell("fleet")

    async def hang_up(self) -> None:
        """This process ends: every site that it holds calls again, and reaches another."""
        for site in list(self._lines):
            await self.shut(site, "closing", "This process of the hub ends; call again.")
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def see(self, known: Known) -> None:
        """Take over who holds which line."""
        before, self._elsewhere = self._elsewhere, {}
        for site, (process, body) in known.lines.items():
            own = self._lines.get(site)
            if process == self._own and own is None:  # written while it closed
                self._spawn(self._let_go(site))
            if process == self._own or process not in known.living:
                continue
            held = msgspec.json.decode(body, type=Held)
            if own is not None and held.since_us < own.since_us:
                continue
            if own is not None:  # it called another process, and this line is dead though nobody noticed
                self._spawn(self._drop(own))
            self._elsewhere[site] = line = _line_of(held)
            self.last_heard_us[site] = max(held.heard_us, self.last_heard_us.get(site, 0))
            had = before.get(site)
            if had is None or had.since_us != line.since_us:
                for told in self.on_up:
                    told(site)

    async def _drop(self, line: Line) -> None:
        if self._lines.get(line.site) is line:
            del self._lines[line.site]
            await self._bus.forget(f"line.{line.site}")
        await line.hang_up()

    async def _ask(self, site: str, claim: _Claim) -> _Said | None:
        """What the process says that holds the site's line; None when none does. Raises BusAway."""
        body = await self._bus.ask(f"line.{site}", msgspec.msgpack.encode(claim), DIAL_TIMEOUT_S)
        return None if body is None else msgspec.msgpack.decode(body, type=_Said)

    async def _respond(self, site: str, body: bytes) -> bytes:
        claim = msgspec.msgpack.decode(body, type=_Claim)
        line, said = self._lines.get(site), _Said(here=False)
        if line is not None and claim.ticket:
            try:
                async with asyncio.timeout(_ANSWER_S):
                    await super().command(site, claim.ticket)
                said = _Said(here=True)
            except (ChannelClosed, TimeoutError):
                _log.info("line_dead", site=site)
        elif line is not None:
            said = _Said(here=True, there=line.hello.run != claim.run and await line.answers())
            if not said.there:
                await self._drop(line)
        return msgspec.msgpack.encode(said)

    async def _let_go(self, site: str) -> None:
        if site not in self._lines:
            await self._bus.forget(f"line.{site}")
            mine = (site_line.c.site_id == site) & (site_line.c.process_id == self._own)
            await asyncio.to_thread(self._forget, mine)
            line = self._lines.get(site)
            if line is not None:  # it called again meanwhile
                await asyncio.to_thread(self._keep, line)
            self._bus.tell("lines")

    def _forget(self, which: Any) -> None:
        try:
            with writing(self._engine) as connection:
                connection.execute(delete(site_line).where(which))
        except SQLAlchemyError as error:  # the row names a line that this process does not have; who asks hears that
            _log.warning("line_not_written", reason=str(error))

    def _keep(self, line: Line) -> None:
        held = Held(
            line.site,
            line.digest,
            line.hello,
            line.address,
            line.since_us,
            line.heard_us,
            line.clock_error_us,
            line.beat,
        )
        values = {"process_id": self._own, "body": msgspec.json.encode(held).decode()}
        put = insert(site_line).values(site_id=line.site, **values)
        try:
            with writing(self._engine) as connection:
                connection.execute(put.on_conflict_do_update(index_elements=["site_id"], set_=values))
        except SQLAlchemyError as error:  # written again with the next beat
            _log.warning("line_not_written", reason=str(error))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _line_of(held: Held) -> Line:
    async def say(_word: FromHub) -> None:
        raise ChannelClosed("Another process of the hub holds this line.")

    async def nothing() -> None:
        return None

    async def unknown() -> bool:
        return True

    return Line(
        held.site,
        held.digest,
        held.hello,
        held.address,
        held.since_us,
        say,
        nothing,
        unknown,
        held.heard_us,
        held.beat,
        held.clock_error_us,
    )
