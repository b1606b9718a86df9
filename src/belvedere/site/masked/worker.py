"""`python -m belvedere.site.masked.worker`: decodes one camera's stream, hides people, encodes it. No key, no database, no network.

Orders come on standard input; masked pictures leave on standard output. A raw picture never does. The detector's file, where
there is one, is an open handle.
"""

import sys
import time
from collections.abc import Iterator
from fractions import Fraction

import av
import msgspec
import numpy as np
from av.codec import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import BadMedia, Unavailable
from belvedere.link.messages import Mark
from belvedere.media.fmp4 import make_config, read_fragment, write_frame
from belvedere.media.nal import H264Nal, join_lengths, split_annex_b
from belvedere.media.stream import TICKS_PER_SECOND, Codec, Frame
from belvedere.site.masked.eyes import Eyes
from belvedere.site.masked.pipe import (
    LONGEST_ORDER,
    AnyOrder,
    Begin,
    Done,
    Feed,
    Masked,
    Ready,
    Recall,
    Repaint,
    Sight,
    Told,
    pack_word,
)
from belvedere.site.sandbox.obey import DECODERS, LARGEST_SIDE, lower_priority, obey_orders, yield_to_recording
from belvedere.vision.masking.mark import paint_mark
from belvedere.vision.masking.masker import Hidden, Masker
from belvedere.vision.masking.picture import HEIGHT, WIDTH, Picture, Plane, picture_of

_NICE = 5
_PATIENCE = 10  # more, where nobody waits
_BOXES = {Codec.H264: b"avcC", Codec.H265: b"hvcC"}
_GROUP_90K = TICKS_PER_SECOND * 3 // 2  # a keyframe at least this often: what a newcomer waits for, or is given
_USUAL_90K = TICKS_PER_SECOND // 10
_NOTHING = (0, 0, 0, 0)
_LONGEST_90K = 2 * TICKS_PER_SECOND


