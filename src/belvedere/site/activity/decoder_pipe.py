"""Words between the decoder process and its owner: a u32 big-endian length, then one MessagePack message.

The decoder runs C code on what a camera sent. Whatever it says is bounded and checked here.
"""

from struct import Struct
from typing import Annotated

import msgspec

from belvedere.media.access_unit import ACCESS_UNIT_BYTES
from belvedere.site.activity.rate import RateKind

LENGTH = Struct(">I")
LONGEST_LOOK = ACCESS_UNIT_BYTES + (1 << 20)
LONGEST_TOLD = 1 << 10
MOST_ZONES = 32
_Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
_Grey = Annotated[float, msgspec.Meta(ge=0.0, le=255.0)]
_Corner = tuple[_Share, _Share]
Zones = Annotated[
    tuple[Annotated[tuple[_Corner, ...], msgspec.Meta(min_length=3, max_length=64)], ...],
    msgspec.Meta(max_length=MOST_ZONES),
]


class Look(msgspec.Struct, frozen=True, tag="look"):
    """Compare a keyframe with the one before it of the same `eye`. `keyframe`: NAL units behind 4-byte lengths."""

    eye: int
    fresh: bool  # nothing before it is to be compared
    forget: bool  # also forget what is restless: another camera looks through this eye
    codec: str
    parameter_sets: tuple[bytes, ...]
    keyframe: bytes
    zones: Zones = ()


class Recognise(msgspec.Struct, frozen=True, tag="recognise"):
    """How does this stream hold its bitrate? `seconds` and `source` as in `laid.Laid`: no picture, but there is numpy."""

    seconds: bytes
    source: bytes


class Recognised(msgspec.Struct, frozen=True):
    """As `rate.RateControl`."""

    kind: RateKind
    confidence: _Share
    seconds: Annotated[int, msgspec.Meta(ge=0)]


Order = Look | Recognise


class Told(msgspec.Struct, frozen=True):
    """What a comparison gave. `share` is None when there was nothing to compare with, or no picture came out."""

    share: _Share | None
    brightness: _Grey
    contrast: _Grey
    hint: Annotated[str, msgspec.Meta(max_length=16)]
    cpu_us: Annotated[int, msgspec.Meta(ge=0)]
    failed: bool = False


def pack_word(word: Order | Told | Recognised) -> bytes:
    """The word as it goes over the pipe."""
    body = msgspec.msgpack.encode(word)
    return LENGTH.pack(len(body)) + body
