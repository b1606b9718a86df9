"""Where bodies are. A detector says it picture by picture; a body that is lost stays hidden where it was for ten seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2

from belvedere.foundation.clock import SECOND_US
from belvedere.vision.masking.picture import Picture, Plane

HELD_US = 10 * SECOND_US
_MOST = 64  # bodies remembered; the oldest go first, and what differs from the background is covered all the same


@dataclass(frozen=True, slots=True)
class Body:
    """A box in pixels of the half-size picture: left, top, width, height."""

    x: int
    y: int
    w: int
    h: int

    def touches(self, other: "Body") -> bool:
        """Whether the two share a pixel, with two to spare all round."""
        return (
            self.x - 2 <= other.x + other.w + 2
            and other.x - 2 <= self.x + self.w + 2
            and self.y - 2 <= other.y + other.h + 2
            and other.y - 2 <= self.y + self.h + 2
        )


class BodyDetector(Protocol):
    """Finds people, and whatever else must be hidden whole, in one picture."""

    def find(self, picture: Picture, differing: Plane) -> Sequence[Body]:
        """Bodies in half-size pixels. `differing`: 255 where the picture differs from the background, cleaned."""
        ...


class BlobDetector:
    """The simplest that works: whatever stands out from the background and is large enough to be somebody far away."""

    def __init__(self, least_pixels: int = 12) -> None:
        self._least = least_pixels

    def find(self, picture: Picture, differing: Plane) -> Sequence[Body]:
        outlines, _ = cv2.findContours(differing, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        bodies = [Body(*cv2.boundingRect(outline)) for outline in outlines]
        return [body for body in bodies if body.w * body.h >= self._least]


class Held:
    """Bodies seen lately."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: list[tuple[int, Body]] = []

    def update(self, at_us: int, found: Sequence[Body]) -> list[Body]:
        """All bodies to hide now: those found, and those lost within the last ten seconds, where they were last."""
        lost = [
            (seen_us, body)
            for seen_us, body in self._kept
            if 0 <= at_us - seen_us < HELD_US and not any(body.touches(other) for other in found)
        ]
        self._kept = [*lost, *((at_us, body) for body in found)][-_MOST:]
        return [body for _, body in self._kept]

    def forget(self) -> None:
        self._kept.clear()
