"""The link's listener: what sites reach, and nobody else. Its own port, its own application, no cookie, no person.

`/enrol...` takes a site that has no papers yet; everything else asks for a certificate from the allow-list at every message.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BadInput, BelvedereError, LinkFault, NotFound, Refused
from belvedere.hub.fleet.accepted import AcceptedChannel
from belvedere.hub.fleet.authority import digest_of
from belvedere.hub.fleet.calls import Line, Switchboard
from belvedere.hub.fleet.desk import FleetDesk
from belvedere.hub.fleet.records import RecordBook
from belvedere.link.channel import MAX_MESSAGE_BYTES, ChannelClosed
from belvedere.link.control import Farewell, FromHub, Hello, Welcome, heard_from_site, say
from belvedere.link.enrolment import Ask, Renewal
from belvedere.link.messages import VERSION
from belvedere.link.records import Received, unpack

PEER = "belvedere.peer"  # in the scope: SHA-256 hex of the certificate that the other end proved to own, "" for none
_LONGEST_BODY = 16 << 10
_LONGEST_BATCH = 2 << 20
_HELLO_S = 10.0
_PING_S = 20.0
_ASKS_A_MINUTE = 30  # of machines without papers, together

log = structlog.get_logger()
_Shape = TypeVar("_Shape", bound=msgspec.Struct)


class _Named:
    """Puts the other end's certificate into every scope of a connection; stock uvicorn checks it and keeps it to itself."""

    app: ASGIApp

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[misc]
        tls = transport.get_extra_info("ssl_object")
        der = tls.getpeercert(binary_form=True) if tls is not None else None
        digest, inner = digest_of(der) if der else "", self.app

        async def named(scope: Scope, receive: Receive, send: Send) -> None:
            await inner({**scope, PEER: digest}, receive, send)

        self.app = named


class LinkHttp(_Named, H11Protocol):
    """HTTP/1.1 that knows who is there, and waits for nobody's goodbye when the hub ends."""

    def shutdown(self) -> None:
        """An answer on its way is finished; where there is none, TLS would wait for an end that may be gone."""
        super().shutdown()
        if self.transport.is_closing():
            self.transport.abort()


class LinkSocket(_Named, WebSocketsSansIOProtocol):
    """WebSocket that knows who is there, and lets go of a line that answers no ping."""

    def keepalive_timeout(self) -> None:
        """Close at once: TLS would wait half a minute for the goodbye of an end that is not there."""
        super().keepalive_timeout()
        self.transport.abort()


