"""In which order stored footage is looked at. Sizes and gates order; they never leave anything out. Pure, without numpy."""

import statistics
from collections.abc import Sequence

from belvedere.foundation.clock import MINUTE_US, SECOND_US
from belvedere.site.activity.seconds import SECOND
from belvedere.site.activity.store import Row
from belvedere.site.seeing.store import Segment

STRETCH_US = 2 * MINUTE_US
"""Segments in a row that are looked at together: what goes on over their ends becomes two events when the order is not time's."""


def stretches(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Segments that follow each other, some minutes each, in order."""
    found: list[list[Segment]] = []
    for segment in segments:
        held = found[-1] if found else []
        near = bool(held) and abs(segment.start_us - held[-1].end_us) <= SECOND_US
        if not near or segment.end_us - held[0].start_us > STRETCH_US:
            found.append([])
        found[-1].append(segment)
    return found


def busiest_first(parts: list[list[Segment]], rows: Sequence[Row]) -> list[list[Segment]]:
    """The stretches, busiest first: by how much of the picture moved where that is known, else by bytes of inter frames."""
    moved: dict[int, float] = {}
    sizes: dict[int, float] = {}
    for row in rows:
        if row.gate and any(row.gate):
            moved[row.segment_id] = max(row.gate) / 255
        means = [inter / frames for inter, _, frames, _, _ in SECOND.iter_unpack(row.seconds) if frames]
        if means:
            sizes[row.segment_id] = max(means)
    usual = statistics.median(sizes.values()) if sizes else 1.0

    def busy(part: list[Segment]) -> float:
        return max(moved.get(each.id, min(1.0, sizes.get(each.id, 0.0) / max(1.0, 8 * usual))) for each in part)

    return sorted(parts, key=busy, reverse=True)
