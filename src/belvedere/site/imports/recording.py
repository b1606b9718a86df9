"""Reading a recording with PyAV: frames as the recorder wants them, without re-encoding where the codec allows."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import av
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer
from av.video.stream import VideoStream

from belvedere.foundation.clock import SECOND_US, parse_iso
from belvedere.foundation.errors import BadMedia
from belvedere.media.nal import H264Nal, H265Nal, join_lengths, nal_type, split_annex_b
from belvedere.media.sps import parse_sps
from belvedere.media.stream import TICKS_PER_SECOND, Codec, Frame

_READ = 1 << 20
_CODECS = {"h264": Codec.H264, "hevc": Codec.H265}
_FILTERS = {Codec.H264: "h264_mp4toannexb", Codec.H265: "hevc_mp4toannexb"}
# Formats that cameras and recorders write. A playlist or a network address must never be opened by way of an import.
FORMATS = frozenset(
    {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpegts", "mpeg", "h264", "hevc", "asf", "flv", "dhav"}
)


@dataclass(frozen=True, slots=True)
class Recording:
    """What a file says of itself before it is read through."""

    path: Path
    sha256: str
    format: str
    codec_name: str
    codec: Codec | None  # None: must be re-encoded
    width: int
    height: int
    fps: Fraction
    duration_us: int  # 0 when the file does not say
    made_us: int | None  # creation time in the file's own words, if any


# Raw streams have no times: pictures are a frame apart, by the rate in their own parameter sets.
RAW_FORMATS = frozenset({"h264", "hevc"})


def sha256_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(_READ):
            digest.update(data)
    return digest.hexdigest()


class OpenFile:
    """A file that is open already, as FFmpeg reads it: for a process that can't open any (imports.apart)."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.name = name
        self._file = file
        file.seek(0)

    def read(self, most: int) -> bytes:
        return self._file.read(most)

    def seek(self, at: int, whence: int = 0) -> int:
        return self._file.seek(at, whence)

    def tell(self) -> int:
        return self._file.tell()


def _open(path: Path, file: OpenFile | None = None) -> InputContainer:
    if file is None and not path.is_file():
        raise BadMedia(f"There is no file {path}.", advice="Check the name.")
    if file is None and path.stat().st_size == 0:
        raise BadMedia(f"{path.name} is empty.", advice="Copy it from the recorder again.")
    try:
        source: str | OpenFile = str(path) if file is None else file
        protocols = "file" if file is None else "none"
        container: InputContainer = av.open(source, mode="r", container_options={"protocol_whitelist": protocols})
    except (av.FFmpegError, ValueError) as error:
        raise BadMedia(
            f"{path.name} can't be read as a video: {getattr(error, 'strerror', None) or error}.",
            advice="If it is an MP4 that was cut short (its index is at its end), recover it on the recorder that made it.",
        ) from error
    if container.format.name not in FORMATS:
        container.close()
        raise BadMedia(
            f"{path.name} is of the format {container.format.name}.",
            advice="Give MP4, MKV, AVI, MPEG-TS, MPEG-PS or raw H.264/H.265; export it so on the recorder.",
        )
    if not container.streams.video:
        container.close()
        raise BadMedia(f"{path.name} holds no video.", advice="Choose the file with the pictures.")
    return container


def _rate(stream: VideoStream) -> Fraction:
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate is not None and 0 < rate <= 240:
            return Fraction(rate)
    return Fraction(25)


def _raw_rate(container: InputContainer, stream: VideoStream) -> Fraction:
    """The frame rate that a raw stream's sequence parameter set tells, else 25."""
    codec = _CODECS[stream.codec_context.name]
    packet = next(container.demux(stream))
    for nal in split_annex_b(bytes(packet)):
        if nal_type(codec, nal) in (H264Nal.SPS, H265Nal.SPS):
            try:
                return parse_sps(codec, nal).fps or Fraction(25)
            except BadMedia:
                break
    return Fraction(25)


def examine(path: Path, *, hashed: bool = True, file: OpenFile | None = None) -> Recording:
    """What `path` is. Without `hashed`, which reads all of it, `sha256` is "". Raises BadMedia when it is no video for us."""
    with _open(path, file) as container:
        stream = container.streams.video[0]
        name = stream.codec_context.name
        made_us = None
        try:
            made_us = parse_iso(container.metadata.get("creation_time", ""))
        except ValueError:
            pass  # many recorders write none, or one without a zone
        return Recording(
            path=path,
            sha256=sha256_file(path) if hashed else "",
            format=container.format.name,
            codec_name=name,
            codec=_CODECS.get(name),
            width=stream.codec_context.width,
            height=stream.codec_context.height,
            fps=_raw_rate(container, stream) if container.format.name in RAW_FORMATS else _rate(stream),
            duration_us=int(container.duration or 0),  # AV_TIME_BASE is a microsecond
            made_us=made_us,
        )


