"""Which cameras look at a place: those whose view, or position where no view is known, touches it."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from belvedere.foundation.geometry import LocalPlane, sector
from belvedere.hub.federation.words import Circle, Polygon
from belvedere.hub.register.cameras import Camera

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

_NO_VIEW_M = 30.0  # a camera of which only the position is known looks about so far


def cameras_at(place: Circle | Polygon, cameras: Iterable[Camera], allowed: Sequence[str] | None) -> list[str]:
    """Ids, sorted, of cameras in `allowed` (None: any) that may show the place. Buildings in between do not count against one."""
    from shapely import make_valid  # here, because it takes a quarter of a second to load
    from shapely.geometry import Point
    from shapely.geometry import Polygon as Ring

    area: BaseGeometry
    if isinstance(place, Circle):
        plane = LocalPlane(place.lon, place.lat)
        area = Point(0.0, 0.0).buffer(place.radius_m)
    else:
        plane = LocalPlane(*place.points[0])
        area = make_valid(Ring([plane.to_metres(lon, lat) for lon, lat in place.points]))
    wanted = None if allowed is None else frozenset(allowed)
    found = []
    for camera in cameras:
        if camera.lat is None or camera.lon is None or (wanted is not None and camera.id not in wanted):
            continue
        x, y = plane.to_metres(camera.lon, camera.lat)
        if camera.bearing_deg is None or camera.fov_deg is None or camera.range_m is None:
            seen: BaseGeometry = Point(x, y).buffer(_NO_VIEW_M)
        else:
            ring = sector(camera.bearing_deg, camera.fov_deg, camera.range_m)
            seen = make_valid(Ring([(x + east, y + north) for east, north in ring]))
        if seen.intersects(area):
            found.append(camera.id)
    return sorted(found)
