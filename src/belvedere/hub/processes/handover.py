"""Handing a whole request or WebSocket to another process of the hub, on a connection that only such processes can open.

The way in is a listener on loopback that takes nothing without the hub's own word in a header. Who the browser is (address,
scheme) travels along; the other process checks session and door as if the request had come to it.
"""

import asyncio
import hmac
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from belvedere.hub.fleet.door import PEER
from belvedere.link.channel import MAX_MESSAGE_BYTES

_MARK = b"x-belvedere-handed"  # every header that begins so is ours, and taken from nobody else
_WORD, _HOME, _CLIENT, _SCHEME, _PEER = (
    _MARK + part for part in (b"-word", b"-home", b"-client", b"-scheme", b"-peer")
)
_OF_ONE_HOP = frozenset(
    (b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"te", b"trailer", b"proxy-authorization")
)
_OF_SOCKETS = frozenset((b"host", b"sec-websocket-key", b"sec-websocket-version", b"sec-websocket-extensions"))
_CONNECT_S = 3.0
LINK = "link"  # the home of what sites ask; people's requests have one of `Home`


class Unreached(Exception):
    """Nothing was sent: the other process is not there."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A request that another process handed over, with the scope as it was there. `home`: of `Home`, or LINK."""

    home: str
    scope: Scope


class Handover:
    """For one event loop. `word`: the secret that the hub's processes share."""

    def __init__(self, word: str) -> None:
        self._word = word.encode()
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=_CONNECT_S),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64),
            trust_env=False,
        )

    async def close(self) -> None:
        """Hang up."""
        await self._client.aclose()

    def taken(self, scope: Scope) -> Handed | None:
        """What was handed over here; None for a stranger."""
        said = {name: value for name, value in scope["headers"] if name.startswith(_MARK)}
        if not hmac.compare_digest(said.get(_WORD, b""), self._word):
            return None
        host, _, port = said.get(_CLIENT, b"").decode("latin-1").rpartition(" ")
        inner: dict[str, Any] = {
            **scope,
            "headers": _without_marks(scope["headers"]),
            "client": (host, int(port)) if port.isdecimal() else None,
            "scheme": said.get(_SCHEME, b"http").decode("latin-1"),
        }
        if _PEER in said:
            inner[PEER] = said[_PEER].decode("latin-1")
        return Handed(said.get(_HOME, b"").decode("latin-1"), inner)

    def _marks(self, scope: Scope, home: str) -> list[tuple[bytes, bytes]]:
        host, port = scope.get("client") or ("", 0)
        marks = [
            (_WORD, self._word),
            (_HOME, home.encode()),
            (_CLIENT, f"{host} {port}".encode("latin-1")),
            (_SCHEME, str(scope.get("scheme", "http")).encode("latin-1")),
        ]
        return [*marks, (_PEER, str(scope[PEER]).encode("latin-1"))] if PEER in scope else marks

    async def hand(self, scope: Scope, receive: Receive, send: Send, address: str, home: str) -> None:
        """Have the process at `address` answer. Raises Unreached when nothing was sent yet."""
        if scope["type"] == "websocket":
            await self._hand_socket(scope, receive, send, address, home)
        else:
            await self._hand_request(scope, receive, send, address, home)

    async def _hand_request(self, scope: Scope, receive: Receive, send: Send, address: str, home: str) -> None:
        headers = [each for each in _without_marks(scope["headers"]) if each[0] not in _OF_ONE_HOP]
        long = any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])
        left = asyncio.Event()

        async def body() -> AsyncGenerator[bytes]:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    left.set()
                    return
                yield message.get("body", b"")
                if not message.get("more_body", False):
                    return

        request = httpx.Request(
            scope["method"],
            httpx.URL(f"http://{address}", raw_path=_path_of(scope)),
            headers=[*headers, *self._marks(scope, home)],
            content=body() if long else None,
        )
        try:
            answer = await self._client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Unreached from error
        gone = asyncio.create_task(_until_gone(receive, left))
        sending = asyncio.create_task(_send_on(answer, send))
        try:
            await asyncio.wait([gone, sending], return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            for task in (gone, sending):
                task.cancel()
            await asyncio.gather(gone, sending, return_exceptions=True)
            await answer.aclose()

    async def _hand_socket(self, scope: Scope, receive: Receive, send: Send, address: str, home: str) -> None:
        there, _, port = address.rpartition(":")
        asked = dict(scope["headers"]).get(b"host", b"hub").decode("latin-1")
        names = [each for each in _without_marks(scope["headers"]) if each[0] not in _OF_ONE_HOP | _OF_SOCKETS]
        try:
            upstream = await connect(
                f"ws://{asked}{_path_of(scope).decode('latin-1')}",
                host=there,
                port=int(port),
                additional_headers=[
                    (name.decode("latin-1"), value.decode("latin-1"))
                    for name, value in [*names, *self._marks(scope, home)]
                ],
                compression=None,
                user_agent_header=None,
                proxy=None,
                open_timeout=_CONNECT_S * 5,
                close_timeout=1,
                ping_interval=None,
                max_size=MAX_MESSAGE_BYTES,
                max_queue=16,
            )
        except InvalidHandshake:  # the other process says no, as it would have said here
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        except (OSError, TimeoutError) as error:
            raise Unreached from error
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        ways = [asyncio.create_task(_up(receive, upstream)), asyncio.create_task(_down(upstream, send))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            await upstream.close()


async def _until_gone(receive: Receive, left: asyncio.Event) -> None:
    """Until the browser hangs up; its request was read to the end before the answer began."""
    while not left.is_set():
        if (await receive())["type"] == "http.disconnect":
            return


async def _send_on(answer: httpx.Response, send: Send) -> None:
    headers = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in _OF_ONE_HOP]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    async for part in answer.aiter_raw():
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _up(receive: Receive, upstream: ClientConnection) -> None:
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            await upstream.close(_closing(message.get("code")))
            return
        text, data = message.get("text"), message.get("bytes")
        try:
            await upstream.send(text if text is not None else data or b"")
        except ConnectionClosed:
            await asyncio.Event().wait()  # `_down` says how it ended


async def _down(upstream: ClientConnection, send: Send) -> None:
    try:
        while True:
            message = await upstream.recv()
            await send(
                {"type": "websocket.send", "text": message}
                if isinstance(message, str)
                else {"type": "websocket.send", "bytes": message}
            )
    except ConnectionClosed as error:
        said = error.rcvd
        code, reason = (said.code, said.reason) if said is not None else (1012, "The hub's other process ended.")
        await send({"type": "websocket.close", "code": _closing(code), "reason": reason})


def _closing(code: int | None) -> int:
    """A code that may be sent: some only tell what was not said."""
    return (
        code if code is not None and (code in range(1000, 1004) or code in range(1007, 1015) or code >= 3000) else 1000
    )


def _path_of(scope: Scope) -> bytes:
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    return path + b"?" + query if query else path


def _without_marks(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if not name.startswith(_MARK)]


def stripped(app: ASGIApp) -> ASGIApp:
    """`app`, for whom nobody outside can pretend that a request was handed over."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if "headers" in scope:
            scope = {**scope, "headers": _without_marks(scope["headers"])}
        await app(scope, receive, send)

    return serve
