"""A fresh checkpoint at least every minute, though nothing happened: so that silence can be told from a log that was stopped."""

import asyncio
from typing import Protocol

import structlog

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import StorageFault

RENEW_AFTER_US = 45 * SECOND_US  # with the look every ten seconds, never older than a minute
LOOK_EVERY_S = 10.0
_LOG = structlog.get_logger(__name__)


class Head(Protocol):
    @property
    def signed_us(self) -> int: ...


class Signed(Protocol):
    """A log that can sign its checkpoint anew."""

    def checkpoint(self) -> Head: ...

    async def renew(self) -> Head: ...


async def renew_when_old(log: Signed, clock: Clock) -> bool:
    """Sign anew when the checkpoint is old, or from a time that has not come yet; whether that was done. Raises StorageFault."""
    age_us = clock.now_us() - log.checkpoint().signed_us
    if 0 <= age_us < RENEW_AFTER_US:
        return False
    await log.renew()
    return True


async def keep_signed(log: Signed, clock: Clock) -> None:
    """Look every ten seconds, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        try:
            await renew_when_old(log, clock)
        except StorageFault as error:  # the log has stopped, and says so to whoever appends
            _LOG.error("checkpoint_not_renewed", reason=str(error))
