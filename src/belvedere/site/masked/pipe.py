"""Words between a masking process and its owner: a u32 big-endian length, then one MessagePack message.

The process runs C code on what a camera sent. Whatever it says is bounded and checked here.
"""

from struct import Struct
from typing import Annotated

import msgspec

from belvedere.link.masked import Polygons
from belvedere.link.messages import Mark
from belvedere.media.access_unit import ACCESS_UNIT_BYTES

LENGTH = Struct(">I")
LONGEST_ORDER = ACCESS_UNIT_BYTES + (8 << 20)  # a fragment of half a second, or a whole group of pictures
LONGEST_TOLD = 4 << 20  # one masked picture of 640 x 360


class Order(msgspec.Struct, frozen=True, tag_field="kind"):
    """What the owner says."""


class Begin(Order, frozen=True, tag="begin"):
    """A stream begins: `init` is its initialisation segment. `bodies` false: permanent masks only.

    `patient`: nobody waits for it; the process stands back behind everything else, for good. `sure`: the first picture waits
    until the detector is there, if there is one.
    """

    codec: str
    init: bytes
    bodies: bool
    permanent: Polygons
    patient: bool = False
    sure: bool = False


class Recall(Order, frozen=True, tag="recall"):
    """The first sample of a fragment or a keyframe alone, of before: for the background. `data`: length-prefixed NAL units."""

    at_us: int
    data: bytes


class Feed(Order, frozen=True, tag="feed"):
    """One or more fragments (moof+mdat) to mask. `at_us`: arrival of the last frame.

    `key`: begin with a keyframe. `last`: hand out what the decoder holds back; the next order begins with a keyframe.
    `mark`: lines that are burned into every picture.
    """

    at_us: int
    data: bytes
    last: bool = False
    key: bool = False
    mark: Mark = ()


class Repaint(Order, frozen=True, tag="repaint"):
    """Other permanent masks."""

    permanent: Polygons


class Told(msgspec.Struct, frozen=True, tag_field="kind"):
    """What the process says."""


class Ready(Told, frozen=True, tag="ready"):
    """The masked stream that pictures from now on belong to."""

    codec_string: Annotated[str, msgspec.Meta(max_length=32)]
    width: Annotated[int, msgspec.Meta(ge=16, le=640)]
    height: Annotated[int, msgspec.Meta(ge=16, le=640)]
    init: Annotated[bytes, msgspec.Meta(max_length=1 << 14)]


class Masked(Told, frozen=True, tag="masked"):
    """One masked picture as moof+mdat. `whole`: all of it is hidden, because the background is not known yet."""

    keyframe: bool
    at_us: int
    data: bytes
    share: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
    whole: bool


class Sight(Told, frozen=True, tag="sight"):
    """Which model looks for people from now on; "" none, and `why` not."""

    model: Annotated[str, msgspec.Meta(max_length=100)]
    why: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Done(Told, frozen=True, tag="done"):
    """An order was carried out; `cpu_us` it took, `frames` it gave, `media_us` they cover. `failed`: nothing could be decoded.

    `looks` of the detector are in it, `look_us` is their part of `cpu_us`.
    """

    cpu_us: Annotated[int, msgspec.Meta(ge=0)]
    frames: Annotated[int, msgspec.Meta(ge=0)]
    media_us: Annotated[int, msgspec.Meta(ge=0)]
    failed: bool = False
    looks: Annotated[int, msgspec.Meta(ge=0)] = 0
    look_us: Annotated[int, msgspec.Meta(ge=0)] = 0


AnyOrder = Begin | Recall | Feed | Repaint
AnyTold = Ready | Masked | Sight | Done


def pack_word(word: Order | Told) -> bytes:
    """The word as it goes over the pipe."""
    body = msgspec.msgpack.encode(word)
    return LENGTH.pack(len(body)) + body
