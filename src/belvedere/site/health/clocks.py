"""How fast a camera's clock parts from ours. Pure."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

FEWEST = 4  # points; fewer tell nothing of a trend


def drift_ppm(points: Sequence[tuple[int, float]]) -> float | None:
    """The median of the slopes between neighbouring points (time, error), both in microseconds: parts per million.

    A camera that is set right now and then makes one wild slope among many, which the median does not see.
    """
    if len(points) < FEWEST:
        return None
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) * 1e6 for a, b in pairwise(points) if b[0] > a[0]]
    return round(median(slopes), 1) if slopes else None
