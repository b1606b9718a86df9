"""The bus between the hub's processes: core NATS. It wakes and it asks; nothing is acknowledged on it, and nothing rests on it.

Whatever is told may be lost: everybody looks into the database once a second anyway. What is asked has an answer or an error.
Messages carry a code made with a key that only the hub's processes have, so that whoever reaches the server can't give orders.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from belvedere.foundation.errors import LinkFault

_CODE_BYTES = 32
_RETRY_S = 1
_LOG = structlog.get_logger()
Hear = Callable[[bytes], None]
Respond = Callable[[bytes], Awaitable[bytes]]


class BusAway(LinkFault):
    """The NATS server can't be reached: what sits in another process can't be asked of it now."""

    code = "bus_away"


class Bus:
    """For one event loop. Comes back by itself."""

    def __init__(self, url: str, key: bytes) -> None:
        self._url = url
        self._key = key
        self._prefix = f"belvedere.{sha256(key).hexdigest()[:12]}"  # several hubs may share one server
        self._client: Client | None = None
        # Invariant: what is listened to, with or without a connection.
        self._ears: dict[str, Callable[[Msg], Awaitable[None]]] = {}
        self._subscriptions: dict[str, Any] = {}
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.lost = 0  # messages that could not be told, or that somebody else made up

    @property
    def up(self) -> bool:
        """Whether there is a connection now."""
        return self._client is not None and self._client.is_connected

    def start(self) -> None:
        """Begin to connect."""
        self._task = asyncio.create_task(self._connect(), name="bus")

    async def stop(self) -> None:
        """Hang up."""
        self._stopping = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._client is not None:
            await self._client.close()

    async def _connect(self) -> None:
        while True:
            client = Client()
            try:
                await client.connect(
                    self._url,
                    allow_reconnect=True,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=_RETRY_S,
                    connect_timeout=2,
                    error_cb=self._failed,
                    disconnected_cb=self._away,
                    reconnected_cb=self._back,
                    pending_size=256 << 10,
                )
            except (NatsError, OSError, TimeoutError) as error:
                _LOG.warning("bus_away", reason=repr(error))
                await client.close()
                await asyncio.sleep(_RETRY_S)
                continue
            self._client = client
            for subject, ear in list(self._ears.items()):
                await self._subscribe(subject, ear)
            return

    async def _failed(self, error: Exception) -> None:
        _LOG.info("bus_fault", reason=repr(error))

    async def _away(self) -> None:
        if not self._stopping:
            _LOG.warning("bus_away")

    async def _back(self) -> None:
        _LOG.info("bus_back")

    async def _subscribe(self, subject: str, ear: Callable[[Msg], Awaitable[None]]) -> None:
        if self._client is not None and subject not in self._subscriptions:
            self._subscriptions[subject] = await self._client.subscribe(f"{self._prefix}.{subject}", cb=ear)

    async def hear(self, subject: str, ear: Hear) -> None:
        """Call `ear` with what is told about `subject`."""

        async def heard(message: Msg) -> None:
            body = self._open(message)
            if body is not None:
                ear(body)

        self._ears[subject] = heard
        await self._subscribe(subject, heard)

    async def respond(self, subject: str, respond: Respond) -> None:
        """Answer what is asked about `subject`."""

        async def asked(message: Msg) -> None:
            body = self._open(message)
            if body is not None and message.reply:
                await message.respond(self._seal(message.reply, await respond(body)))

        self._ears[subject] = asked
        await self._subscribe(subject, asked)

    async def forget(self, subject: str) -> None:
        """Neither hear nor answer that any more."""
        self._ears.pop(subject, None)
        subscription = self._subscriptions.pop(subject, None)
        if subscription is not None and self.up:
            await subscription.unsubscribe()

    async def ask(self, subject: str, body: bytes, timeout_s: float) -> bytes | None:
        """What the process that has `subject` says; None when there is none. Raises BusAway."""
        client = self._client
        if client is None or not client.is_connected:
            raise BusAway("The message bus is away.", advice="Start the NATS server of [hub] bus; nothing is lost.")
        name = f"{self._prefix}.{subject}"
        try:
            message = await client.request(name, self._seal(name, body), timeout=timeout_s)
        except NoRespondersError:
            return None
        except (NatsError, OSError, TimeoutError) as error:
            raise BusAway(
                f"The message bus does not answer: {error!r}.", advice="Look at the NATS server of [hub] bus."
            ) from error
        return self._open(message)

    def tell(self, subject: str, body: bytes = b"") -> None:
        """Tell whoever hears it; lost while the bus is away."""
        client = self._client
        if client is None or not client.is_connected:
            self.lost += 1
            return
        name = f"{self._prefix}.{subject}"
        task = asyncio.ensure_future(client.publish(name, self._seal(name, body)))
        task.add_done_callback(self._told)

    def _told(self, task: "asyncio.Future[None]") -> None:
        if task.cancelled() or task.exception() is not None:
            self.lost += 1

    def _seal(self, name: str, body: bytes) -> bytes:
        return hmac.digest(self._key, name.encode() + b"\0" + body, "sha256") + body

    def _open(self, message: Msg) -> bytes | None:
        code, body = message.data[:_CODE_BYTES], message.data[_CODE_BYTES:]
        right = hmac.digest(self._key, message.subject.encode() + b"\0" + body, "sha256")
        if not hmac.compare_digest(code, right):
            self.lost += 1
            _LOG.warning("bus_stranger", subject=message.subject)
            return None
        return body