class Stream:
    """One camera's stream on its way through: decoder, masker, encoder."""

    def __init__(self, begin: Begin, eyes: Eyes | None = None) -> None:
        if begin.patient:
            lower_priority(_PATIENCE)
        self._codec = Codec(begin.codec)
        self._extra = _configuration(self._codec, begin.init)
        self._decoder = self._open()
        self._masker = Masker(bodies=begin.bodies, permanent=begin.permanent)
        self._eyes = eyes if begin.bodies else None
        if self._eyes is not None and begin.sure:
            self._eyes.wait()
        self._encoder: VideoCodecContext | None = None
        self._told = False
        self._key_90k: int | None = None  # of the newest keyframe that was made
        self._pts_90k = -1
        self._duration_90k = _USUAL_90K
        self._sequence = 0
        self._frames = 0
        self._media_90k = 0

    @property
    def done(self) -> tuple[int, int, int, int]:
        """Pictures made, the media time they cover (90 kHz), the detector's looks and their processor time (us)."""
        seen = self._masker.seen
        looks = (seen.looks, seen.spent_us) if seen is not None else (0, 0)
        return self._frames, self._media_90k, *looks

    def repaint(self, order: Repaint) -> None:
        self._masker.set_permanent(order.permanent)

    def recall(self, order: Recall) -> None:
        """Learn from a keyframe of before."""
        context = self._open()
        packet = av.Packet(order.data)
        for frame in [*context.decode(packet), *context.decode(None)][:1]:
            self._masker.recall(order.at_us, picture_of(_planar(frame)))

    def feed(self, order: Feed) -> Iterator[Told]:
        """Mask the frames of an order; raises FFmpegError, BadMedia, ValueError where they can't be decoded."""
        samples = _samples(order.data)
        if order.key:
            self._key_90k = None
        end_90k = samples[-1][0] if samples else 0
        for dts_90k, cts_90k, data in samples:
            packet = av.Packet(data)
            packet.dts, packet.pts, packet.time_base = dts_90k, dts_90k + cts_90k, Fraction(1, TICKS_PER_SECOND)
            for frame in self._decoder.decode(packet):
                yield from self._mask(frame, order.at_us - (end_90k - dts_90k) * 100 // 9, order.mark)
        if order.last:
            for frame in self._decoder.decode(None):
                yield from self._mask(frame, order.at_us, order.mark)
            self._decoder = self._open()

    def _mask(self, frame: VideoFrame, at_us: int, mark: Mark) -> Iterator[Told]:
        planar = _planar(frame)
        if self._eyes is not None:
            self._masker.seen = self._eyes.seen(self._masker.seen)
        hidden = self._hide(at_us, picture_of(planar))
        paint_mark(picture_of(planar), at_us, mark)
        made = VideoFrame.from_ndarray(planar, format="yuv420p")
        pts_90k = max(frame.pts if frame.pts is not None else 0, self._pts_90k + 1)
        if 0 <= self._pts_90k < pts_90k <= self._pts_90k + _LONGEST_90K:
            self._duration_90k = pts_90k - self._pts_90k
        self._pts_90k = pts_90k
        made.pts, made.time_base = pts_90k, Fraction(1, TICKS_PER_SECOND)
        due = self._key_90k is None or pts_90k - self._key_90k >= _GROUP_90K
        if due:
            made.pict_type, self._key_90k = PictureType.I, pts_90k
        if self._encoder is None or (self._encoder.width, self._encoder.height) != (made.width, made.height):
            self._encoder, self._told = _encoder(made.width, made.height), False
        self._frames += 1
        self._media_90k += self._duration_90k
        for packet in self._encoder.encode(made):
            units = split_annex_b(bytes(packet))
            if not self._told:
                yield _ready(units)
                self._told = True
            self._sequence += 1
            whole = Frame(join_lengths(units), pts_90k, 0, packet.is_keyframe, at_us)
            data = write_frame(whole, self._duration_90k, self._sequence)
            yield Masked(packet.is_keyframe, at_us, data, hidden.share, hidden.whole)

    def _hide(self, at_us: int, picture: Picture) -> Hidden:
        try:
            return self._masker.hide(at_us, picture)
        except (
            Unavailable
        ) as fault:  # from the detector, before anything was painted; what stands out is hidden all the same
            assert self._eyes is not None
            self._eyes.close(str(fault))
            self._masker.seen = None
            return self._masker.hide(at_us, picture)

    def _open(self) -> VideoCodecContext:
        context = CodecContext.create(DECODERS[self._codec], "r")
        assert isinstance(context, VideoCodecContext)
        context.thread_count = 1
        context.extradata = self._extra
        return context


def _configuration(codec: Codec, init: bytes) -> bytes:
    """The decoder's configuration record out of an initialisation segment that was written here. Raises BadMedia."""
    at = init.find(_BOXES[codec])
    if at < 4:
        raise BadMedia("The stream's configuration is missing.")
    return init[at + 4 : at - 4 + int.from_bytes(init[at - 4 : at], "big")]


def _samples(data: bytes) -> list[tuple[int, int, bytes]]:
    """Decode time, shift and bytes of every sample of one fragment after another. Raises BadMedia."""
    found: list[tuple[int, int, bytes]] = []
    start = 0
    while start < len(data):
        samples = read_fragment(data, start)
        found += [
            (each.dts_90k, each.cts_90k, data[start + each.offset : start + each.offset + each.size])
            for each in samples
        ]
        # The next moof lies behind this mdat, which ends with the last sample.
        end = max((start + each.offset + each.size for each in samples), default=len(data))
        if end <= start:
            break
        start = end
    return found


def _planar(frame: VideoFrame) -> Plane:
    """The frame as yuv420p in one array, no larger than 640 x 360 pictures, sides that divide by 4. Raises ValueError."""
    if not (16 <= frame.width <= LARGEST_SIDE and 16 <= frame.height <= LARGEST_SIDE):
        raise ValueError("a picture of no use")
    scale = min(1.0, WIDTH / frame.width, max(HEIGHT, WIDTH * 3 // 4) / frame.height)
    width, height = (max(16, round(side * scale) & ~3) for side in (frame.width, frame.height))
    return np.asarray(frame.reformat(width=width, height=height, format="yuv420p").to_ndarray(), np.uint8)


def _encoder(width: int, height: int) -> VideoCodecContext:
    context = CodecContext.create("libx264", "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base, context.framerate, context.thread_count = Fraction(1, TICKS_PER_SECOND), Fraction(12), 1
    context.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "crf": "27",
        "x264-params": "keyint=infinite:scenecut=0:threads=1:repeat-headers=1:level=3.1",
    }
    return context


def _ready(units: list[bytes]) -> Ready:
    sets = [unit for unit in units if unit[0] & 31 in (H264Nal.SPS, H264Nal.PPS)]
    config = make_config(Codec.H264, sets)
    return Ready(config.codec_string, config.width, config.height, config.init)


class Worker:
    """Carries out orders, one stream at a time."""

    def __init__(self, eyes: Eyes | None = None) -> None:
        self._stream: Stream | None = None
        self._eyes = eyes
        self._sight = Sight("")

    def obey(self, order: AnyOrder) -> Iterator[Told]:
        """What an order gives, `Done` last."""
        begun_us = time.process_time_ns() // 1000
        stream = self._stream
        before = stream.done if stream else _NOTHING
        failed = False
        try:
            match order:
                case Begin():
                    stream, before = Stream(order, self._eyes), _NOTHING
                    self._stream = stream
                case Recall() if stream:
                    stream.recall(order)
                case Repaint() if stream:
                    stream.repaint(order)
                case Feed() if stream:
                    yield from stream.feed(order)
        except (BadMedia, av.FFmpegError, ValueError, MemoryError, KeyError):  # a picture that can't be decoded
            failed = True
        if self._eyes is not None and self._eyes.sight != self._sight:
            self._sight = self._eyes.sight
            yield self._sight
        cpu_us = time.process_time_ns() // 1000 - begun_us
        now = stream.done if stream else _NOTHING
        frames, media_90k, looks, look_us = (new - old for new, old in zip(now, before, strict=True))
        yield Done(cpu_us, frames, media_90k * SECOND_US // TICKS_PER_SECOND, failed, max(0, looks), max(0, look_us))


def main() -> int:
    """Obey until standard input ends. Exit 2 for words that are none."""
    yield_to_recording(_NICE)
    worker = Worker(Eyes.of(sys.argv[1:]))
    orders: msgspec.msgpack.Decoder[AnyOrder] = msgspec.msgpack.Decoder(AnyOrder)
    return obey_orders(orders, LONGEST_ORDER, lambda order: map(pack_word, worker.obey(order)))


if __name__ == "__main__":
    sys.exit(main())
