"""`python -m belvedere.site.seeing.worker`: decodes keyframes small and looks for objects. No key, no database, no network.

Keyframes come on standard input. What goes out on standard output are numbers, and thumbnails that are already masked; a
raw picture never leaves this process.
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

from belvedere.foundation.errors import BadMedia, BelvedereError
from belvedere.media.nal import join_annex_b, split_lengths
from belvedere.media.objects import ObjectKind
from belvedere.media.stream import Codec
from belvedere.site.activity.pictures import Eye, Picture
from belvedere.site.activity.value import MOVED_SHARE
from belvedere.site.sandbox.obey import DECODERS, LARGEST_SIDE, obey_orders, yield_to_recording
from belvedere.site.seeing.eyes import Eyes, open_eyes
from belvedere.site.seeing.pipe import (
    LONGEST_ORDER,
    MOST_FOUND,
    AnyTold,
    Found,
    Glance,
    Glanced,
    Keyframe,
    Order,
    Ready,
    Saw,
    Show,
    Shown,
    pack_word,
)
from belvedere.vision.objects.colour import with_colours
from belvedere.vision.objects.detection import Bgr
from belvedere.vision.objects.found import Box, Detection
from belvedere.vision.objects.thumbnail import NARROWEST, WIDEST, make_thumbnail

_NICE = 19
_MOST_EYES = 256
_MOST_CONTEXTS = 8
LONGEST_SIDE = 640
"""Pictures are looked at no larger; a detector brings them to its own size."""


class Sight:
    """Decodes and looks. Eyes and codec contexts: a bounded number of each, the least used let go first."""

    def __init__(self, eyes: Eyes) -> None:
        self._detector = eyes.plain
        self._keen = eyes.keen
        self._eyes: OrderedDict[int, Eye] = OrderedDict()
        self._contexts: OrderedDict[tuple[str, tuple[bytes, ...]], VideoCodecContext] = OrderedDict()

    def see(self, glances: tuple[Glance, ...]) -> Saw:
        """What each picture shows; those to look at go to the detector together."""
        begun_us = time.process_time_ns() // 1000
        told: list[Glanced] = []
        looking: list[tuple[int, Bgr]] = []
        for number, glance in enumerate(glances):
            frame = self.decode(glance.keyframe)
            if frame is None:
                told.append(Glanced(failed=True))
                continue
            share = self._moved(glance, frame) if glance.gate else None
            if share is not None and share < MOVED_SHARE and not glance.fresh:
                told.append(Glanced(share=share, quiet=True, width=frame.width, height=frame.height))
                continue
            told.append(Glanced(share=share, width=frame.width, height=frame.height))
            looking.append((number, small(frame)))
        if looking:
            found = self._detector.find([picture for _, picture in looking])
            for (number, picture), detections in zip(looking, found, strict=True):
                kept, crowded = kept_of(picture, detections)
                told[number] = msgspec.structs.replace(told[number], found=kept, crowded=crowded)
        return Saw(tuple(told), time.process_time_ns() // 1000 - begun_us)

    def show(self, order: Show) -> Shown:
        """A masked thumbnail; empty when no picture came out. What hides people is looked for at a lower confidence."""
        begun_us = time.process_time_ns() // 1000
        frame = self.decode(order.keyframe)
        if frame is None:
            return Shown(b"", 0, 0, 0)
        picture = small(frame)
        (found,) = self._keen.find([picture])
        thumb = make_thumbnail(
            picture,
            found,
            Box(*order.box),
            ObjectKind(order.kind),
            width=max(NARROWEST, min(WIDEST, order.width)),
            permanent=order.hidden,
        )
        return Shown(thumb.jpeg, thumb.width, thumb.height, time.process_time_ns() // 1000 - begun_us)

    def _moved(self, glance: Glance, frame: VideoFrame) -> float | None:
        eye = self._eyes.pop(glance.eye, None)
        if eye is None:
            eye = Eye()
        self._eyes[glance.eye] = eye
        if len(self._eyes) > _MOST_EYES:
            self._eyes.popitem(last=False)
        if glance.fresh:
            eye.forget()
        seen = eye.look(_grey(frame), glance.zones)
        return None if seen is None else min(1.0, seen.share)

    def decode(self, keyframe: Keyframe) -> VideoFrame | None:
        """The picture of a keyframe; None when none comes out."""
        try:
            return self._decode(keyframe)
        except (BadMedia, av.FFmpegError, ValueError, MemoryError, KeyError):
            return None

    def _decode(self, keyframe: Keyframe) -> VideoFrame | None:
        key = (keyframe.codec, keyframe.parameter_sets)
        context = self._contexts.pop(key, None)
        if context is None:
            made = CodecContext.create(DECODERS[Codec(keyframe.codec)], "r")
            if not isinstance(made, VideoCodecContext):
                return None
            context = made
            context.thread_count = 1
            context.options = {"skip_loop_filter": "all"}
        self._contexts[key] = context
        if len(self._contexts) > _MOST_CONTEXTS:
            self._contexts.popitem(last=False)
        packet = av.Packet(join_annex_b([*keyframe.parameter_sets, *split_lengths(keyframe.data)]))
        try:
            frames = [*context.decode(packet), *context.decode(None)]
        finally:
            context.flush_buffers()
        if not frames or not (8 <= frames[0].width <= LARGEST_SIDE and 8 <= frames[0].height <= LARGEST_SIDE):
            return None
        return frames[0]


def small(frame: VideoFrame, longest: int = LONGEST_SIDE) -> Bgr:
    """The picture with its longer side at most `longest`, its shape kept."""
    scale = min(1.0, longest / max(frame.width, frame.height))
    width, height = max(8, round(frame.width * scale)), max(8, round(frame.height * scale))
    return np.asarray(frame.reformat(width=width, height=height, format="bgr24").to_ndarray(), np.uint8)


def _grey(frame: VideoFrame) -> Picture:
    """Rows x columns of grey."""
    if not frame.format.name.startswith(("yuv420p", "yuvj420p", "nv12", "gray")) or frame.format.name.endswith("e"):
        frame = frame.reformat(format="gray")
    plane = frame.planes[0]
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]


def kept_of(picture: Bgr, detections: list[Detection]) -> tuple[tuple[Found, ...], int]:
    """What is told of a picture: the most confident, coloured; and how many more there were."""
    best = with_colours(picture, detections[:MOST_FOUND])
    found = tuple(
        Found(int(each.kind), min(1.0, max(0.0, each.confidence)), _corners(each.box), int(each.upper), int(each.lower))
        for each in best
    )
    return found, len(detections) - len(best)


def _corners(box: Box) -> tuple[float, float, float, float]:
    return box.left, box.top, box.right, box.bottom


def main() -> int:
    """Open the model, then obey. Exit 2 for words that are none, 3 when nothing can look."""
    yield_to_recording(_NICE)
    try:
        eyes = open_eyes(sys.argv[1:])
    except (BelvedereError, msgspec.MsgspecError, OSError, ValueError, RuntimeError, ImportError, MemoryError) as error:
        # A file that is no model, a runtime that does not run here.
        _say(Ready("", "", 0.0, (str(error) or type(error).__name__)[:400]))
        return 3
    return obey(eyes)


def _say(ready: Ready) -> None:
    sys.stdout.buffer.write(pack_word(ready))
    sys.stdout.buffer.flush()


def obey(eyes: Eyes) -> int:
    """Say what looks, then obey until standard input ends. Returns 2 for words that are none."""
    yield_to_recording(_NICE)
    _say(eyes.ready)
    sight = Sight(eyes)
    orders: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)

    def answers(order: Order) -> Iterator[bytes]:
        told: AnyTold = sight.show(order) if isinstance(order, Show) else sight.see(order.glances)
        yield pack_word(told)

    return obey_orders(orders, LONGEST_ORDER, answers)


if __name__ == "__main__":
    sys.exit(main())
