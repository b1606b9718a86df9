"""Sends the outbox: alerts first, then metadata, then thumbnails; in order, until the hub has them, as the budget lets."""

import asyncio
import http.client
import ssl
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from belvedere.foundation.clock import HOUR_US, Clock
from belvedere.foundation.errors import BelvedereError, LinkFault, Refused, StorageFault
from belvedere.link.records import LANES, Batch, Received, pack
from belvedere.site.outbox.store import Outbox
from belvedere.site.uplink.budget import LineBudget, Use
from belvedere.site.uplink.https import Answer, HubConnection
from belvedere.site.uplink.papers import Place

LOOK_EVERY_S = 1.0
_WAIT_S = (1.0, 30.0)

log = structlog.get_logger()
Post = Callable[[bytes], Awaitable[bytes]]


class Sender:
    """One a site, for its event loop. `post` carries bytes to the hub and returns its answer, or raises BelvedereError."""

    def __init__(self, outbox: Outbox, post: Post, clock: Clock, budget: LineBudget | None = None) -> None:
        self._outbox = outbox
        self._post = post
        self._clock = clock
        self._budget = budget or LineBudget(clock)
        self._tidied_us: int | None = None
        self.sent = 0
        self.lost = 0
        self.said = ""  # why nothing goes, "" while it does

    async def run(self, may: Callable[[], bool]) -> None:
        """Send whenever `may` says that the hub is there, until cancelled."""
        wait_s, asked = _WAIT_S[0], False
        while True:
            if not may():
                asked = False
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            try:
                if not asked:
                    asked = await self.ask()
                if not await self.send_one():
                    await asyncio.sleep(LOOK_EVERY_S)
                self.said, wait_s = "", _WAIT_S[0]
                await self._tidy()
            except (Refused, LinkFault, StorageFault) as error:
                self.said, asked = error.message, False
                await asyncio.sleep(wait_s)
                wait_s = min(_WAIT_S[1], wait_s * 2)

    async def ask(self) -> bool:
        """Learn how far the hub is in each lane: after a connection, because it may have been restored from a backup."""
        for lane in LANES:
            batch = await asyncio.to_thread(self._outbox.question, lane)
            if batch is None:
                return False
            await self._carry(batch)
        return True

    async def send_one(self) -> bool:
        """Send one batch of the most urgent lane that has any; whether there was one. Raises LinkFault, Refused."""
        for lane in LANES:
            batch = await asyncio.to_thread(self._outbox.batch, lane, self._budget.most_bytes())
            if batch is not None:
                await self._carry(batch)
                self.sent += len(batch.records)
                return True
        return False

    async def _carry(self, batch: Batch) -> None:
        data = pack(batch)
        await self._budget.turn(Use.RECORDS, len(data))
        try:
            answer = msgspec.msgpack.decode(await self._post(data), type=Received)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise LinkFault(
                "The hub's answer to records makes no sense.", advice="Update the older of the two."
            ) from error
        if not await asyncio.to_thread(self._outbox.received, batch.epoch, batch.lane, answer.next_seq):
            raise LinkFault("The hub claims records that this site never made.", advice="Enrol the site anew.")

    async def _tidy(self) -> None:
        now_us = self._clock.monotonic_us()
        if self._tidied_us is None or now_us - self._tidied_us >= HOUR_US:
            self._tidied_us = now_us
            lost = await asyncio.to_thread(self._outbox.tidy)
            if lost:
                self.lost += lost
                log.error("records_dropped", records=lost)


class HttpsPost:
    """`Post` over HTTPS with the site's papers; the connection stays open between batches."""

    def __init__(
        self, tls: Callable[[], ssl.SSLContext], place: Callable[[], Place], path: str = "/link/records"
    ) -> None:
        """`tls` and `place` block, and are asked anew for each new connection. `path`: where at the hub."""
        self._path = path
        self._tls = tls
        self._place = place
        self._connection: HubConnection | None = None

    async def __call__(self, data: bytes) -> bytes:
        return await asyncio.to_thread(self._send, data)

    def _send(self, data: bytes) -> bytes:
        try:
            if self._connection is None:
                place = self._place()
                self._connection = HubConnection(place.host, place.port, self._tls())
            answer = self._connection.exchange("POST", self._path, data)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise LinkFault(f"The hub is not reached at {self._path}: {error}.", advice="Check the line.") from error
        if answer.status == 200:
            return answer.body
        self.close()
        raise _no(answer)

    def close(self) -> None:
        """Hang up; the next call opens anew, with the papers of then."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _no(answer: Answer) -> BelvedereError:
    try:
        said = msgspec.msgpack.decode(answer.body, type=dict[str, str])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        said = {"message": f"The hub answered {answer.status}."}
    return (Refused if answer.status == 403 else LinkFault)(said.get("message", ""), advice=said.get("advice", ""))
