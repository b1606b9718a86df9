"""The hub's end of a channel that a site dialled: a WebSocket, one binary message a word."""

import asyncio

from starlette.websockets import WebSocket, WebSocketDisconnect

from belvedere.foundation.errors import LinkFault
from belvedere.link.channel import ChannelClosed, check_size


class AcceptedChannel:
    """A `link.channel.Channel` to a site.

    `done` is set once it is closed from either side; the route that accepted it waits for that.
    """

    def __init__(self, socket: WebSocket, done: asyncio.Event) -> None:
        self._socket = socket
        self._done = done
        self._closed = False

    async def send(self, message: bytes) -> None:
        check_size(len(message))
        if self._closed:
            raise ChannelClosed("The connection is closed.")
        try:
            await self._socket.send_bytes(message)
        except (WebSocketDisconnect, RuntimeError, OSError) as error:  # Starlette says RuntimeError after a close
            self._end()
            raise ChannelClosed("The other side hung up.") from error

    async def receive(self) -> bytes:
        if self._closed:
            raise ChannelClosed("The connection is closed.")
        try:
            message = await self._socket.receive()
        except (WebSocketDisconnect, RuntimeError, OSError) as error:
            self._end()
            raise ChannelClosed("The other side hung up.") from error
        if message["type"] != "websocket.receive":
            self._end()
            raise ChannelClosed("The other side hung up.")
        data = message.get("bytes")
        if data is None:
            raise LinkFault("Text came where a message belongs.", advice="Update the older of the two.")
        return bytes(data)

    async def close(self) -> None:
        if self._closed:
            return
        self._end()
        try:
            await self._socket.close()
        except (WebSocketDisconnect, RuntimeError, OSError):  # closed already by the other side
            return

    def _end(self) -> None:
        self._closed = True
        self._done.set()
