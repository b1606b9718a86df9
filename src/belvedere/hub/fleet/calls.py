"""Who is on the line: the one connection that each site keeps open, and the further ones that it opens when told to."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import Refused
from belvedere.hub.fleet.backlog import Backlog
from belvedere.link.channel import Channel, ChannelClosed
from belvedere.link.control import Beat, Dial, Farewell, FromHub, Hello

DIAL_TIMEOUT_S = 10.0
MOST_DIALLED = 256  # connections asked of one site and not there yet
_STILL_THERE_S = 3.0

log = structlog.get_logger()

Say = Callable[[FromHub], Awaitable[None]]


@dataclass(slots=True)
class Line:
    """A site's open control connection. Times are the hub's clock."""

    site: str
    digest: str
    hello: Hello
    address: str
    since_us: int
    say: Say = field(repr=False)
    hang_up: Callable[[], Awaitable[None]] = field(repr=False)
    # Whether the other end still answers, within _STILL_THERE_S.
    answers: Callable[[], Awaitable[bool]] = field(repr=False)
    heard_us: int = 0
    beat: Beat | None = None
    clock_error_us: int = 0  # the site's clock minus this one, at its last word; the way there is in it
    backlog: Backlog = field(default_factory=Backlog, repr=False)


class Switchboard:
    """Lines by site, and tickets for what they were told to dial. For one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: dict[str, Line] = {}
        self._tickets: dict[str, tuple[str, asyncio.Future[Channel]]] = {}
        # Invariant: the channels that a site dialled and that neither side closed.
        self._channels: dict[str, set[Channel]] = {}
        self.last_heard_us: dict[str, int] = {}
        self.duplicates = 0  # how often two machines showed one site's papers at once
        self.on_duplicate: Callable[[Line, Hello, str], Awaitable[None]] | None = None
        self.on_up: list[Callable[[str], None]] = []

    def line(self, site: str) -> Line | None:
        """The site's line, None while it is away."""
        return self._lines.get(site)

    async def open(self, line: Line) -> None:
        """A site called. Raises Refused when another machine with the same papers is on the line already."""
        before = self._lines.get(line.site)
        if before is not None and before.hello.run != line.hello.run and await before.answers():
            await self.refuse_twice(before, line)
        before = self._lines.get(line.site)
        self._lines[line.site] = line
        self.heard(line, line.hello.now_us)
        if before is not None:  # the same process came back before its old connection was seen to be dead
            await before.hang_up()
        for told in self.on_up:
            told(line.site)

    async def refuse_twice(self, before: Line, line: Line) -> None:
        """Another machine shows the papers of one that is on the line. Raises Refused."""
        self.duplicates += 1
        log.error("site_twice", site=line.site, first=before.address, second=line.address)
        if self.on_duplicate is not None:
            await self.on_duplicate(before, line.hello, line.address)
        raise Refused(
            "Another machine with this site's papers is connected.",
            advice="End one of the two. If nobody copied the site's disk, revoke its certificate and enrol it anew.",
        )

    def close(self, line: Line) -> None:
        """It hung up."""
        if self._lines.get(line.site) is line:
            del self._lines[line.site]

    def heard(self, line: Line, site_now_us: int, beat: Beat | None = None) -> None:
        """It said something."""
        line.heard_us = self.last_heard_us[line.site] = self._clock.now_us()
        line.clock_error_us = site_now_us - line.heard_us
        if beat is not None:
            line.beat = beat
            line.backlog.note(line.heard_us, beat.waiting)

    async def dial(self, site: str) -> Channel:
        """A fresh channel to the site. Raises ChannelClosed while it is away or does not dial in time."""
        if self.line(site) is None or len(self._tickets) >= MOST_DIALLED:
            raise ChannelClosed(f"The site {site} is not connected.")
        ticket = self.ticket()
        coming: asyncio.Future[Channel] = asyncio.get_running_loop().create_future()
        self._tickets[ticket] = site, coming
        try:
            async with asyncio.timeout(DIAL_TIMEOUT_S):
                await self.command(site, ticket)
                return await coming
        except TimeoutError:
            raise ChannelClosed(f"The site {site} does not dial.") from None
        finally:
            self._tickets.pop(ticket, None)
            if coming.cancelled() is False and coming.done() is False:
                coming.cancel()

    def ticket(self) -> str:
        """A fresh one: 32 hex digits."""
        return secrets.token_hex(16)

    async def command(self, site: str, ticket: str) -> None:
        """Tell a site to dial with a ticket. Raises ChannelClosed while it has no line."""
        line = self._lines.get(site)
        if line is None:
            raise ChannelClosed(f"The site {site} is not connected.")
        await line.say(Dial(ticket))

    def take(self, site: str, ticket: str, channel: Channel) -> bool:
        """A site dialled with a ticket. Whether somebody waits for it, on that site's line."""
        wanted, coming = self._tickets.get(ticket, ("", None))
        if coming is None or wanted != site or coming.done():
            return False
        coming.set_result(channel)
        self._channels.setdefault(site, set()).add(channel)
        return True

    def gone(self, site: str, channel: Channel) -> None:
        """A channel that `take` took is closed."""
        self._channels.get(site, set()).discard(channel)

    async def shut(self, site: str, code: str, message: str) -> None:
        """Say goodbye to a site and hang up on all that it dialled."""
        for channel in self._channels.pop(site, set()):
            await channel.close()
        line = self._lines.pop(site, None)
        if line is None:
            return
        try:
            async with asyncio.timeout(_STILL_THERE_S):
                await line.say(Farewell(code, message))
        except (ChannelClosed, TimeoutError):
            log.info("farewell_not_heard", site=site)
        await line.hang_up()
