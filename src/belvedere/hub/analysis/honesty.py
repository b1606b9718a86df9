"""What analysis can be trusted with, in words: figures that `bench/vision.py` measured, and nothing that it did not.

python3 run.py bench vision --json FILE, then python3 tools/accuracy.py FILE, writes `figures.json` beside this file.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

NIGHT, DAY = "night", "day"
UNMEASURED = "How many analysis finds at this size was not measured."


class Band(msgspec.Struct, frozen=True):
    """Events of one kind of light and one band of heights, in pixels of the picture that was looked at.

    `present` were there, `found` of them were found; `raised` were told, `right` of them were there.
    """

    light: str
    kind: str
    stream: str
    least_px: int
    most_px: int
    present: int
    found: int
    raised: int
    right: int

    @property
    def recall(self) -> float | None:
        """Share found, None where too few were there to say."""
        return self.found / self.present if self.present >= LEAST else None

    @property
    def precision(self) -> float | None:
        """Share right, None where too few were told to say."""
        return self.right / self.raised if self.raised >= LEAST else None


LEAST = 10  # events below which no share is told


class Figures(msgspec.Struct, frozen=True):
    """What was measured, with what, and when."""

    model: str
    sha256: str
    scene: str
    made: str
    bands: tuple[Band, ...]
    claims: tuple[Mapping[str, Any], ...] = ()


@cache
def figures() -> Figures | None:
    """The figures that were shipped; None where there are none."""
    found = files("belvedere.hub.analysis").joinpath("figures.json")
    if not found.is_file():
        return None
    return msgspec.json.decode(found.read_bytes(), type=Figures)


def finds(kind: str, height_px: float, light: str = "", known: Figures | None = None) -> str:
    """How many of these analysis finds, in words. `kind`: person or vehicle; `height_px` in the picture looked at; `light`
    day or night, "" for both. Says so where nothing was measured.
    """
    known = known or figures()
    if known is None:
        return UNMEASURED
    fitting = [
        band
        for band in known.bands
        if band.kind == kind and band.least_px <= height_px < band.most_px and light in ("", band.light)
    ]
    present, found = sum(band.present for band in fitting), sum(band.found for band in fitting)
    if present < LEAST:
        return UNMEASURED
    words = {"person": "people", "vehicle": "vehicles"}.get(kind, kind)
    when = {NIGHT: " at night", DAY: " by day"}.get(light, "")
    return f"Analysis finds about {found / present:.0%} of {words} at this size{when} ({known.scene})."


def missed(kinds: tuple[str, ...] = ("person", "vehicle"), known: Figures | None = None) -> str:
    """The miss rate to expect of a search that found nothing, in words."""
    known = known or figures()
    if known is None:
        return "How much analysis misses was not measured."
    bands = [band for band in known.bands if band.kind in kinds and band.least_px >= 40]
    present, found = sum(band.present for band in bands), sum(band.found for band in bands)
    if present < LEAST:
        return "How much analysis misses was not measured."
    return (
        f"Of events at least 40 pixels high that last two seconds analysis misses about {1 - found / present:.0%} "
        f"({known.scene}); of smaller ones more."
    )
