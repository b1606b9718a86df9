"""The site's end of a channel that it dialled: a WebSocket, one binary message a word."""

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import LinkFault
from belvedere.link.channel import ChannelClosed, check_size


class DialledChannel:
    """A `link.channel.Channel` to the hub."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @property
    def round_trip_us(self) -> int:
        """To the hub and back, as the last ping took; 0 before there was one, and for less than a millisecond."""
        return round(self._connection.latency * SECOND_US)

    async def send(self, message: bytes) -> None:
        check_size(len(message))
        try:
            await self._connection.send(message)
        except ConnectionClosed as error:
            raise ChannelClosed("The other side hung up.") from error

    async def receive(self) -> bytes:
        try:
            message = await self._connection.recv()
        except ConnectionClosed as error:
            raise ChannelClosed("The other side hung up.") from error
        if isinstance(message, str):
            raise LinkFault("Text came where a message belongs.", advice="Update the older of the two.")
        return message

    async def close(self) -> None:
        await self._connection.close()
