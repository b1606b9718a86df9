"""One object in one picture. Without numpy, so that processes that handle no pictures can hold what was found in them."""

from dataclasses import dataclass

from belvedere.media.objects import ObjectColour, ObjectKind


@dataclass(frozen=True, slots=True)
class Box:
    """Shares of the picture's width and height, from its top left corner. Invariant: 0 <= left < right <= 1, top likewise."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def foot(self) -> tuple[float, float]:
        """Where it touches the ground: the middle of its lower edge."""
        return (self.left + self.right) / 2, self.bottom


@dataclass(frozen=True, slots=True)
class Detection:
    """What a detector says of one picture. `confidence` 0 to 1 as the model gives it, not a probability.

    Of a person `upper` and `lower` are the clothing's colours, of a vehicle `upper` is its body's; otherwise UNKNOWN.
    """

    kind: ObjectKind
    confidence: float
    box: Box
    upper: ObjectColour = ObjectColour.UNKNOWN
    lower: ObjectColour = ObjectColour.UNKNOWN