@dataclass(frozen=True, slots=True)
class Unit:
    """An access unit on its way in: NAL units without start codes, times in 90 kHz ticks as the file counts them."""

    nals: tuple[bytes, ...]
    dts_90k: int
    pts_90k: int
    keyframe: bool


def read_units(recording: Recording, file: OpenFile | None = None) -> Iterator[Unit]:
    """Access units in decode order, copied. A file that breaks off ends the iteration: what was whole is kept."""
    assert recording.codec is not None
    step = round(TICKS_PER_SECOND / recording.fps)
    with _open(recording.path, file) as container:
        stream = container.streams.video[0]
        to_annex_b = BitStreamFilterContext(_FILTERS[recording.codec], stream)
        base = stream.time_base or Fraction(1, TICKS_PER_SECOND)
        timeless = recording.format in RAW_FORMATS
        last: int | None = None
        for packet in _packets(container, stream):
            for out in to_annex_b.filter(packet):
                dts = None if out.dts is None else round(out.dts * base * TICKS_PER_SECOND)
                pts = None if out.pts is None else round(out.pts * base * TICKS_PER_SECOND)
                if timeless:
                    dts = pts = None
                if dts is None:
                    dts = last + step if last is not None else (pts or 0)
                if last is not None and dts <= last and last - dts < TICKS_PER_SECOND:
                    dts = last + 1  # equal or slightly backward times are a common recorder fault
                last = dts
                nals = tuple(split_annex_b(bytes(out)))
                if nals:
                    yield Unit(nals, dts, dts if pts is None else pts, out.is_keyframe)


def _packets(container: InputContainer, stream: VideoStream) -> Iterator["av.Packet[VideoStream]"]:
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.FFmpegError:
            return  # the file breaks off here
        if packet.size:
            yield packet


def reencode_units(recording: Recording, file: OpenFile | None = None) -> Iterator[Unit]:
    """Access units of a recording in another codec, decoded and encoded again as H.264 without B-frames."""
    step = round(TICKS_PER_SECOND / recording.fps)
    gop = max(1, round(2 * recording.fps))
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = recording.width & ~1, recording.height & ~1
    encoder.pix_fmt = "yuv420p"
    encoder.framerate = recording.fps
    encoder.time_base = Fraction(1, TICKS_PER_SECOND)
    encoder.gop_size = gop
    encoder.max_b_frames = 0
    encoder.options = {"preset": "veryfast", "crf": "20"}
    last = -1
    with _open(recording.path, file) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        base = stream.time_base or Fraction(1, TICKS_PER_SECOND)
        for packet in chain(_packets(container, stream), [None]):
            for frame in _decoded(stream, packet):
                pts = last + step if frame.pts is None else round(frame.pts * base * TICKS_PER_SECOND)
                last = max(pts, last + 1)
                picture = frame.reformat(encoder.width, encoder.height, "yuv420p")
                picture.pts, picture.time_base = last, encoder.time_base
                yield from _encoded(encoder.encode(picture))
    yield from _encoded(encoder.encode(None))


def _decoded(stream: VideoStream, packet: "av.Packet[VideoStream] | None") -> list[av.VideoFrame]:
    try:
        return stream.codec_context.decode(packet)
    except av.FFmpegError:
        return []  # a damaged picture; the next keyframe mends it


def _encoded(packets: "list[av.Packet[VideoStream]]") -> Iterator[Unit]:
    for packet in packets:
        assert packet.pts is not None
        yield Unit(tuple(split_annex_b(bytes(packet))), packet.dts or packet.pts, packet.pts, packet.is_keyframe)


def frame_of(unit: Unit, origin_90k: int, arrival_us: int) -> Frame:
    """`unit` as the packet path carries it, times counted from `origin_90k`."""
    return Frame(
        join_lengths(unit.nals), unit.dts_90k - origin_90k, unit.pts_90k - unit.dts_90k, unit.keyframe, arrival_us
    )


def ticks_to_us(ticks: int) -> int:
    return ticks * SECOND_US // TICKS_PER_SECOND
