"""Whether a camera looks at a place, by the register's drawing of its view. Buildings and trees in between are not in it. Pure."""

import math

from belvedere.foundation.geometry import LocalPlane
from belvedere.hub.register.cameras import Camera

_FUZZ_M = 5.0  # a place is a pin that somebody set by hand


def sees(camera: Camera, place: tuple[float, float] | None) -> bool | None:
    """True or False; None where the place, the camera's place or its view is not known. `place`: (longitude, latitude)."""
    if place is None or camera.lat is None or camera.lon is None or camera.range_m is None:
        return None
    x, y = LocalPlane(camera.lon, camera.lat).to_metres(*place)
    distance = math.hypot(x, y)
    if distance <= _FUZZ_M:
        return True
    if distance > camera.range_m + _FUZZ_M:
        return False
    if camera.bearing_deg is None or camera.fov_deg is None:
        return None
    off = abs((math.degrees(math.atan2(x, y)) - camera.bearing_deg + 180) % 360 - 180)
    return off <= camera.fov_deg / 2 + math.degrees(math.atan2(_FUZZ_M, distance))
