"""`python -m belvedere.site.ingest.reader`: reads one camera, for the transports that our client does not speak.

It runs confined (site/sandbox): no key, no database, no file, no new connection. It knows one camera's password, which
comes on standard input, and has the sockets to that camera alone, opened by its owner. HTTP and RTSP are spoken here in
Python; FFmpeg sees only the container's bytes, with lists of allowed formats and codecs, and decodes nothing. JPEG
cameras are the exception: their pictures are decoded and made H.264 here (jpeg_video.py).
"""

import os
import socket
import sys
from collections.abc import Callable
from typing import Any, Protocol, cast

import av
import msgspec
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from belvedere.foundation.clock import SystemClock
from belvedere.foundation.errors import (
    BadMedia,
    BelvedereError,
    CameraDenied,
    CameraProtocol,
    UnsupportedCodec,
)
from belvedere.media.access_unit import ACCESS_UNIT_BYTES
from belvedere.media.nal import (
    H264Nal,
    is_parameter_set,
    is_picture,
    is_random_access,
    is_recovery_point,
    nal_type,
    split_annex_b,
    split_lengths,
    starts_picture,
)
from belvedere.media.stream import TICKS_PER_SECOND, Codec
from belvedere.site.ingest.address import host_and_port, split_address
from belvedere.site.ingest.reader_fault import ReaderFault, closed, explain
from belvedere.site.ingest.reader_http import Body, open_http
from belvedere.site.ingest.reader_jpeg import read_jpeg_over_rtsp, read_parts
from belvedere.site.ingest.reader_pipe import (
    LONGEST_ORDER,
    MOST_NALS,
    AnyWord,
    Described,
    Ended,
    PictureCame,
    ReadOrder,
    pack_word,
)
from belvedere.site.ingest.reader_rtp import Datagrams, read_rtp_over_udp

_READ_BYTES = 64 << 10
_PREFIX_BYTES = 256 << 10
_USUAL_FRAME_90K = TICKS_PER_SECOND // 25
_SOON_90K = 2 * TICKS_PER_SECOND
_CODECS = {"h264": Codec.H264, "hevc": Codec.H265}
_PLAIN_NAMES = {"mjpeg": "MJPEG", "mpeg4": "MPEG-4", "mpeg2video": "MPEG-2", "vvc": "H.266", "av1": "AV1"}
# mpjpeg is read only to say that it is MJPEG, where the answer does not call itself multipart.
_FORMATS = {"http": "mpegts,flv,mov,mpjpeg", "https": "mpegts,flv,mov,mpjpeg", "udp": "mpegts"}


class Source(Protocol):
    """Where FFmpeg gets its bytes. `lost` counts packets that did not arrive, as far as that can be known."""

    lost: int

    def read(self, most: int) -> bytes: ...


def main() -> int:
    """Reads until the camera or the owner ends it. Exit 0 after a last word, 2 without an order."""
    data = sys.stdin.buffer.read(LONGEST_ORDER)
    try:
        order = msgspec.msgpack.decode(data, type=ReadOrder)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return 2
    try:
        try:
            _read(order)
        except BelvedereError as error:
            _say(_last_word(error))
    except BrokenPipeError:
        pass  # the owner is gone
    return 0


def _say(word: AnyWord) -> None:
    """Writes the whole word. Raises BrokenPipeError when nobody reads any more."""
    data = memoryview(pack_word(word))
    while data:
        data = data[os.write(1, data) :]


def _last_word(error: BelvedereError) -> Ended:
    if isinstance(error, ReaderFault):
        return Ended(why=error.why, message=error.message[:400], advice=error.advice)
    why = (
        "codec" if isinstance(error, UnsupportedCodec) else "denied" if isinstance(error, CameraDenied) else "protocol"
    )
    return Ended(why=why, message=error.message[:400], advice=error.advice)


