"""Tells the site which grants ended before their time, whoever ended them, until it has heard.

The hub itself refuses an ended grant at once; this stops what the site is sending, and what anybody else would ask of it.
"""

import asyncio

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, select

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BelvedereError
from belvedere.hub.storage.engine import reading
from belvedere.hub.storage.metadata import access_grant
from belvedere.link.client import SiteLink
from belvedere.link.grants import MOST_ENDINGS, EndGrants
from belvedere.link.messages import Answer
from belvedere.policy.ended import sign_ending

LOOK_EVERY_S = 1.0  # grants that the command line or another room ended are in the database only
RETRY_S = 5.0
_LOG = structlog.get_logger(__name__)


class EndingCourier:
    """One for each hub and site. `ended` is set by whoever ends a grant in this process, so that nothing waits a second."""

    def __init__(
        self, engine: Engine, clock: Clock, key: Ed25519PrivateKey, link: SiteLink, ended: asyncio.Event
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._key = key
        self._link = link
        self._ended = ended
        # Invariant: ids that the site keeps, of grants that would still live.
        self._told: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Tell the site, again and again; after a restart of the hub everything once more."""
        away = False
        while True:
            try:
                await self.tell()
                away = False
            except BelvedereError as error:  # the site is away or older; the hub refuses these grants meanwhile
                if not away:
                    _LOG.info("endings_wait", reason=error.message)
                away = True
            try:
                async with asyncio.timeout(RETRY_S if away else LOOK_EVERY_S):
                    await self._ended.wait()
            except TimeoutError:
                continue
            self._ended.clear()

    async def tell(self) -> int:
        """Tell what the site has not heard yet; how many there were. Raises LinkFault, Refused."""
        ended = await asyncio.to_thread(self._open_endings)
        news = [each for each in ended if each[0] not in self._told]
        for start in range(0, len(news), MOST_ENDINGS):
            part = news[start : start + MOST_ENDINGS]
            wires = tuple(sign_ending(grant_id, expires_us, self._key) for grant_id, expires_us in part)
            await self._link.ask(EndGrants(wires), Answer)
            self._told |= {grant_id for grant_id, _ in part}
        self._told &= {grant_id for grant_id, _ in ended}
        return len(news)

    def _open_endings(self) -> list[tuple[str, int]]:
        """Id and expiry of the grants that ended but would still live."""
        query = select(access_grant.c.id, access_grant.c.expires_us).where(
            access_grant.c.expires_us > self._clock.now_us(), access_grant.c.ended_us.is_not(None)
        )
        with reading(self._engine) as connection:
            return [(row.id, row.expires_us) for row in connection.execute(query)]