class LinkDoor:
    """The routes. One for each hub; use it on the hub's event loop."""

    def __init__(self, desk: FleetDesk, switchboard: Switchboard, records: RecordBook, clock: Clock, hub: str) -> None:
        self._desk = desk
        self._switchboard = switchboard
        self._records = records
        self._clock = clock
        self._hub = hub
        self._asked: list[int] = []
        # Pieces of the release that was ordered of a site (hub/rollouts).
        self.pieces: Callable[[str, bytes], Awaitable[bytes]] | None = None
        self.app = Starlette(
            routes=[
                Route("/enrol/authority", self._authority, methods=["GET"]),
                Route("/enrol", self._ask, methods=["POST"]),
                Route("/enrol/{enrolment}", self._papers, methods=["GET"]),
                Route("/link/renew", self._renew, methods=["POST"]),
                Route("/link/records", self._take, methods=["POST"]),
                Route("/link/release", self._piece, methods=["POST"]),
                WebSocketRoute("/link/control", self._control),
                WebSocketRoute("/link/data/{ticket}", self._data),
            ]
        )

    def config(self, tls: ssl.SSLContext, app: ASGIApp | None = None) -> uvicorn.Config:
        """How uvicorn serves it; `app` in the place of its own, which it may pass on to."""
        config = uvicorn.Config(
            app or self.app,
            interface="asgi3",
            http=LinkHttp,
            ws=LinkSocket,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_per_message_deflate=False,
            ws_ping_interval=_PING_S,
            ws_ping_timeout=_PING_S,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=2,
        )
        config.load()
        config.ssl = tls
        return config

    def _site(self, connection: HTTPConnection) -> str:
        digest = str(connection.scope.get(PEER, ""))
        if not digest:
            raise Refused("No certificate was shown.", advice="Enrol the site: `belvedere site enrol`.")
        return self._desk.site_of(digest)

    async def _authority(self, request: Request) -> Response:
        return Response(self._desk.authority.der, media_type="application/pkix-cert")

    async def _ask(self, request: Request) -> Response:
        async def ask() -> msgspec.Struct:
            self._not_too_often()
            client = request.client
            return await self._desk.ask(await _body(request, Ask), client.host if client else "")

        return await _answered(ask)

    async def _papers(self, request: Request) -> Response:
        async def papers() -> msgspec.Struct:
            return await self._desk.papers(request.path_params["enrolment"])

        return await _answered(papers)

    async def _renew(self, request: Request) -> Response:
        async def renew() -> msgspec.Struct:
            site = self._site(request)
            renewal = await _body(request, Renewal)
            return await self._desk.renew(site, str(request.scope[PEER]), renewal.request)

        return await _answered(renew)

    async def _take(self, request: Request) -> Response:
        async def take() -> msgspec.Struct:
            site = self._site(request)
            batch = unpack(await _bytes(request, _LONGEST_BATCH))
            next_seq = await self._records.bring(site, batch)
            self._site(request)  # revoked meanwhile: the answer is not theirs any more
            return Received(next_seq)

        return await _answered(take)

    async def _piece(self, request: Request) -> Response:
        try:
            site = self._site(request)
            if self.pieces is None:
                raise NotFound("This hub gives out no release.")
            data = await self.pieces(site, await _bytes(request, _LONGEST_BODY))
        except BelvedereError as error:
            return _said(error)
        return Response(data, media_type="application/octet-stream")

    def _not_too_often(self) -> None:
        now_us = self._clock.monotonic_us()
        self._asked = [each for each in self._asked if now_us - each < 60_000_000]
        if len(self._asked) >= _ASKS_A_MINUTE:
            raise Refused("Too many sites ask at once.", advice="Try again in a minute.")
        self._asked.append(now_us)

    async def _control(self, socket: WebSocket) -> None:
        await socket.accept()
        done = asyncio.Event()
        channel = AcceptedChannel(socket, done)

        async def tell(word: FromHub) -> None:
            await channel.send(say(word))

        line: Line | None = None
        try:
            site = self._site(socket)
            digest = str(socket.scope[PEER])
            async with asyncio.timeout(_HELLO_S):
                hello = heard_from_site(await channel.receive())
            if not isinstance(hello, Hello) or hello.site != site:
                raise LinkFault("The first word names another site.", advice="Enrol the site again.")
            if hello.version != VERSION:
                raise LinkFault(
                    f"The site speaks version {hello.version} of the link, the hub {VERSION}.",
                    advice="Update the older of the two.",
                )
            client = socket.client
            now_us = self._clock.now_us()
            pulse = _Pulse(tell, self._hub, self._clock)
            line = Line(site, digest, hello, client.host if client else "", now_us, tell, channel.close, pulse.answers)
            await self._switchboard.open(line)
            await tell(Welcome(self._hub, self._clock.now_us()))
            log.info("site_connected", site=site, software=hello.software)
            while True:
                word = heard_from_site(await channel.receive())
                pulse.heard()
                if self._desk.site_of(digest) != site:  # revoked: at the next message
                    raise Refused("This certificate opens nothing here.")
                if isinstance(word, Hello):
                    raise LinkFault("A site says hello once.")
                self._switchboard.heard(line, word.now_us, word)
        except ChannelClosed:
            log.info("site_away", site=line.site if line else "")
        except TimeoutError:
            await channel.close()
        except BelvedereError as error:
            log.warning("site_turned_away", reason=str(error), site=line.site if line else "")
            try:
                await tell(Farewell(error.code, error.message))
            except ChannelClosed:
                log.info("farewell_not_heard")
        finally:
            if line is not None:
                self._switchboard.close(line)
            await channel.close()

    async def _data(self, socket: WebSocket) -> None:
        done = asyncio.Event()
        try:
            site = self._site(socket)
        except Refused:
            await socket.close()
            return
        await socket.accept()
        channel = AcceptedChannel(socket, done)
        if not self._switchboard.take(site, socket.path_params["ticket"], channel):
            await channel.close()
            return
        try:
            await done.wait()
        finally:
            self._switchboard.gone(site, channel)
            await channel.close()


class _Pulse:
    """Finds out whether a line still answers: says welcome once more, to which every site answers with a beat."""

    def __init__(self, tell: Callable[[FromHub], Awaitable[None]], hub: str, clock: Clock) -> None:
        self._tell = tell
        self._hub = hub
        self._clock = clock
        self._heard = asyncio.Event()

    def heard(self) -> None:
        self._heard.set()

    async def answers(self) -> bool:
        self._heard.clear()
        try:
            async with asyncio.timeout(3.0):
                await self._tell(Welcome(self._hub, self._clock.now_us()))
                await self._heard.wait()
        except (ChannelClosed, TimeoutError):
            return False
        return True


async def _body(request: Request, shape: type[_Shape]) -> _Shape:
    data = await _bytes(request, _LONGEST_BODY)
    try:
        return msgspec.msgpack.decode(data, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadInput(f"The request makes no sense: {error}.", advice="Run the same version on both.") from error


async def _bytes(request: Request, most: int) -> bytes:
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > most:
            raise BadInput("The request is too long.")
    return bytes(data)


async def _answered(work: Callable[[], Awaitable[Any]]) -> Response:
    """The answer as MessagePack, or the error as the exception tree words it."""
    try:
        return Response(msgspec.msgpack.encode(await work()), media_type="application/msgpack")
    except BelvedereError as error:
        return _said(error)


def _said(error: BelvedereError) -> Response:
    status = {NotFound: 404, BadInput: 400, Refused: 403}.get(type(error), 503)
    body = msgspec.msgpack.encode({"code": error.code, "message": error.message, "advice": error.advice})
    return Response(body, status_code=status, media_type="application/msgpack")
