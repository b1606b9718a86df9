"""JPEG cameras in the reader process: multipart HTTP, and RTP over RTSP's own connection (RFC 2435)."""

import socket
from collections.abc import Callable
from typing import Never, Protocol

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import CameraProtocol
from belvedere.media.jpeg_rtp import MOST_BYTES
from belvedere.media.rtsp_session import RtspSession, SessionState
from belvedere.site.ingest.jpeg_video import JpegVideo
from belvedere.site.ingest.reader_fault import closed, unreachable
from belvedere.site.ingest.reader_pipe import AnyWord, Described, PictureCame, ReadOrder

_READ_BYTES = 64 << 10
_LONGEST_HEAD = 4 << 10
_TALK_US = 8 * SECOND_US
_SILENCE_US = 20 * SECOND_US
_KEEP_ALIVE_S = 0.25
_START, _END = b"\xff\xd8", b"\xff\xd9"


class Bytes(Protocol):
    def read(self, most: int) -> bytes: ...


class Parts:
    """JPEGs out of a multipart/x-mixed-replace body, whether its parts say their length or not.

    Invariant: holds at most one picture of MOST_BYTES and a read.
    """

    def __init__(self, boundary: str) -> None:
        """`boundary` as in Content-Type; some cameras write its dashes there, some do not."""
        self._mark = b"--" + boundary.strip().strip('"').lstrip("-").encode("latin-1", "replace")
        self._buffer = b""
        self._length = -1  # of the part under way; -1: not said
        self._inside = False

    def feed(self, data: bytes) -> list[bytes]:
        """Pictures that `data` completed. Raises CameraProtocol when it goes on without end."""
        self._buffer += data
        pictures: list[bytes] = []
        while self._inside or self._head():
            picture = self._body()
            if picture is None:
                break
            if picture[:2] == _START:
                pictures.append(picture)
        if len(self._buffer) > MOST_BYTES + _LONGEST_HEAD:
            raise CameraProtocol("The camera sends parts without end.", advice="Check the path of the address.")
        return pictures

    def _head(self) -> bool:
        """Steps over a part's header; false while it is not there."""
        start = self._buffer.find(self._mark)
        if start < 0:
            self._buffer = self._buffer[-len(self._mark) :]
            return False
        for end_mark in (b"\r\n\r\n", b"\n\n"):
            end = self._buffer.find(end_mark, start, start + _LONGEST_HEAD)
            if end >= 0:
                head = self._buffer[start:end].lower()
                self._buffer = self._buffer[end + len(end_mark) :]
                break
        else:
            return False
        _, _, rest = head.partition(b"content-length:")
        number = rest.split(b"\n", 1)[0].strip()
        self._length = int(number) if number.isdigit() and len(number) <= 8 and int(number) <= MOST_BYTES else -1
        self._inside = True
        return True

    def _body(self) -> bytes | None:
        """The part under way, or None while it is not whole."""
        if self._length >= 0:
            if len(self._buffer) < self._length:
                return None
            body, self._buffer = self._buffer[: self._length], self._buffer[self._length :]
        else:
            end = self._buffer.find(b"\n" + self._mark)
            if end < 0:
                return None
            body, self._buffer = self._buffer[:end].rstrip(b"\r\n"), self._buffer[end + 1 :]
        self._inside = False
        return body


def read_parts(source: Bytes, boundary: str, place: str, say: Callable[[AnyWord], None], clock: Clock) -> Never:
    """Tells the pictures of a multipart body; their time is when they came. Ends with an error always."""
    parts, video = Parts(boundary), JpegVideo()
    described = False
    while True:
        try:
            data = source.read(_READ_BYTES)
        except TimeoutError:
            raise unreachable(place, "it sends no picture") from None
        except OSError:
            raise closed(place) from None
        if not data:
            raise closed(place)
        for jpeg in parts.feed(data):
            picture = video.picture(jpeg, clock.monotonic_us() * 9 // 100)
            described = _tell(picture, described, "JPEG over HTTP", say)


def read_jpeg_over_rtsp(
    order: ReadOrder, connection: socket.socket, place: str, say: Callable[[AnyWord], None], clock: Clock
) -> Never:
    """Speaks RTSP over `connection` and tells the pictures that come on it. Ends with an error always."""
    session, video = RtspSession(order.url, order.username, order.password, jpeg=True), JpegVideo()
    described = False
    connection.settimeout(_KEEP_ALIVE_S)
    last_us = clock.monotonic_us()
    keep_us = 0
    session.begin()
    while True:
        while session.outgoing:
            del session.outgoing[: connection.send(session.outgoing)]
        try:
            data = connection.recv(_READ_BYTES)
        except TimeoutError:
            data = None
        except OSError:
            raise closed(place) from None
        now_us = clock.monotonic_us()
        if data is not None:
            if not data:
                raise closed(place)
            session.receive(data, now_us)
            for jpeg in session.take_jpegs():
                last_us = now_us
                described = _tell(
                    video.picture(jpeg.data, jpeg.timestamp, jpeg.lost_packets), described, "JPEG over RTSP", say
                )
        session.reports.clear()
        if session.state is SessionState.CLOSED:
            raise closed(place)
        if now_us - last_us > (_SILENCE_US if described else _TALK_US):
            raise unreachable(place, "it sends no picture")
        if session.state is SessionState.PLAYING and now_us >= keep_us:
            if keep_us:
                session.keep_alive(now_us)
            keep_us = now_us + int(session.keep_alive_s * SECOND_US)


def _tell(picture: PictureCame | None, described: bool, container: str, say: Callable[[AnyWord], None]) -> bool:
    """Says a picture, and before the first what it is part of. Whether that was said."""
    if picture is None:
        return described
    if not described:
        say(Described(codec="h264", container=container, parameter_sets=()))
    say(picture)
    return True
