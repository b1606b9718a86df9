"""The worker's end of the recorder's socket: framed messages out of a bounded queue, orders in."""

import os
import socket
from collections import deque
from pathlib import Path
from struct import Struct

import msgspec

from belvedere.foundation.errors import Unavailable
from belvedere.media.access_unit import Part
from belvedere.site.ingest.messages import AnyToWorker, FragmentCame, Hello, LiveFrame, ToRecorder, ToWorker

# What may wait for a recorder that is busy. Beyond it fragments are left out, whole groups of pictures at a time.
QUEUE_BYTES = 64 << 20
# Live frames are worthless when late: they are left out much sooner.
_LIVE_QUEUE_BYTES = 8 << 20
_LONGEST_ORDER = 1 << 20
_BUFFERS_A_CALL = 1000  # the system takes 1024
_LENGTH = Struct(">I")
_EMPTY_BIN = b"\xc4\x00"  # MessagePack: a binary of no bytes
_BIN_32 = b"\xc6"


class RecorderGone(Unavailable):
    """The recorder closed the connection or spoke something else: this process ends and is started anew."""

    code = "recorder_gone"


class RecorderLink:
    """One connection. Nothing here blocks but `drain`; every method may raise RecorderGone.

    Invariant: `queued_bytes` is the sum of what `_queue` holds and stays under QUEUE_BYTES plus the control messages.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        self.connection = connection
        self.queued_bytes = 0
        self.dropped_live = 0
        self._queue: deque[tuple[int, list[Part]]] = deque()  # each: bytes in all, and few enough parts for one call
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder: msgspec.msgpack.Decoder[ToWorker] = msgspec.msgpack.Decoder(AnyToWorker)
        self._incoming = b""
        self._full = False

    @classmethod
    def connect(cls, path: Path, slot: int) -> "RecorderLink":
        """Connects and says hello. Raises OSError while nobody listens."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(path))
        except OSError:
            connection.close()
            raise
        link = cls(connection)
        link.send(Hello(kind="ingest", slot=slot, pid=os.getpid()))
        return link

    @property
    def has_room(self) -> bool:
        """Whether a stream that had to leave fragments out may begin again."""
        return self.queued_bytes < QUEUE_BYTES // 2

    def send(self, message: ToRecorder) -> None:
        """Queues a small message. It is never left out."""
        body = self._encoder.encode(message)
        self._put(_LENGTH.pack(len(body)) + body)

    def send_fragment(self, message: FragmentCame, parts: list[Part]) -> bool:
        """Queues a fragment whose bytes are `parts`, joined (`message.data` stays empty); false: no room."""
        if self.queued_bytes > QUEUE_BYTES:
            return False
        self._put_with_data(message, parts)
        return True

    def send_live(self, message: LiveFrame, data: bytes) -> bool:
        """Queues a live frame; false when it was left out."""
        if self.queued_bytes > _LIVE_QUEUE_BYTES:
            self.dropped_live += 1
            return False
        self._put_with_data(message, [data])
        return True

    def _put_with_data(self, message: FragmentCame | LiveFrame, parts: list[Part]) -> None:
        """The message with `data` as its last field, without copying the parts: the binary's header is written here."""
        body = self._encoder.encode(message)
        if not body.endswith(_EMPTY_BIN):
            raise AssertionError("data has to be the last field of the message")
        size = sum(map(len, parts))
        start = _LENGTH.pack(len(body) + 3 + size) + body[:-2] + _BIN_32 + _LENGTH.pack(size)
        self.queued_bytes += len(start) + size
        whole = [start, *parts]
        if len(whole) <= _BUFFERS_A_CALL:
            self._queue.append((len(start) + size, whole))
            return
        for at in range(0, len(whole), _BUFFERS_A_CALL):
            some = whole[at : at + _BUFFERS_A_CALL]
            self._queue.append((sum(map(len, some)), some))

    def _put(self, data: bytes) -> None:
        self._queue.append((len(data), [data]))
        self.queued_bytes += len(data)

    @property
    def wants_write(self) -> bool:
        return bool(self._queue)

    def hurry(self) -> None:
        """As `flush`, unless the socket took less than all the last time."""
        if not self._full:
            self.flush()

    def flush(self) -> None:
        """Sends what the socket takes."""
        queue = self._queue
        self._full = False
        while queue:
            size, parts = queue[0]
            try:
                sent = self.connection.sendmsg(parts)
            except (BlockingIOError, InterruptedError):
                self._full = True
                return
            except OSError as error:
                raise _gone() from error
            self.queued_bytes -= sent
            if sent < size:
                self._full = True
                queue[0] = size - sent, _behind(parts, sent)
                return
            queue.popleft()

    def drain(self, seconds: float) -> bool:
        """Sends everything, waiting up to `seconds`; for the end of the process. False when something was left."""
        self.connection.settimeout(seconds)
        try:
            while self._queue:
                for part in self._queue.popleft()[1]:
                    self.connection.sendall(part)
        except OSError:
            return False
        self.queued_bytes = 0
        return True

    def receive(self) -> list[ToWorker]:
        """Orders that have come. Raises RecorderGone at the end of the connection."""
        try:
            data = self.connection.recv(1 << 16)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError as error:
            raise _gone() from error
        if not data:
            raise _gone()
        data = self._incoming + data
        orders: list[ToWorker] = []
        pos = 0
        while len(data) - pos >= 4:
            (length,) = _LENGTH.unpack_from(data, pos)
            if length > _LONGEST_ORDER:
                raise RecorderGone("The recorder sent an order of impossible length.", advice="Restart the site.")
            if pos + 4 + length > len(data):
                break
            try:
                orders.append(self._decoder.decode(data[pos + 4 : pos + 4 + length]))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise RecorderGone(
                    "The recorder sent an unknown order.", advice="Update both to one version."
                ) from error
            pos += 4 + length
        self._incoming = data[pos:]
        return orders

    def close(self) -> None:
        self.connection.close()


def _behind(parts: list[Part], sent: int) -> list[Part]:
    """What of `parts` is left when `sent` bytes are gone; at least one byte is."""
    for index, part in enumerate(parts):
        if sent < len(part):
            return [memoryview(part)[sent:], *parts[index + 1 :]]
        sent -= len(part)
    raise ValueError("more was sent than there is")


def _gone() -> RecorderGone:
    return RecorderGone("The recorder is gone.", advice="The supervisor starts this process again.")