def _read(order: ReadOrder) -> None:
    """Opens and passes on until the end, which is always told by an error."""
    url, _, _ = split_address(order.url)
    scheme = url.partition("://")[0]
    host, port = host_and_port(url)
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    sockets = [socket.socket(fileno=handle) for handle in order.handles]
    if scheme == "rtsp+udp":
        read_rtp_over_udp(order, sockets, place, _say)
    if scheme == "rtsp":
        read_jpeg_over_rtsp(order, sockets[0], place, _say, SystemClock())
    try:
        source: Source = Datagrams(sockets[0]) if scheme == "udp" else open_http(sockets[0], order, url, place)
        if isinstance(source, Body) and source.boundary:
            read_parts(source, source.boundary, place, _say, SystemClock())
        container: InputContainer = av.open(
            source, mode="r", buffer_size=_READ_BYTES, container_options=_options(scheme)
        )
    except (av.FFmpegError, ValueError, OSError) as error:
        raise explain(error, scheme, place, opened=False) from None
    with container:
        _pass_on(container, source, scheme, place)
    raise closed(place)


def _pass_on(container: InputContainer, source: Source, scheme: str, place: str) -> None:
    stream, codec = _video(container)
    header = stream.codec_context.extradata or b""
    # AVCDecoderConfigurationRecord and its H.265 sibling begin with version 1; a byte stream with zeros.
    length_size = _length_size(codec, header) if header[:1] == b"\1" else 0
    sets = _header_sets(codec, header) if length_size else split_annex_b(header)
    wanted = tuple(nal for nal in sets if is_parameter_set(codec, nal_type(codec, nal)))[:31]
    _say(Described(codec=codec.value, container=container.format.name[:400], parameter_sets=wanted))
    pictures = _Pictures(codec, length_size, lambda picture: _say(msgspec.structs.replace(picture, lost=source.lost)))
    try:
        for packet in container.demux(stream):
            pictures.take(packet)
    except (av.FFmpegError, OSError) as error:
        if isinstance(error, BrokenPipeError) and not isinstance(error, av.FFmpegError):
            raise
        raise explain(error, scheme, place, opened=True) from None


def _options(scheme: str) -> dict[str, str]:
    return {
        "protocol_whitelist": "none",  # FFmpeg opens nothing: it is given bytes
        "format_whitelist": _FORMATS[scheme],
        "codec_whitelist": "none",  # so that not even the probing opens a decoder
        "analyzeduration": "500000",
        "probesize": "1000000",
        "max_streams": "16",
    }


def _video(container: InputContainer) -> tuple[VideoStream, Codec]:
    """The first video that is recorded. Raises UnsupportedCodec, CameraProtocol."""
    seen = ""
    for stream in container.streams.video:
        context = cast("Any", stream.codec_context)  # None when this FFmpeg has no decoder for it
        name = context.codec.canonical_name if context is not None else ""
        if name in _CODECS:
            return stream, _CODECS[name]
        seen = seen or _PLAIN_NAMES.get(name, name) or "of an unknown codec"
    if not seen:
        raise CameraProtocol("The stream holds no video.", advice="Check the path of the address.")
    raise UnsupportedCodec(
        f"The stream is {seen}; H.264 and H.265 are recorded.", advice="Set the camera to H.264 (or H.265)."
    )


def _length_size(codec: Codec, header: bytes) -> int:
    at = 4 if codec is Codec.H264 else 21
    return (header[at] & 3) + 1 if len(header) > at else 4


def _header_sets(codec: Codec, header: bytes) -> list[bytes]:
    """NAL units of an avcC or hvcC record (ISO/IEC 14496-15 5.3.3 and 8.3.3); as many as are whole."""
    nals: list[bytes] = []
    pos = 5 if codec is Codec.H264 else 23
    arrays = 2 if codec is Codec.H264 else (header[22] if len(header) > 22 else 0)
    for index in range(arrays):
        if codec is Codec.H264:
            count = (header[pos] & (31 if index == 0 else 255)) if pos < len(header) else 0
            pos += 1
        else:
            count = int.from_bytes(header[pos + 1 : pos + 3], "big")
            pos += 3
        for _ in range(min(count, MOST_NALS)):
            size = int.from_bytes(header[pos : pos + 2], "big")
            nal = header[pos + 2 : pos + 2 + size]
            if not size or len(nal) < size:
                return nals
            nals.append(nal)
            pos += 2 + size
    return nals


