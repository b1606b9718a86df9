"""What the hub knows of its site's health: asked now and then, kept for when the site is away. For one event loop."""

import asyncio

import structlog
from sqlalchemy import Engine

from belvedere.foundation.clock import HOUR_US, MINUTE_US, SECOND_US, Clock
from belvedere.foundation.errors import LinkFault, SiteFull
from belvedere.hub.health.standing import StandingFaults
from belvedere.hub.health.tickets import TicketBook
from belvedere.link.client import SiteLink
from belvedere.link.health import Faults, GetFaults, GetHealth, GetUptime, HealthReport, Uptime

_log = structlog.get_logger()

FRESH_US = 5 * SECOND_US
EVERY_S = 15.0  # faults are asked for so often, whoever looks
AWAY_US = 2 * MINUTE_US  # a site that has not answered for so long has a ticket
_OVERLAP_US = 10 * MINUTE_US  # asked for again each time, so that a change written late is not missed
_PATIENCE_S = 5.0


class HealthDesk:
    """Asks the site at most every FRESH_US however many pages look."""

    def __init__(self, engine: Engine, link: SiteLink, site_id: str, clock: Clock) -> None:
        self.tickets = TicketBook(engine, clock)
        self._link = link
        self._site_id = site_id
        self._clock = clock
        self._lock = asyncio.Lock()
        self._report: HealthReport | None = None
        self._asked_us: int | None = None
        self._faults_to_us = 0  # the site's clock up to which its faults are known here
        self._faults_asked_us: int | None = None
        self._answered_us = clock.now_us()
        self._forget_due_us = 0
        self._task: asyncio.Task[None] | None = None
        self.standing: StandingFaults | None = None
        self._standing_due_us = 0

    def start(self) -> None:
        """Begin to ask by itself."""
        self._task = asyncio.create_task(self._keep_asking(), name="health desk")

    async def stop(self) -> None:
        """End that."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def report(self) -> HealthReport | None:
        """What the site says of the last day, at most FRESH_US old; None while it does not answer."""
        async with self._lock:
            now_us = self._clock.monotonic_us()
            if self._asked_us is None or now_us - self._asked_us >= FRESH_US:
                try:
                    async with asyncio.timeout(_PATIENCE_S):
                        self._report = await self._link.ask(GetHealth(), HealthReport)
                except (LinkFault, TimeoutError):
                    self._report = None
                self._asked_us = self._clock.monotonic_us()
            return self._report

    async def uptime(self, months: int) -> Uptime:
        """Months as the site has them. Raises LinkFault, BadInput."""
        return await self._link.ask(GetUptime(months), Uptime)

    async def refresh(self, *, at_once: bool = False) -> bool:
        """Bring tickets up to what the site says, unless that was done FRESH_US ago. False while it does not answer."""
        async with self._lock:
            monotonic_us = self._clock.monotonic_us()
            if not at_once and self._faults_asked_us is not None and monotonic_us - self._faults_asked_us < FRESH_US:
                return True
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    found = await self._link.ask(GetFaults(self._faults_to_us), Faults)
            except SiteFull as full:  # it waits for room, and said so itself
                await asyncio.to_thread(self.tickets.site_away, self._site_id, self._answered_us, str(full))
                return False
            except (LinkFault, TimeoutError):
                now_us = self._clock.now_us()
                if now_us - self._answered_us >= AWAY_US:
                    await asyncio.to_thread(self.tickets.site_away, self._site_id, self._answered_us)
                return False
            await asyncio.to_thread(self._take_in, found)
            self._faults_to_us = max(0, found.now_us - _OVERLAP_US)
            self._faults_asked_us = monotonic_us
            self._answered_us = self._clock.now_us()
            return True

    async def look_around(self) -> None:
        """Each minute: the faults that the hub sees itself become tickets."""
        if self.standing is None or self._clock.monotonic_us() < self._standing_due_us:
            return
        self._standing_due_us = self._clock.monotonic_us() + MINUTE_US
        found, known = await self.standing.look()
        await asyncio.to_thread(self.tickets.take_standing, self._site_id, found, known)

    def _take_in(self, found: Faults) -> None:
        self.tickets.take_in(self._site_id, found.faults)
        self.tickets.site_back(self._site_id)
        if self._clock.monotonic_us() >= self._forget_due_us:
            self._forget_due_us = self._clock.monotonic_us() + HOUR_US
            self.tickets.forget()

    async def _keep_asking(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.refresh()
                await self.look_around()
            except Exception as error:  # noqa: BLE001 - the database may be busy or full; it is asked again
                _log.warning("health_not_taken_in", exc_info=error)
