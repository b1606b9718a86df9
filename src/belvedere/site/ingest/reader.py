"""`python -m belvedere.site.ingest.reader`: reads one camera through FFmpeg, for the transports that our client does not speak.

It holds no key and no database, and knows one camera's password, which comes on standard input. It opens what the order
says with lists of allowed protocols, formats and codecs, decodes nothing, and writes access units to standard output.
"""

import ctypes
import errno
import os
import resource
import signal
import sys
from typing import Any, cast
from urllib.parse import quote

import av
import msgspec
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from belvedere.foundation.errors import BadMedia, BelvedereError, CameraFault, CameraProtocol, UnsupportedCodec
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
from belvedere.site.ingest.names import literal_endpoint, look_up
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

_OPEN_S = 8.0
_READ_S = 20.0  # the owner loses patience sooner; this is for a reader whose owner waits
_MEMORY_BYTES = 1 << 30
_PREFIX_BYTES = 256 << 10
_USUAL_FRAME_90K = TICKS_PER_SECOND // 25
_SOON_90K = 2 * TICKS_PER_SECOND
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CODECS = {"h264": Codec.H264, "hevc": Codec.H265}
_PLAIN_NAMES = {"mjpeg": "MJPEG", "mpeg4": "MPEG-4", "mpeg2video": "MPEG-2", "vvc": "H.266", "av1": "AV1"}
# mpjpeg is read only to say that it is MJPEG. The rtsp reader unpacks RTP itself, over udp.
_FILES = "mpegts,flv,mov,mpjpeg"
_ALLOWED = {
    "rtsp+udp": ("rtp,udp,tcp", "rtsp"),
    "http": ("http,tcp", _FILES),
    "https": ("https,tls,tcp", _FILES),
    "udp": ("udp", "mpegts"),
}
_FRAMINGS = {"rtsp+udp": "RTSP", "udp": "an MPEG transport stream"}


def main() -> int:
    """Reads until the camera or the owner ends it. Exit 0 after a last word, 2 without an order."""
    _confine()
    data = sys.stdin.buffer.read(LONGEST_ORDER)
    try:
        order = msgspec.msgpack.decode(data, type=ReadOrder)
    except msgspec.MsgspecError:
        return 2
    if os.getppid() != order.parent:
        return 2  # the owner ended before it could be asked to take us along
    try:
        try:
            _read(order)
        except BelvedereError as error:
            _say(_last_word(error))
    except BrokenPipeError:
        pass  # the owner is gone
    return 0


