"""Which part of a segment a hold covers: exact to its groups of pictures, outward, never further. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from belvedere.site.recorder.timing import wall_us
from belvedere.site.storage import fragments

Span = tuple[int, int]
"""Wall time [start_us, end_us)."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a segment row decides where its groups lie in wall time. `fragments`: its blob of records."""

    start_us: int
    media_start_90k: int
    rate_ppm: int
    fragments: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """Groups [first, last) of a segment: plaintext [start, end), media [start_90k, end_90k), wall [start_us, end_us)."""

    first: int
    last: int
    start: int
    end: int
    start_90k: int
    end_90k: int
    start_us: int
    end_us: int


def union(spans: Iterable[Span]) -> list[Span]:
    """The same moments as disjoint spans in order. Empty ones vanish; neighbours that touch are joined."""
    found: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def touches(spans: Sequence[Span], start_us: int, end_us: int) -> bool:
    """Whether [start_us, end_us) has a moment in common with one of `spans`."""
    return any(start < end_us and end > start_us for start, end in spans)


def group_spans(shape: Shape) -> list[Span]:
    """Wall time of each group of pictures of a segment, in order."""

    def wall(at_90k: int) -> int:
        return wall_us(shape.start_us, shape.media_start_90k, shape.rate_ppm, at_90k)

    return [(wall(group.start_90k), wall(group.end_90k)) for group in fragments.groups(shape.fragments)]


def held_parts(shape: Shape, held: Sequence[Span], *, tail: bool = False) -> list[Part]:
    """The parts of a segment that `held` touches, whole groups, neighbours joined, in order.

    `tail`: the last group is needed too, because what follows can't be decoded without it. A first group without a
    keyframe belongs to one in the segment before; it is taken like any other.
    """
    groups = fragments.groups(shape.fragments)
    spans = group_spans(shape)
    wanted = [n for n, (start, end) in enumerate(spans) if touches(held, start, end)]
    if tail and groups and (not wanted or wanted[-1] != len(groups) - 1):
        wanted.append(len(groups) - 1)
    parts: list[tuple[int, int]] = []
    for n in wanted:
        if parts and parts[-1][1] == n:
            parts[-1] = (parts[-1][0], n + 1)
        else:
            parts.append((n, n + 1))
    return [
        Part(
            first=first,
            last=last,
            start=groups[first].start,
            end=groups[last - 1].end,
            start_90k=groups[first].start_90k,
            end_90k=groups[last - 1].end_90k,
            start_us=spans[first][0],
            end_us=spans[last - 1][1],
        )
        for first, last in parts
    ]


def begins_whole(shape: Shape) -> bool:
    """Whether the segment begins with a keyframe."""
    groups = fragments.groups(shape.fragments)
    return not groups or groups[0].keyframe
