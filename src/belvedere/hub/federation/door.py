"""What partners reach, and nobody else: its own port, its own application, no cookie, no person, two addresses.

Strangers get one sentence. Everything else is signed on both sides (`federation.reception`), whatever the TLS around it says.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from belvedere.foundation.clock import MINUTE_US, Clock
from belvedere.foundation.errors import BadInput, BelvedereError, NotFound, Refused
from belvedere.hub.federation.client import LETTERS, PARTS
from belvedere.hub.federation.packages import Packages
from belvedere.hub.federation.reception import Reception, refusal
from belvedere.hub.federation.signing import DELIVERY, PART_ASK
from belvedere.hub.federation.words import LONGEST_DELIVERY

_BODY_S = 20.0
_BAD_A_MINUTE = 120  # of all strangers together, and as many of each partner; more is turned away
_READ_AT_ONCE = 16  # requests of one address whose bytes are still coming
_AT_ONCE = 64

log = structlog.get_logger()


class _TooLong(BadInput):
    pass


class FederationServer(uvicorn.Server):
    """Leaves the signals to the server of the control room, which shares the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class FederationDoor:
    """The routes. For the hub's event loop."""

    def __init__(self, reception: Reception, packages: Packages, clock: Clock) -> None:
        self._reception = reception
        self._packages = packages
        self._clock = clock
        # By who signed it, "" for strangers: when something came that was of no use.
        self._bad: dict[str, list[int]] = {}
        self._coming: Counter[str] = Counter()  # by address
        self.turned_away = 0  # since the start, without looking what it says
        self.app = Starlette(
            routes=[Route(LETTERS, self._letters, methods=["POST"]), Route(PARTS, self._parts, methods=["POST"])]
        )

    def server(self, tls: ssl.SSLContext) -> FederationServer:
        """A server of it, not started."""
        config = uvicorn.Config(
            self.app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_AT_ONCE,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=2,
        )
        config.load()
        config.ssl = tls
        return FederationServer(config)

    async def _letters(self, request: Request) -> Response:
        return await self._answered(request, DELIVERY, self._reception.take, "application/json")

    async def _parts(self, request: Request) -> Response:
        async def part(data: bytes) -> bytes:
            return await self._packages.part(self._reception, data)

        return await self._answered(request, PART_ASK, part, "application/octet-stream")

    async def _answered(
        self, request: Request, signed: str, work: Callable[[bytes], Awaitable[bytes]], kind: str
    ) -> Response:
        who = ""
        try:
            data = await self._read(request)
            # However many strangers knock, a partner has an allowance of its own: its signature holds.
            who = await self._reception.caller(data, signed)
            if self._too_many(who):
                self.turned_away += 1
                busy = Refused("Too much that makes no sense comes in here.", advice="Try again in a minute.")
                return Response(refusal(busy), 429, media_type="application/json")
            return Response(await work(data), media_type=kind)
        except TimeoutError:
            self._note(who)
            return Response(refusal(BadInput("The request did not end.")), 408, media_type="application/json")
        except BelvedereError as error:
            self._note(who)
            statuses: dict[type[BelvedereError], int] = {_TooLong: 413, BadInput: 400, Refused: 403, NotFound: 404}
            status = statuses.get(type(error), 503)
            if status == 503:
                log.warning("federation_door_fault", reason=str(error))
            return Response(refusal(error), status, media_type="application/json")

    async def _read(self, request: Request) -> bytes:
        """The body. Raises TimeoutError, _TooLong, Refused where an address sends too much at once."""
        address = request.client.host if request.client else ""
        if self._coming[address] >= _READ_AT_ONCE:
            raise Refused("Too many requests of one address come at once.", advice="Send one after the other.")
        self._coming[address] += 1
        try:
            async with asyncio.timeout(_BODY_S):
                return await _bytes(request)
        finally:
            self._coming[address] -= 1
            if not self._coming[address]:
                del self._coming[address]

    def _too_many(self, who: str) -> bool:
        now_us = self._clock.monotonic_us()
        recent = [each for each in self._bad.pop(who, ()) if now_us - each < MINUTE_US]
        if recent:
            self._bad[who] = recent
        return len(recent) >= _BAD_A_MINUTE

    def _note(self, who: str) -> None:
        """Bounded: one list for strangers, one for each partner, none longer than what turns away."""
        mine = self._bad.setdefault(who, [])
        mine.append(self._clock.monotonic_us())
        del mine[:-_BAD_A_MINUTE]


async def _bytes(request: Request) -> bytes:
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > LONGEST_DELIVERY:
            raise _TooLong(f"A delivery has {LONGEST_DELIVERY} bytes at most.")
    return bytes(data)
