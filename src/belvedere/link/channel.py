"""Channels: whole messages in order, both ways, between the asker (hub, command line) and a site.

On one machine a channel is a Unix stream socket with a u32 big-endian length before each message; tests use a pair in
memory. Who connected to whom is no concern of what travels on it.
"""

import asyncio
import contextlib
import os
import socket
import stat
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from belvedere.foundation.errors import Conflict, LinkFault

MAX_MESSAGE_BYTES = 16 << 20
_BACKLOG = 64  # connections waiting to be accepted


class ChannelClosed(LinkFault):
    """The other side hung up, or this side closed the channel."""


class Channel(Protocol):
    """One conversation. One sender and one receiver at a time; a cancelled `receive` leaves the channel fit for closing only."""

    async def send(self, message: bytes) -> None:
        """Send one message, waiting while the other side is slow. Raises ChannelClosed; LinkFault above 16 MiB."""
        ...

    async def receive(self) -> bytes:
        """The next message. Raises ChannelClosed when there is none, LinkFault when it breaks the framing."""
        ...

    async def close(self) -> None:
        """Hang up. Harmless when closed already."""
        ...


def check_size(size: int) -> None:
    """Raises LinkFault for a message above the limit."""
    if size > MAX_MESSAGE_BYTES:
        raise LinkFault(
            f"A message of {size} bytes is over the limit of {MAX_MESSAGE_BYTES}.", advice="Ask for a shorter span."
        )


class StreamChannel:
    """A channel over an asyncio byte stream: u32 length, then the message."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, message: bytes) -> None:
        check_size(len(message))
        if self._writer.is_closing():
            raise ChannelClosed("The connection is closed.")
        try:
            self._writer.writelines((struct.pack(">I", len(message)), message))
            await self._writer.drain()
        except OSError as error:
            raise ChannelClosed("The other side hung up.") from error

    async def receive(self) -> bytes:
        try:
            (size,) = struct.unpack(">I", await self._reader.readexactly(4))
            check_size(size)
            return await self._reader.readexactly(size)
        except (OSError, asyncio.IncompleteReadError) as error:
            raise ChannelClosed("The other side hung up.") from error

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


class MemoryChannel:
    """Half of a pair in memory, for tests. Bounded like a socket: a sender waits for a slow receiver."""

    def __init__(self, outgoing: "asyncio.Queue[bytes | None]", incoming: "asyncio.Queue[bytes | None]") -> None:
        self._outgoing = outgoing
        self._incoming = incoming
        self._closed = asyncio.Event()
        self.peer: MemoryChannel | None = None

    async def _until_hung_up(self, work: Awaitable[bytes | None]) -> bytes | None:
        """The result of `work`, or None when either side closes first."""
        assert self.peer is not None
        task = asyncio.ensure_future(work)
        closings = [asyncio.ensure_future(end._closed.wait()) for end in (self, self.peer)]
        try:
            await asyncio.wait([task, *closings], return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            for each in (task, *closings):
                each.cancel()

    async def send(self, message: bytes) -> None:
        check_size(len(message))
        assert self.peer is not None

        async def put() -> bytes:
            await self._outgoing.put(message)
            return b"sent"

        closed = self._closed.is_set() or self.peer._closed.is_set()
        if closed or await self._until_hung_up(put()) is None:
            raise ChannelClosed("The other side hung up.")

    async def receive(self) -> bytes:
        if not self._closed.is_set():
            if not self._incoming.empty():  # what was sent before a close still arrives
                message = self._incoming.get_nowait()
            else:
                message = await self._until_hung_up(self._incoming.get())
            if message is not None:
                return message
        raise ChannelClosed("The other side hung up.")

    async def close(self) -> None:
        self._closed.set()


def memory_pair(depth: int = 8) -> tuple[MemoryChannel, MemoryChannel]:
    """Two joined channels that hold up to `depth` messages each way."""
    there: asyncio.Queue[bytes | None] = asyncio.Queue(depth)
    back: asyncio.Queue[bytes | None] = asyncio.Queue(depth)
    left, right = MemoryChannel(there, back), MemoryChannel(back, there)
    left.peer, right.peer = right, left
    return left, right


async def connect_unix(path: Path) -> Channel:
    """A channel to the process that listens at `path`. Raises ChannelClosed when nobody does."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(path))
    except OSError as error:
        raise ChannelClosed(f"Nobody answers at {path}.") from error
    return StreamChannel(reader, writer)


async def listen_unix(path: Path, serve: Callable[[Channel], Awaitable[None]]) -> asyncio.Server:
    """Listen at `path`, for this user only (mode 0600), and call `serve` with a channel for each connection.

    A socket left behind by a killed process is replaced. Raises Conflict when another process listens there.
    """

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        channel = StreamChannel(reader, writer)
        try:
            await serve(channel)
        finally:
            await channel.close()

    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _remove_dead_socket(path)
        listener.bind(str(path))
        path.chmod(0o600)  # before listen(): until then every connection is refused
        listener.listen(_BACKLOG)
        listener.setblocking(False)
        return await asyncio.start_unix_server(accepted, sock=listener)
    except BaseException:
        listener.close()
        raise


def _remove_dead_socket(path: Path) -> None:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise Conflict(f"{path} is not a socket.", advice="Move it away and start again.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise Conflict(f"Another process serves {path}.", advice="Stop the other one, or use another data folder.")