def _confine() -> None:
    """Ends with its owner, gains no rights, writes no file, and can't take the machine's memory."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for limit, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_AS, _MEMORY_BYTES),
    ):
        resource.setrlimit(limit, (most, most))


def _say(word: AnyWord) -> None:
    """Writes the whole word. Raises BrokenPipeError when nobody reads any more."""
    data = memoryview(pack_word(word))
    while data:
        data = data[os.write(1, data) :]


def _last_word(error: BelvedereError) -> Ended:
    if isinstance(error, _Fault):
        return Ended(why=error.why, message=error.message, advice=error.advice)
    why = "codec" if isinstance(error, UnsupportedCodec) else "protocol"
    return Ended(why=why, message=error.message, advice=error.advice)


class _Fault(CameraFault):
    """What ended the reading. `why` as in Ended."""

    def __init__(self, why: str, message: str, advice: str) -> None:
        super().__init__(message, advice=advice)
        self.why = why


def _read(order: ReadOrder) -> None:
    """Opens and passes on until the end, which is always told by an error."""
    url, _, _ = split_address(order.url)
    scheme, _, rest = url.partition("://")
    host, port = host_and_port(url)
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if literal_endpoint(host, port) is None and look_up(host, port) is None:
        raise _unreachable(place, "the name is not known")
    login = f"{quote(order.username, safe='')}:{quote(order.password, safe='')}@" if order.username else ""
    source = f"{'rtsp' if scheme == 'rtsp+udp' else scheme}://{login}{rest}"
    try:
        container = av.open(source, container_options=_options(scheme, host), timeout=(_OPEN_S, _READ_S))
    except (av.FFmpegError, ValueError, OSError) as error:
        raise _explain(error, scheme, place, opened=False) from None
    with container:
        stream, codec = _video(container)
        header = stream.codec_context.extradata or b""
        # AVCDecoderConfigurationRecord and its H.265 sibling begin with version 1; a byte stream with zeros.
        length_size = _length_size(codec, header) if header[:1] == b"\1" else 0
        sets = _header_sets(codec, header) if length_size else split_annex_b(header)
        wanted = tuple(nal for nal in sets if is_parameter_set(codec, nal_type(codec, nal)))[:31]
        _say(Described(codec=codec.value, container=container.format.name[:400], parameter_sets=wanted))
        pictures = _Pictures(codec, length_size)
        try:
            for packet in container.demux(stream):
                pictures.take(packet)
        except (av.FFmpegError, OSError) as error:
            if isinstance(error, BrokenPipeError) and not isinstance(error, av.FFmpegError):
                raise
            raise _explain(error, scheme, place, opened=True) from None
    raise _closed(place)


def _options(scheme: str, host: str) -> dict[str, str]:
    protocols, formats = _ALLOWED[scheme]
    options = {
        "protocol_whitelist": protocols,
        "format_whitelist": formats,
        "codec_whitelist": "none",  # so that not even the probing opens a decoder
        "analyzeduration": "500000",
        "probesize": "1000000",
        "max_streams": "16",
    }
    if scheme in ("http", "https"):
        options |= {"max_redirects": "0", "user_agent": "Belvedere", "icy": "0"}
    elif scheme == "rtsp+udp":
        options |= {"rtsp_transport": "udp", "rtsp_flags": "filter_src", "allowed_media_types": "video"}
    else:
        options |= {"buffer_size": str(2 << 20), "localaddr": host}
        if _is_multicast(host):
            del options["localaddr"]
    return options


def _is_multicast(host: str) -> bool:
    return host.lower().startswith("ff") if ":" in host else 224 <= int(host.split(".")[0]) <= 239


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

    def __init__(self, codec: Codec, length_size: int) -> None:
        self._codec = codec
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
            _say(msgspec.structs.replace(self._untimed, timestamp=before & 0xFFFF_FFFF))
            self._untimed = None
        self._last = max(ticks, 0)
        _say(msgspec.structs.replace(picture, timestamp=ticks & 0xFFFF_FFFF))

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


def _unreachable(place: str, why: str) -> _Fault:
    return _Fault("unreachable", f"No answer from {place}: {why}.", "Check the address and the network.")


def _closed(place: str) -> _Fault:
    return _Fault("closed", f"The camera at {place} ended the stream.", "Check that the stream is switched on in it.")


def _explain(error: Exception, scheme: str, place: str, *, opened: bool) -> _Fault:
    """FFmpeg's error in plain words. Its own text is never passed on, for it holds the address with the password."""
    if isinstance(error, av.HTTPUnauthorizedError | av.HTTPForbiddenError):
        return _Fault("denied", "The camera refused the user name or password.", "Check both.")
    if isinstance(error, av.HTTPNotFoundError):
        return _Fault("protocol", f"The camera at {place} knows no such stream (404).", "Check the path.")
    if isinstance(error, av.HTTPError):
        return _Fault("protocol", f"The camera at {place} answered with an error.", "Check the path of the address.")
    if isinstance(error, ConnectionRefusedError):
        return _unreachable(place, "the connection was refused")
    if isinstance(error, av.ExitError | TimeoutError):
        silent = f"{place} sends no picture."
        return _Fault("unreachable", silent, "Check the camera.") if opened else _unreachable(place, "timed out")
    if isinstance(error, ConnectionError):
        return _Fault("unreachable", f"The connection to {place} was lost.", "Check the network.")
    if opened:
        return _closed(place)
    # FFmpeg calls an answer that ended early, and one that sends us elsewhere, an I/O error.
    broke_off = isinstance(error, OSError) and error.errno == errno.EIO
    if broke_off or isinstance(error, av.InvalidDataError | av.EOFError | ValueError | av.UndefinedError):
        what = _FRAMINGS.get(scheme, "MPEG-TS, FLV or fragmented MP4")
        return _Fault("protocol", f"What {place} sends is not {what}.", "Check the path of the address.")
    return _unreachable(place, "no route")


if __name__ == "__main__":
    sys.exit(main())
