"""Plane geometry on the small: metres round a point, and what a camera can see of them.

Within a few kilometres the earth is flat enough: an equirectangular projection on the WGS 84 ellipsoid is off by less than
a centimetre at 500 m. Coordinates are (longitude, latitude) in degrees, as GeoJSON has them (RFC 7946), or (x east, y north)
in metres. Bearings are degrees clockwise from north.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

_SEMI_MAJOR_M = 6_378_137.0  # WGS 84
_ECCENTRICITY_2 = 6.694_379_990_14e-3
_ARC_STEP_DEG = 3.0
_NEAR_M = 0.3  # a camera fixed to a wall looks away from it, although its point may lie just inside the footprint

Pair = tuple[float, float]


@dataclass(frozen=True, slots=True)
class LocalPlane:
    """Metres east and north of a point on the earth."""

    lon: float
    lat: float

    def _scale(self) -> Pair:
        """Metres to one degree of longitude and of latitude here."""
        sine = math.sin(math.radians(self.lat))
        curve = math.sqrt(1 - _ECCENTRICITY_2 * sine * sine)
        east = math.radians(1) * _SEMI_MAJOR_M / curve * math.cos(math.radians(self.lat))
        north = math.radians(1) * _SEMI_MAJOR_M * (1 - _ECCENTRICITY_2) / curve**3
        return east, north

    def to_metres(self, lon: float, lat: float) -> Pair:
        """(x, y) of a point given in degrees."""
        east, north = self._scale()
        return (lon - self.lon) * east, (lat - self.lat) * north

    def to_lonlat(self, x: float, y: float) -> Pair:
        """(longitude, latitude) of a point given in metres."""
        east, north = self._scale()
        return self.lon + x / east, self.lat + y / north


def sector(bearing_deg: float, fov_deg: float, range_m: float) -> list[Pair]:
    """The ring of the sector that a camera at (0, 0) covers on flat ground, open, counter-clockwise, in metres.

    A view of 360 degrees or more is a full circle. Raises ValueError unless `fov_deg` and `range_m` are positive.
    """
    if not (fov_deg > 0 and range_m > 0):
        raise ValueError("a view has a width and a range")
    width = min(fov_deg, 360.0)
    steps = max(2, math.ceil(width / _ARC_STEP_DEG))
    full = width == 360.0
    # From the right edge of the view to the left: falling bearings run counter-clockwise.
    angles = [math.radians(bearing_deg + width / 2 - width * step / steps) for step in range(steps + (not full))]
    arc = [(range_m * math.sin(angle), range_m * math.cos(angle)) for angle in angles]
    return arc if full else [(0.0, 0.0), *arc]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A prism that hides what is behind it. `footprint` is a ring in metres, not closed, of any direction."""

    footprint: tuple[Pair, ...]
    height_m: float


def visible(ring: Sequence[Pair], camera_height_m: float, obstacles: Iterable[Obstacle]) -> list[list[Pair]]:
    """The part of `ring` (a sector round (0, 0)) that a camera at `camera_height_m` sees on the ground, in metres.

    Open rings: the outline first, then holes (the shadows of low obstacles). Nothing when it sees nothing.

    Obstacles lower than the camera throw a short shadow, higher ones hide everything behind. One that the camera hangs on
    (nearer than 0.3 m) is left out. Of several parts left, the largest.
    """
    from shapely import make_valid  # here, because it takes a quarter of a second to load
    from shapely.geometry import Point, Polygon
    from shapely.geometry.polygon import orient
    from shapely.ops import unary_union

    seen = make_valid(Polygon(ring))
    reach = max(math.hypot(x, y) for x, y in ring)
    camera = Point(0.0, 0.0)
    hidden: list[BaseGeometry] = []
    for obstacle in obstacles:
        body = make_valid(Polygon(obstacle.footprint))
        if body.distance(camera) >= _NEAR_M and body.intersects(seen):
            hidden.append(_shadow(body, obstacle, camera_height_m, reach))
    left = seen.difference(unary_union(hidden)) if hidden else seen
    parts = [part for part in getattr(left, "geoms", [left]) if isinstance(part, Polygon) and not part.is_empty]
    if not parts:
        return []
    largest = orient(max(parts, key=lambda part: part.area))
    rings = (largest.exterior, *largest.interiors)
    return [[(x, y) for x, y, *_ in list(each.coords)[:-1]] for each in rings]


def _shadow(body: "BaseGeometry", obstacle: Obstacle, camera_height_m: float, reach: float) -> "BaseGeometry":
    """The obstacle and the ground behind it. A ray over an edge of height b meets the ground at h / (h - b) of its distance."""
    from shapely.geometry import Polygon
    from shapely.ops import unary_union

    ring = obstacle.footprint
    pieces = [body]
    for near, far in zip(ring, (*ring[1:], ring[0]), strict=True):
        behind = []
        for x, y in (far, near):
            if obstacle.height_m < camera_height_m:
                stretch = camera_height_m / (camera_height_m - obstacle.height_m)
            else:
                stretch = math.inf
            # Far enough that the straight line between two stretched points stays outside the range.
            stretch = min(stretch, max(1.0, 20 * reach / max(math.hypot(x, y), _NEAR_M)))
            behind.append((x * stretch, y * stretch))
        pieces.append(Polygon([near, far, *behind]).convex_hull)
    return unary_union(pieces)
