"""A site that catches up while somebody looks live, on one simulated clock: real sender, outbox and budget, a line with a rate."""

import asyncio
import random
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from belvedere.foundation.clock import SECOND_US
from belvedere.link.configuration import LineLimits
from belvedere.link.records import Received, unpack
from belvedere.site.outbox.sender import Sender
from belvedere.site.uplink.budget import LineBudget, Use
from outbox_stage import Estate

FRAME_US = SECOND_US // 10


@dataclass
class Catching:
    """`rate`: of the line, in bytes a second; what is sent waits behind what was sent before. A frame comes each FRAME_US."""

    folder: Path
    rate: int = 125_000
    frame_bytes: int = 5_000
    limits: LineLimits = field(default_factory=LineLimits)
    told_of_live: bool = True  # False: a planted fault: the budget hears of no viewer
    looks: bool = False
    late_us: list[int] = field(default_factory=list)  # how long each frame took to the hub
    posted: list[int] = field(default_factory=list)  # sizes of batches

    def __post_init__(self) -> None:
        self.estate = Estate(self.folder, 5)
        self.clock = self.estate.clock
        self.budget = LineBudget(self.clock, lambda: self.limits, self.pass_s)
        self.sender = Sender(self.estate.outbox, self._post, self.clock, self.budget)
        self._free_us = self._next_us = self.clock.monotonic_us()

    def backlog(self, records: int, letters: int = 400) -> None:
        """So many events happen while there is no line; their words do not shrink by much."""
        chance = random.Random(7)
        with self.estate.index.write() as db:
            for at in range(records):
                source = chance.randbytes(letters // 2).hex()
                words = ("motion", f"{at:06}{source}", self.clock.now_us())
                db.execute(
                    "INSERT INTO device_event (camera_id, kind, source, active, arrival_us) VALUES (1, ?, ?, 1, ?)",
                    words,
                )
                self.estate.told[1].append(words[1])

    def look(self, looks: bool) -> None:
        """Somebody begins, or ends, to look live."""
        self.looks = looks
        self._next_us = self.clock.monotonic_us()
        if self.told_of_live:
            self.budget.live = int(looks)

    def _carry(self, size: int) -> int:
        """Put bytes on the line; when they are through."""
        self._free_us = max(self._free_us, self.clock.monotonic_us()) + size * SECOND_US // self.rate
        return self._free_us

    def _pass_until(self, then_us: int) -> None:
        while self.looks and self._next_us <= then_us:
            self.clock.advance(max(0, self._next_us - self.clock.monotonic_us()))
            self.budget.book(Use.LIVE, self.frame_bytes)
            self.late_us.append(self._carry(self.frame_bytes) - self.clock.monotonic_us())
            self._next_us += FRAME_US
        self.clock.advance(max(0, then_us - self.clock.monotonic_us()))

    async def pass_s(self, seconds: float) -> None:
        """Time goes by; frames go over the line in it."""
        self._pass_until(self.clock.monotonic_us() + int(seconds * SECOND_US) + 1)
        await asyncio.sleep(0)

    async def _post(self, data: bytes) -> bytes:
        self.posted.append(len(data))
        self._pass_until(self._carry(len(data)))
        return msgspec.msgpack.encode(Received(self.estate.book.take("rowan", unpack(data))))
