"""Lines and zones in a picture. Points are shares of its width and height."""

import math
from collections.abc import Sequence

Point = tuple[float, float]


def inside(zone: Sequence[Point], point: Point) -> bool:
    """Whether a point lies in a polygon (even-odd rule); an empty one is the whole picture."""
    if not zone:
        return True
    x, y = point
    within = False
    before_x, before_y = zone[-1]
    for here_x, here_y in zone:
        if (here_y > y) != (before_y > y) and x < (before_x - here_x) * (y - here_y) / (before_y - here_y) + here_x:
            within = not within
        before_x, before_y = here_x, here_y
    return within


def side(line: tuple[Point, Point], point: Point, aspect: float) -> float:
    """How far a point is from the line through two points, in picture heights: below 0 on the left of who walks it.

    y grows downwards. `aspect`: the picture's width by its height.
    """
    (ax, ay), (bx, by) = line
    along_x, along_y = (bx - ax) * aspect, by - ay
    length = math.hypot(along_x, along_y)
    if length == 0:
        return 0.0
    return (along_x * (point[1] - ay) - along_y * (point[0] - ax) * aspect) / length


def crosses(line: tuple[Point, Point], before: Point, after: Point, aspect: float) -> bool:
    """Whether the way from one point to another leads through the line between its ends."""
    if side(line, before, aspect) * side(line, after, aspect) > 0:
        return False
    return side((before, after), line[0], aspect) * side((before, after), line[1], aspect) <= 0
