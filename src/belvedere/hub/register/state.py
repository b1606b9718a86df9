"""What the site says of itself, asked at most once a second however many pages look."""

import asyncio

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import LinkFault, SiteFull
from belvedere.link.client import SiteLink
from belvedere.link.messages import SiteStatus

_FRESH_US = SECOND_US
_PATIENCE_S = 3.0  # a site that takes longer is shown as away; pages wait no longer for it


class SiteState:
    """The site's newest status. For one event loop."""

    def __init__(self, link: SiteLink, clock: Clock) -> None:
        self._link = link
        self._clock = clock
        self._lock = asyncio.Lock()
        self._status: SiteStatus | None = None
        self._asked_us: int | None = None
        self.away = 0  # how often the site did not answer
        self.full = ""  # its words, while it answers only that its disk has no room for it to start

    async def status(self) -> SiteStatus | None:
        """The site's status, at most a second old; None while the site is away."""
        async with self._lock:
            now_us = self._clock.monotonic_us()
            if self._asked_us is None or now_us - self._asked_us >= _FRESH_US:
                try:
                    async with asyncio.timeout(_PATIENCE_S):
                        self._status = await self._link.status()
                    self.full = ""
                except (LinkFault, TimeoutError) as fault:
                    self._status = None
                    self.away += 1
                    self.full = fault.message if isinstance(fault, SiteFull) else ""
                self._asked_us = self._clock.monotonic_us()
            return self._status
