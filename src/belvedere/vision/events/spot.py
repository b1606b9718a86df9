"""Where an object is right now."""

from dataclasses import dataclass

from belvedere.media.objects import ObjectKind
from belvedere.vision.objects.found import Box


@dataclass(frozen=True, slots=True)
class Spot:
    """One object that goes on, as the picture of `last_us` showed it. `number` stays the same while it is followed.

    `still_since_us`: unmoved since then. `moved`: it was once seen at two places, or began by going off.
    """

    number: int
    kind: ObjectKind
    confidence: float
    box: Box
    first_us: int
    last_us: int
    still_since_us: int
    moved: bool
