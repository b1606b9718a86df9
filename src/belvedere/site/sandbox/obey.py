"""What every confined process that decodes pictures does: orders in on standard input, answers out, recording first.

An order is a u32 big-endian length, then one MessagePack message; so is an answer. Imported inside the confined process only.
"""

import os
import sys
from collections.abc import Callable, Iterable
from struct import Struct
from typing import TypeVar

import av
import cv2
import msgspec

from belvedere.media.stream import Codec

LENGTH = Struct(">I")
DECODERS = {Codec.H264: "h264", Codec.H265: "hevc"}
"""FFmpeg's names of the codecs that are decoded; no other is ever opened."""
LARGEST_SIDE = 8192
"""Pixels; a picture that says it is larger is not looked at."""

_Order = TypeVar("_Order")


def obey_orders(
    orders: "msgspec.msgpack.Decoder[_Order]", longest: int, answers: Callable[[_Order], Iterable[bytes]]
) -> int:
    """Answer until standard input ends; `answers` gives packed words. Returns 0, or 2 for an order that is none."""
    source = sys.stdin.buffer
    try:
        while len(head := source.read(LENGTH.size)) == LENGTH.size:
            (length,) = LENGTH.unpack(head)
            if length > longest:
                return 2
            for word in answers(orders.decode(source.read(length))):
                data = memoryview(word)
                while data:
                    data = data[os.write(1, data) :]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return 2
    except BrokenPipeError:
        pass  # the owner is gone
    return 0


def yield_to_recording(nice: int) -> None:
    """One thread, at lower priority than recording. What confines a process was done before it was entered."""
    cv2.setNumThreads(1)
    av.logging.set_level(None)
    lower_priority(nice)


def lower_priority(nice: int) -> None:
    """Stand back by `nice` steps more; never back again."""
    try:
        os.nice(nice)
    except OSError:
        pass  # the sandbox may not let a process change its priority
