"""Keeps the site's one connection to its hub, and dials further ones when the hub asks. The site opens no port for it."""

import asyncio
import random
import secrets
import ssl
from collections.abc import Callable

import structlog
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from belvedere import __version__
from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BelvedereError, LinkFault, Refused
from belvedere.link.channel import MAX_MESSAGE_BYTES, ChannelClosed
from belvedere.link.control import BEAT_S, LONGEST_WORD, Beat, Dial, Farewell, Hello, Welcome, heard_from_hub, say
from belvedere.link.enrolment import LINK_NAME
from belvedere.site.uplink.budget import LineBudget, MeteredChannel
from belvedere.site.uplink.dialled import DialledChannel
from belvedere.site.uplink.papers import PaperFolder
from belvedere.site.uplink.server import Uplink

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
TURNED_AWAY_S = 60.0
LOOK_FOR_PAPERS_S = 3.0
_OPEN_S = 15.0
_PING_S = 20.0
_RENEW_EVERY_S = 3600.0

log = structlog.get_logger()

Backlog = Callable[[], tuple[int, int, int]]
"""How many records wait, the newest number of lane 0, and when the oldest that waits was made (0: none)."""


def no_backlog() -> tuple[int, int, int]:
    """For a site that has nothing to send by itself."""
    return 0, 0, 0


class Dialler:
    """For the site's event loop. `connected` and `said` tell how it stands."""

    def __init__(
        self,
        papers: PaperFolder,
        uplink: Uplink,
        clock: Clock,
        *,
        site: str,
        name: str,
        backlog: Backlog = no_backlog,
        chance: random.Random | None = None,
        budget: LineBudget | None = None,
    ) -> None:
        self._papers = papers
        self._uplink = uplink
        self._clock = clock
        self._site = site
        self._name = name
        self._backlog = backlog
        self._chance = chance or random.Random()
        self._budget = budget or LineBudget(clock)
        self.run = secrets.token_bytes(16)
        self._task: asyncio.Task[None] | None = None
        self._dialled: set[asyncio.Task[None]] = set()
        self._renewing: asyncio.Task[None] | None = None
        self._line: DialledChannel | None = None
        self.connected = False
        self.said = "not tried yet"  # why it is not connected
        self.connects = 0

    def start(self) -> None:
        """Begin to dial."""
        self._task = asyncio.create_task(self._keep(), name="dialler")
        self._renewing = asyncio.create_task(self._keep_renewing(), name="renewing")

    async def stop(self) -> None:
        """Hang up."""
        tasks = [*self._dialled, *(task for task in (self._task, self._renewing) if task is not None)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self) -> None:
        span_s = FIRST_WAIT_S
        while True:
            wait_s = 0.0
            try:
                if not await asyncio.to_thread(lambda: self._papers.enrolled):
                    self.said = "this site belongs to no hub over the network"
                    await asyncio.sleep(LOOK_FOR_PAPERS_S)
                    continue
                if await self._converse():
                    span_s = FIRST_WAIT_S
            except Refused as error:
                self.said, wait_s = error.message, TURNED_AWAY_S
            except (BelvedereError, OSError, TimeoutError, WebSocketException) as error:
                self.said = await asyncio.to_thread(self._why, error)
            except Exception as error:  # the recorder shares this process, and the link must come back
                log.error("dialler_fault", exc_info=error)
                self.said = type(error).__name__
            self.connected = False
            span_s = min(LONGEST_WAIT_S, span_s * 2)
            await asyncio.sleep((wait_s or span_s) * self._chance.uniform(0.5, 1))

    def _why(self, error: BaseException) -> str:
        """Words for a failure. A clock that is wrong says nothing while the line works, so this is asked only when it does not."""
        try:
            if self._papers.expires_us() <= self._clock.now_us():
                return "This site's certificate has expired while it was away: enrol it again with a new token."
        except BelvedereError as unreadable:
            return unreadable.message
        return str(error) or type(error).__name__

    async def _converse(self) -> bool:
        """One connection, until it ends. Whether the hub welcomed this site. Raises Refused when it was turned away."""
        tls = await asyncio.to_thread(self._papers.tls)
        place = await asyncio.to_thread(self._papers.place)
        welcomed = False
        async with self._open(f"wss://{place.url}/link/control", tls, LONGEST_WORD) as socket:
            channel = self._line = DialledChannel(socket)
            await channel.send(say(Hello(self._site, self._name, self.run, __version__, self._clock.now_us())))
            beating: asyncio.Task[None] | None = None
            try:
                while True:
                    match heard_from_hub(await channel.receive()):
                        case Welcome():
                            if not welcomed:
                                welcomed = self.connected = True
                                self.connects += 1
                                self.said = ""
                                log.info("hub_reached", hub=place.url)
                                beating = asyncio.create_task(self._beat_on(channel))
                            else:
                                await self._beat(channel)
                        case Dial(ticket):
                            self._dial(ticket, tls)
                        case Farewell(code, message):
                            log.warning("hub_said_farewell", code=code, message=message)
                            raise Refused(message)
            except ChannelClosed:
                self.said = "the hub hung up"
                return welcomed
            finally:
                self._line = None
                if beating is not None:
                    beating.cancel()
                    await asyncio.gather(beating, return_exceptions=True)

    def _open(self, url: str, tls: ssl.SSLContext, largest: int) -> connect:
        return connect(
            url,
            ssl=tls,
            server_hostname=LINK_NAME,
            compression=None,
            max_size=largest,
            open_timeout=_OPEN_S,
            ping_interval=_PING_S,
            ping_timeout=_PING_S,
            close_timeout=2.0,
            proxy=None,
            user_agent_header=None,
        )

    def _dial(self, ticket: str, tls: ssl.SSLContext) -> None:
        task = asyncio.create_task(self.answer(ticket, tls), name="dialled")
        self._dialled.add(task)
        task.add_done_callback(self._dialled.discard)

    async def answer(self, ticket: str, tls: ssl.SSLContext | None = None) -> None:
        """Open a connection with the hub's ticket, and answer there until it is closed."""
        try:
            if tls is None:
                tls = await asyncio.to_thread(self._papers.tls)
            place = await asyncio.to_thread(self._papers.place)
            async with self._open(f"wss://{place.url}/link/data/{ticket}", tls, MAX_MESSAGE_BYTES) as socket:
                await self._uplink.serve(MeteredChannel(DialledChannel(socket), self._budget))
        except (OSError, TimeoutError, WebSocketException, BelvedereError) as error:
            log.info("dialled_in_vain", reason=str(error) or type(error).__name__)

    async def _beat(self, channel: DialledChannel) -> None:
        waiting, last, oldest_us = self._backlog()
        await channel.send(say(Beat(self._clock.now_us(), waiting, last, oldest_us, channel.round_trip_us)))

    async def _beat_on(self, channel: DialledChannel) -> None:
        try:
            while True:
                await self._beat(channel)
                await asyncio.sleep(BEAT_S)
        except LinkFault:
            return  # whoever listens finds the connection closed too

    async def _keep_renewing(self) -> None:
        """Each hour: a certificate ten days old is replaced, and the line opened anew with the next one."""
        while True:
            try:
                if await asyncio.to_thread(lambda: self._papers.enrolled and self._papers.renewal_due()):
                    await asyncio.to_thread(self._papers.renew, self._site)
                    log.info("certificate_renewed")
                    if self._line is not None:
                        await self._line.close()
            except BelvedereError as error:  # away or turned away: there are twenty days of hours left
                log.warning("certificate_not_renewed", reason=error.message)
            await asyncio.sleep(_RENEW_EVERY_S)
