"""Words between a process that looks for objects and its owner: a u32 big-endian length, then one MessagePack message.

The process runs C code on what a camera sent. Whatever it says is bounded and checked here.
"""

from typing import Annotated

import msgspec

from belvedere.media.access_unit import ACCESS_UNIT_BYTES
from belvedere.site.activity.decoder_pipe import LENGTH, Zones

MOST_FOUND = 128
"""Objects of one picture that are told, the most confident; beyond it they are counted."""
MOST_PICTURES = 8
"""Pictures of one order."""
LONGEST_ORDER = MOST_PICTURES * (ACCESS_UNIT_BYTES + (1 << 16))
LONGEST_TOLD = 4 << 20
_Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
_Count = Annotated[int, msgspec.Meta(ge=0)]


class Keyframe(msgspec.Struct, frozen=True):
    """A keyframe as it was recorded: NAL units behind 4-byte lengths."""

    codec: str
    parameter_sets: tuple[bytes, ...]
    data: bytes


class Glance(msgspec.Struct, frozen=True):
    """One picture to look at. With `gate` only when something moved since the picture before of the same `eye`; `fresh`: there
    is none before it that counts, and it is looked at in any case.
    """

    eye: int
    fresh: bool
    gate: bool
    keyframe: Keyframe
    zones: Zones = ()


class See(msgspec.Struct, frozen=True, tag="see"):
    """Look for objects in some pictures, in their order; answered with `Saw`."""

    glances: Annotated[tuple[Glance, ...], msgspec.Meta(min_length=1, max_length=MOST_PICTURES)]


class Show(msgspec.Struct, frozen=True, tag="show"):
    """Make a masked thumbnail around `box`; answered with `Shown`. `hidden`: the camera's permanent masks."""

    keyframe: Keyframe
    kind: int
    box: tuple[_Share, _Share, _Share, _Share]
    width: int
    hidden: Zones = ()


Order = See | Show


class Found(msgspec.Struct, frozen=True, array_like=True):
    """As `Detection`, with plain numbers."""

    kind: Annotated[int, msgspec.Meta(ge=1, le=255)]
    confidence: _Share
    box: tuple[_Share, _Share, _Share, _Share]
    upper: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    lower: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0


class Glanced(msgspec.Struct, frozen=True, array_like=True):
    """What came of a picture. `share` of it that changed since the one before, None where nothing was compared.

    `failed`: no picture came out. `quiet`: nothing moved, so nobody looked. `crowded`: objects beyond MOST_FOUND.
    """

    found: Annotated[tuple[Found, ...], msgspec.Meta(max_length=MOST_FOUND)] = ()
    share: _Share | None = None
    quiet: bool = False
    failed: bool = False
    crowded: _Count = 0
    width: _Count = 0
    height: _Count = 0


class Saw(msgspec.Struct, frozen=True, tag="saw"):
    """One answer a picture. `cpu_us` for all of them together."""

    glanced: Annotated[tuple[Glanced, ...], msgspec.Meta(max_length=MOST_PICTURES)]
    cpu_us: _Count


class Shown(msgspec.Struct, frozen=True, tag="shown"):
    """A JPEG with heads hidden; empty when no picture came out."""

    jpeg: Annotated[bytes, msgspec.Meta(max_length=1 << 20)]
    width: _Count
    height: _Count
    cpu_us: _Count


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The first word: what looks, on what, and how long a picture takes it. With `trouble` it can't look."""

    model: Annotated[str, msgspec.Meta(max_length=120)]
    provider: Annotated[str, msgspec.Meta(max_length=120)]
    ms_a_picture: float
    trouble: Annotated[str, msgspec.Meta(max_length=400)] = ""


AnyTold = Saw | Shown | Ready


def pack_word(word: Order | AnyTold) -> bytes:
    """The word as it goes over the pipe."""
    body = msgspec.msgpack.encode(word)
    return LENGTH.pack(len(body)) + body
