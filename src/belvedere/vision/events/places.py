"""How boxes lie to each other."""

import math

from belvedere.vision.objects.found import Box


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    wide = min(a.right, b.right) - max(a.left, b.left)
    high = min(a.bottom, b.bottom) - max(a.top, b.top)
    if wide <= 0 or high <= 0:
        return 0.0
    shared = wide * high
    whole = (a.right - a.left) * (a.bottom - a.top) + (b.right - b.left) * (b.bottom - b.top) - shared
    return shared / whole


def heading_of(across: float, down: float) -> int:
    """Eighth of a turn of a move in the picture: 0 up, 2 right, 4 down, 6 left. Both in the same unit."""
    return round(math.atan2(across, -down) / (math.pi / 4)) % 8