class _Pictures:
    """Packets to pictures. NAL units that come ahead of a picture wait for it.

    FFmpeg gives the first picture over RTSP no time, although it counts from that picture: it waits for the second.
    """

    def __init__(self, codec: Codec, length_size: int, say: Callable[[PictureCame], None]) -> None:
        self._codec = codec
        self._say = say
        self._length_size = length_size
        self._ahead: list[bytes] = []
        self._untimed: PictureCame | None = None
        self._last = -1  # ticks of the last picture that had a time; -1: none yet

    def take(self, packet: "Packet[VideoStream]") -> None:
        """Says the picture that the packet holds. Raises CameraProtocol when it is too large."""
        if not packet.size:
            return
        if packet.size > ACCESS_UNIT_BYTES:
            raise CameraProtocol(
                f"The camera sent a picture of more than {ACCESS_UNIT_BYTES >> 20} MiB.",
                advice="Lower its resolution or bit rate, or update its firmware.",
            )
        codec = self._codec
        nals = [*self._ahead, *self._new_header(packet), *self._split(bytes(packet))]
        self._ahead = []
        kinds = [nal_type(codec, nal) for nal in nals]
        first = next((nal for nal, kind in zip(nals, kinds, strict=True) if is_picture(codec, kind)), None)
        if first is None:
            if sum(map(len, nals)) <= _PREFIX_BYTES and len(nals) < MOST_NALS // 2:
                self._ahead = nals
            return
        if len(nals) > MOST_NALS:
            raise CameraProtocol("The camera cuts its pictures into too many parts.", advice="Update its firmware.")
        picture = PictureCame(
            timestamp=0,
            keyframe=any(self._starts_decoding(nal, kind) for nal, kind in zip(nals, kinds, strict=True)),
            starts=starts_picture(codec, first),
            damaged=packet.is_corrupt,
            nals=tuple(nals),
        )
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None:
            self._pass_on(picture, int(stamp * packet.time_base * TICKS_PER_SECOND))
        elif self._last >= 0:
            self._pass_on(picture, self._last + _USUAL_FRAME_90K)
        else:
            self._untimed = picture

    def _pass_on(self, picture: PictureCame, ticks: int) -> None:
        if self._untimed is not None:
            # Counted from the picture that waits, or else from elsewhere: then it was one frame before this one.
            before = 0 if 0 < ticks <= _SOON_90K else ticks - _USUAL_FRAME_90K
            self._say(msgspec.structs.replace(self._untimed, timestamp=before & 0xFFFF_FFFF))
            self._untimed = None
        self._last = max(ticks, 0)
        self._say(msgspec.structs.replace(picture, timestamp=ticks & 0xFFFF_FFFF))

    def _starts_decoding(self, nal: bytes, kind: int) -> bool:
        if is_random_access(self._codec, kind):
            return True
        return self._codec is Codec.H264 and kind == H264Nal.SEI and is_recovery_point(nal)

    def _split(self, data: bytes) -> list[bytes]:
        if not self._length_size:
            return split_annex_b(data)
        try:
            return [nal for nal in split_lengths(data, self._length_size) if nal]
        except BadMedia as error:
            raise CameraProtocol(error.message, advice=error.advice) from error

    def _new_header(self, packet: "Packet[VideoStream]") -> list[bytes]:
        """Parameter sets that a container (FLV) brings anew between two pictures."""
        if not packet.has_sidedata("new_extradata"):
            return []
        header = bytes(packet.get_sidedata("new_extradata"))
        if header[:1] == b"\1":
            self._length_size = _length_size(self._codec, header)
            return _header_sets(self._codec, header)
        return []


if __name__ == "__main__":
    sys.exit(main())
