"""One worker's connection: messages out of the Unix socket, footage without a further copy, and orders back."""

import asyncio
import os
import socket
import struct
from typing import Protocol, cast

import msgspec
import structlog

from belvedere.foundation.errors import BelvedereError
from belvedere.site.ingest.messages import AsRead, Hello, IngestFigures, ToWorker, Trouble
from belvedere.site.recorder.chunks import CHUNK_BYTES, Chunks

log = structlog.get_logger()

MAX_MESSAGE_BYTES = 48 << 20
_LEAST_READ_BYTES = 16 << 10  # less room than this at a chunk's end is not read into
_LENGTH = struct.Struct(">I")
_UCRED = struct.Struct("3i")


class Intake(Protocol):
    """Who hears what workers say."""

    def joined(self, connection: "WorkerConnection") -> None: ...

    def said(self, connection: "WorkerConnection", message: AsRead) -> None:
        """A message. A BelvedereError raised here is answered with `Trouble`; then the connection is closed."""
        ...

    def left(self, connection: "WorkerConnection") -> None: ...


class WorkerConnection(asyncio.BufferedProtocol):
    """Invariants: the first message is `Hello`; bytes [_start, _end) of the buffer are not yet understood; what was understood
    is never written over, as messages are views into it.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._chunks = Chunks()
        self._buffer = memoryview(self._chunks.take(CHUNK_BYTES))
        self._start = 0
        self._end = 0
        self._decoder: msgspec.msgpack.Decoder[AsRead] = msgspec.msgpack.Decoder(AsRead)
        self._encoder = msgspec.msgpack.Encoder()
        self._transport: asyncio.Transport | None = None
        self.hello: Hello | None = None
        self.paused = False
        self.pauses = 0
        self.figures: IngestFigures | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("socket")
        if hasattr(socket, "SO_PEERCRED"):
            raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
            if _UCRED.unpack(raw)[1] not in (0, os.getuid()):
                log.error("ingest_stranger_refused", uid=_UCRED.unpack(raw)[1])
                self._transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        if len(self._buffer) - self._end < _LEAST_READ_BYTES and self._start + self._needed() > len(self._buffer):
            self._make_room()
        return self._buffer[self._end :]

    def _needed(self) -> int:
        """Bytes of the message under way, with its length; more than any chunk has left where that did not come yet."""
        if self._end - self._start < _LENGTH.size:
            return CHUNK_BYTES
        size: int = _LENGTH.unpack_from(self._buffer, self._start)[0]
        return _LENGTH.size + size

    def _make_room(self) -> None:
        """Go on in another chunk, into which the message under way fits; what of it has come moves there."""
        kept = self._buffer[self._start : self._end]
        self._buffer = memoryview(self._chunks.take(max(CHUNK_BYTES, self._needed())))
        self._start, self._end = 0, len(kept)
        self._buffer[: self._end] = kept

    def buffer_updated(self, nbytes: int) -> None:
        self._end += nbytes
        try:
            self._understand()
        except (msgspec.MsgspecError, UnicodeDecodeError, struct.error) as error:
            log.error("ingest_nonsense", slot=self.slot, error=str(error))
            self.abort()
        except BelvedereError as error:
            log.warning("ingest_refused", slot=self.slot, error=str(error))
            self.send(Trouble(error.code, error.message, error.advice))
            self.close()

    def _understand(self) -> None:
        while self._end - self._start >= _LENGTH.size and not self.closing:
            (size,) = _LENGTH.unpack_from(self._buffer, self._start)
            if size > MAX_MESSAGE_BYTES:
                raise msgspec.DecodeError(f"a message of {size} bytes")
            stop = self._start + _LENGTH.size + size
            if stop > self._end:
                if stop > len(self._buffer):
                    self._make_room()
                return
            message = self._decoder.decode(self._buffer[self._start + _LENGTH.size : stop])
            self._start = stop
            self._dispatch(message)

    def _dispatch(self, message: AsRead) -> None:
        if self.hello is None:
            if not isinstance(message, Hello) or message.kind not in ("ingest", "import"):
                raise msgspec.DecodeError("no hello")
            self.hello = message
            self._intake.joined(self)
        elif isinstance(message, IngestFigures):
            self.figures = message
        else:
            self._intake.said(self, message)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self.hello is not None:
            self._intake.left(self)

    @property
    def slot(self) -> int:
        return self.hello.slot if self.hello is not None else -1

    @property
    def closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def send(self, message: ToWorker) -> None:
        """Queue an order; it is small. Nothing happens on a closed connection."""
        if self._transport is not None and not self._transport.is_closing():
            body = self._encoder.encode(message)
            self._transport.write(_LENGTH.pack(len(body)) + body)

    def pause(self) -> None:
        """Stop reading: the worker waits, and leaves out what it can't hold."""
        if not self.paused and not self.closing and self._transport is not None:
            self.paused = True
            self.pauses += 1
            self._transport.pause_reading()

    def resume(self) -> None:
        if self.paused and not self.closing and self._transport is not None:
            self.paused = False
            self._transport.resume_reading()

    def close(self) -> None:
        """Close once what was queued is sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
