"""Words between the decoder process of health and its owner, which loads no decoder itself."""

import msgspec

from belvedere.site.health.views import Figures

LONGEST_ORDER = 16 << 20


class LookOrder(msgspec.Struct, frozen=True, array_like=True):
    """`data`: initialisation segment and a fragment that begins with a keyframe. `camera`: any number that stands for it."""

    camera: int
    data: bytes


class LookAnswer(msgspec.Struct, frozen=True, array_like=True):
    """`figures` is None where the picture could not be decoded."""

    figures: Figures | None
