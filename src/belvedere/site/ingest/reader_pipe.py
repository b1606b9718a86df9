"""Words between a reader process and its owner: the order on its standard input, pictures on its standard output.

Framing: u32 big-endian length, then one MessagePack message (msgspec, tagged). The reader holds C code that a hostile
camera may have taken over, so whatever it says is bounded and checked here.
"""

from struct import Struct
from typing import Annotated

import msgspec

from belvedere.foundation.errors import CameraProtocol
from belvedere.media.access_unit import ACCESS_UNIT_BYTES

LONGEST_WORD = ACCESS_UNIT_BYTES + (64 << 10)
MOST_NALS = 4096
LONGEST_ORDER = 16 << 10  # a pipe holds it whole
_LENGTH = Struct(">I")
_Text = Annotated[str, msgspec.Meta(max_length=400)]
_Nals = Annotated[tuple[bytes, ...], msgspec.Meta(max_length=MOST_NALS)]


class ReadOrder(msgspec.Struct, frozen=True):
    """What to read. `url` holds no credentials.

    `handles` are sockets that are open already, for the reader can't open any: the connection to the camera, and behind it
    for rtsp+udp those of RTP and RTCP; for udp the one that hears the stream. `challenge` is the camera's WWW-Authenticate
    when it asked for a log-in on an earlier connection.
    """

    url: str
    username: str
    password: str
    handles: tuple[int, ...]
    challenge: str = ""

    def __repr__(self) -> str:
        return f"ReadOrder(url={self.url!r})"  # credentials are never printed


class ReaderWord(msgspec.Struct, frozen=True, tag_field="t"):
    """Base of what a reader says."""


class Described(ReaderWord, frozen=True, tag="described"):
    """The stream is open. `parameter_sets` are those of its header, empty when they come in the stream."""

    codec: _Text  # media.stream.Codec
    container: _Text  # FFmpeg's name of the format
    parameter_sets: Annotated[tuple[bytes, ...], msgspec.Meta(max_length=31)]


class PictureCame(ReaderWord, frozen=True, tag="picture"):
    """One access unit in decode order: raw NAL units. `timestamp` is its presentation time in 90 kHz ticks, 32 bits."""

    timestamp: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF_FFFF)]
    keyframe: bool
    starts: bool  # false for a further piece of the picture before
    damaged: bool
    nals: _Nals
    lost: Annotated[int, msgspec.Meta(ge=0, le=1 << 48)] = 0  # packets lost since the stream began (UDP)


class Ended(ReaderWord, frozen=True, tag="ended"):
    """The last word. `why`: closed, unreachable, denied, protocol or codec, and `message` is for people; or again.

    "again": the camera asks for a log-in on a new connection, and `message` is its challenge.
    """

    why: _Text
    message: _Text
    advice: _Text


AnyWord = Described | PictureCame | Ended


def pack_word(word: AnyWord) -> bytes:
    """The word as it goes over the pipe."""
    body = msgspec.msgpack.encode(word)
    return _LENGTH.pack(len(body)) + body


class PipeWords:
    """Takes a reader's words out of its bytes. Invariant: it holds at most one word that is not complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._decoder: msgspec.msgpack.Decoder[AnyWord] = msgspec.msgpack.Decoder(AnyWord)

    def feed(self, data: bytes) -> list[AnyWord]:
        """Words that `data` completed. Raises CameraProtocol when the bytes can't be a reader's."""
        buffer = self._buffer
        buffer += data
        words: list[AnyWord] = []
        pos, end = 0, len(buffer)
        while end - pos >= 4:
            (length,) = _LENGTH.unpack_from(buffer, pos)
            if length > LONGEST_WORD:
                raise _nonsense()
            if pos + 4 + length > end:
                break
            try:
                words.append(self._decoder.decode(bytes(buffer[pos + 4 : pos + 4 + length])))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise _nonsense() from error
            pos += 4 + length
        del buffer[:pos]
        return words


def _nonsense() -> CameraProtocol:
    return CameraProtocol(
        "The camera sent something that its reader could not stand.", advice="Update the camera's firmware."
    )
