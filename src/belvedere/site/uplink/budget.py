"""What a site's line to its hub may carry. Live pictures go first and never wait; recordings and records share what is left.

Debts of bytes at a rate: whoever sends takes on a debt, and waits while there is one. Each of recordings and records has a
floor of its own, so that live pictures slow them down and never stop them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from belvedere.foundation.clock import MINUTE_US, SECOND_US, Clock
from belvedere.link.channel import Channel
from belvedere.link.configuration import DAY_MINUTES, LineLimits
from belvedere.link.records import MOST_BYTES

FLOOR_BYTES_S = 16 << 10  # for records while somebody looks live, and under a limit for recordings and for records
_FLOOR_SHARE = 8  # of a limit, where that is less
_SAVED_S = 2.0  # so much may be saved up, or owed by what never waits
_LEAST_BATCH = 4 << 10
_LOOK_S = 1.0  # the limit may change, or the last viewer leave, while somebody waits


class Use(StrEnum):
    """What bytes are for."""

    LIVE = "live"
    ANSWER = "answer"  # to a person's question, small
    MEDIA = "media"  # recordings and clips
    RECORDS = "records"
    RELEASE = "release"  # what the site fetches to update itself: it comes in, and counts as if it went out


_HEAVY = (Use.MEDIA, Use.RECORDS, Use.RELEASE)
_USES = {"open_live": Use.LIVE, "read_footage": Use.MEDIA, "read_masked": Use.MEDIA, "read_copy": Use.MEDIA}


@dataclass(slots=True)
class _Debt:
    """Bytes at `rate` a second. Invariant: `level` is at most what _SAVED_S bring; below 0 it is owed."""

    rate: float = 0.0
    level: float = 0.0
    seen_us: int = 0

    def at(self, rate: float, now_us: int) -> None:
        self.level = min(self.level + max(0, now_us - self.seen_us) / SECOND_US * rate, _SAVED_S * rate)
        self.rate, self.seen_us = rate, now_us

    def wait_s(self) -> float:
        return max(0.0, -self.level / self.rate) if self.rate else 0.0

    def spend(self, size: int, most: float) -> None:
        self.level = max(self.level - size, min(self.level, -most))


class LineBudget:
    """One a site, for its event loop. `limits` is asked anew each time; `pause` waits some seconds."""

    def __init__(
        self,
        clock: Clock,
        limits: Callable[[], LineLimits] = LineLimits,
        pause: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._pause = pause
        self._all = _Debt()
        self._floors = {use: _Debt() for use in _HEAVY}
        self.live = 0  # live pictures that are open
        self.sent = dict.fromkeys(Use, 0)  # bytes

    def rate(self) -> float:
        """What may go now, in bytes a second; 0: no limit."""
        minute = self._clock.now_us() // MINUTE_US % DAY_MINUTES
        return self._limits().at(minute) * 125.0

    def wait_s(self, use: Use) -> float:
        """How long the next bytes of this use have to wait, as it stands now."""
        if use not in _HEAVY:
            return 0.0
        rate = self._refill()
        floor = self._floors[use].wait_s()
        if use in (Use.RECORDS, Use.RELEASE) and self.live:
            return floor
        return min(self._all.wait_s(), floor) if rate else 0.0

    def book(self, use: Use, size: int) -> None:
        """Bytes go now."""
        rate, own = self._refill(), size if use in _HEAVY else 0
        self._all.spend(size, max(own, _SAVED_S * rate))
        if use in _HEAVY:
            floor = self._floors[use]
            floor.spend(size, max(size, _SAVED_S * floor.rate))
        self.sent[use] += size

    async def turn(self, use: Use, size: int) -> None:
        """Wait until bytes of this use may go, and book them."""
        while wait_s := self.wait_s(use):
            await self._pause(min(wait_s, _LOOK_S))
        self.book(use, size)

    def most_bytes(self) -> int:
        """How large a batch of records should be: two seconds' worth, so that nothing more urgent waits behind it for long."""
        rate = self._refill()
        if self.live:
            rate = self._floors[Use.RECORDS].rate
        return max(_LEAST_BATCH, min(MOST_BYTES, int(_SAVED_S * rate))) if rate else MOST_BYTES

    def _refill(self) -> float:
        rate, now_us = self.rate(), self._clock.monotonic_us()
        self._all.at(rate, now_us)
        for floor in self._floors.values():
            floor.at(min(FLOOR_BYTES_S, rate / _FLOOR_SHARE) if rate else FLOOR_BYTES_S, now_us)
        return rate


class _Kind(msgspec.Struct):
    kind: str = ""


_kinds = msgspec.msgpack.Decoder(_Kind)


class MeteredChannel:
    """A channel on which the site answers, with what it sends booked as what was asked for."""

    def __init__(self, channel: Channel, budget: LineBudget) -> None:
        self._channel = channel
        self._budget = budget
        self._use = Use.ANSWER
        self._live = False

    async def send(self, message: bytes) -> None:
        await self._budget.turn(self._use, len(message))
        await self._channel.send(message)

    async def receive(self) -> bytes:
        message = await self._channel.receive()
        try:
            self._use = _USES.get(_kinds.decode(message).kind, Use.ANSWER)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._use = Use.ANSWER  # whoever answers says what is wrong with it
        self._look(self._use is Use.LIVE)
        return message

    async def close(self) -> None:
        self._look(False)
        await self._channel.close()

    def _look(self, live: bool) -> None:
        self._budget.live += live - self._live
        self._live = live
