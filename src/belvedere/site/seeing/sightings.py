"""Sightings and paths as the index keeps them: packed numbers, 16 and 10 bytes each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import Struct

from belvedere.vision.events.presence import Step
from belvedere.vision.objects.found import Box, Detection

_SIGHTING = Struct("<IBBHHHHBB")  # ms since the segment's start, kind, confidence / 250, box, upper, lower
_STEP = Struct("<IHHH")  # ms since the first, foot's place, height
PARTS = 10_000
_SURE = 250


def shares(box: Box) -> tuple[int, int, int, int]:
    """A box in parts of 1/10000."""
    return (
        round(box.left * PARTS),
        round(box.top * PARTS),
        round(box.right * PARTS),
        round(box.bottom * PARTS),
    )


def pack_sightings(since_us: int, at_us: int, found: Iterable[Detection]) -> bytes:
    """What one picture of a segment that starts at `since_us` showed."""
    ms = max(0, (at_us - since_us) // 1000)
    return b"".join(
        _SIGHTING.pack(ms, each.kind, round(each.confidence * _SURE), *shares(each.box), each.upper, each.lower)
        for each in found
    )


@dataclass(frozen=True, slots=True)
class Sighting:
    """One object in one picture, as kept. `box` in 1/10000."""

    at_us: int
    kind: int
    confidence: float
    box: tuple[int, int, int, int]
    upper: int
    lower: int


def unpack_sightings(since_us: int, blob: bytes) -> list[Sighting]:
    """In the order in which they were packed. Raises ValueError for bytes that are none."""
    if len(blob) % _SIGHTING.size:
        raise ValueError("not a blob of sightings")
    return [
        Sighting(since_us + ms * 1000, kind, sure / _SURE, (left, top, right, bottom), upper, lower)
        for ms, kind, sure, left, top, right, bottom, upper, lower in _SIGHTING.iter_unpack(blob)
    ]


def pack_path(path: Sequence[Step]) -> bytes:
    """Where an object stood, step by step."""
    first_us = path[0].time_us if path else 0
    return b"".join(
        _STEP.pack(
            max(0, min((step.time_us - first_us) // 1000, 0xFFFFFFFF)),
            _part(step.x),
            _part(step.y),
            _part(step.height),
        )
        for step in path
    )


def feet(blob: bytes) -> list[tuple[float, float]]:
    """The places of a packed path, as shares of the picture."""
    whole = len(blob) - len(blob) % _STEP.size
    return [(x / PARTS, y / PARTS) for _, x, y, _ in _STEP.iter_unpack(blob[:whole])]


def _part(share: float) -> int:
    return round(max(0.0, min(1.0, share)) * PARTS)
