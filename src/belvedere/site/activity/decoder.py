"""`python -m belvedere.site.activity.decoder`: decodes keyframes, small, and says what changed. No key, no database, no network.

Keyframes come on standard input, numbers go out on standard output; a picture never leaves this process. It also recognises
rate control from a stream's seconds, because it has numpy and the site's process has not.
"""

import sys
import time
from collections import OrderedDict
from collections.abc import Iterator

import av
import msgspec
import numpy as np
from av.codec import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from belvedere.foundation.errors import BadMedia
from belvedere.media.nal import join_annex_b, split_lengths
from belvedere.media.stream import Codec
from belvedere.site.activity import series
from belvedere.site.activity.decoder_pipe import LONGEST_LOOK, Look, Order, Recognise, Recognised, Told, pack_word
from belvedere.site.activity.laid import Laid
from belvedere.site.activity.pictures import Eye, Picture
from belvedere.site.activity.rate import RateKind
from belvedere.site.activity.recognise import recognise
from belvedere.site.activity.seconds import SECOND
from belvedere.site.sandbox.obey import DECODERS, LARGEST_SIDE, obey_orders, yield_to_recording

_NICE = 15
_MOST_EYES = 512
_MOST_CONTEXTS = 8


class Decoder:
    """Eyes and codec contexts, a bounded number of each, the least used let go first."""

    def __init__(self) -> None:
        self._eyes: OrderedDict[int, Eye] = OrderedDict()
        self._contexts: OrderedDict[tuple[str, tuple[bytes, ...]], VideoCodecContext] = OrderedDict()

    def look(self, look: Look) -> Told:
        """Answer one order. A picture that can't be decoded is a failed answer."""
        begun_us = time.process_time_ns() // 1000
        eye = self._eyes.pop(look.eye, None)
        if eye is None or look.forget:
            eye = Eye()
        self._eyes[look.eye] = eye
        if len(self._eyes) > _MOST_EYES:
            self._eyes.popitem(last=False)
        if look.fresh:
            eye.forget()
        try:
            luma = self._decode(look)
        except (BadMedia, av.FFmpegError, ValueError, MemoryError):
            luma = None
        seen = eye.look(luma, look.zones) if luma is not None else None
        cpu_us = time.process_time_ns() // 1000 - begun_us
        if seen is None:
            return Told(None, 0.0, 0.0, "", cpu_us, failed=luma is None)
        return Told(seen.share, min(seen.brightness, 255.0), min(seen.contrast, 255.0), seen.hint, cpu_us)

    def _decode(self, look: Look) -> Picture | None:
        key = (look.codec, look.parameter_sets)
        context = self._contexts.pop(key, None)
        if context is None:
            made = CodecContext.create(DECODERS[Codec(look.codec)], "r")
            if not isinstance(made, VideoCodecContext):
                return None
            context = made
            context.thread_count = 1
            context.options = {"skip_loop_filter": "all"}  # a third of the work; both pictures are without it
        self._contexts[key] = context
        if len(self._contexts) > _MOST_CONTEXTS:
            self._contexts.popitem(last=False)
        packet = av.Packet(join_annex_b([*look.parameter_sets, *split_lengths(look.keyframe)]))
        try:
            frames = [*context.decode(packet), *context.decode(None)]
        finally:
            context.flush_buffers()
        return _luma(frames[0]) if frames else None


def _luma(frame: VideoFrame) -> Picture | None:
    """Rows x columns of grey; None for a picture of no use."""
    if not (8 <= frame.width <= LARGEST_SIDE and 8 <= frame.height <= LARGEST_SIDE):
        return None
    if not frame.format.name.startswith(("yuv420p", "yuvj420p", "nv12", "gray")) or frame.format.name.endswith("e"):
        frame = frame.reformat(format="gray")
    plane = frame.planes[0]
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]


def recognised(order: Recognise) -> Recognised:
    """The rate control of a stream. Arrays of two lengths are nobody's stream: nothing is recognised."""
    laid = Laid(0, bytearray(order.seconds), bytearray(len(order.source)), bytearray(order.source))
    if len(order.seconds) != len(order.source) * SECOND.size:
        return Recognised(RateKind.UNCLEAR, 0.0, 0)
    found = recognise(series.of(laid))
    return Recognised(found.kind, found.confidence, found.seconds)


def main() -> int:
    """Answer until standard input ends. Exit 2 for words that are none."""
    yield_to_recording(_NICE)
    decoder = Decoder()
    orders: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)

    def answers(order: Order) -> Iterator[bytes]:
        yield pack_word(recognised(order) if isinstance(order, Recognise) else decoder.look(order))

    return obey_orders(orders, LONGEST_LOOK, answers)


if __name__ == "__main__":
    sys.exit(main())
