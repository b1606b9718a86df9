"""Light on the estate: day, dusk and night, street lamps, lit windows, and the infrared lamp of a camera.

Brightness is relative: 1.0 is a white wall fully exposed. Pictures are multiplied in gamma space, where a light factor
`f` becomes `f ** (1 / 2.2)`, so that a sprite shaded once can be lit again by three numbers.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from belvedere.demo.picture.view import Floats
from belvedere.demo.town import Town

GAMMA = 2.2
LAMP_REACH_M = 26.0
INFRARED = 1.25  # of the lamps around a lens, close by
INFRARED_REACH_M = 18.0  # where they are half as bright


class Light(StrEnum):
    """The hour a picture is painted for."""

    DAY = "day"
    DUSK = "dusk"
    NIGHT = "night"


@dataclass(frozen=True, slots=True)
class Sky:
    """What the sky gives. Colours are BGR shares."""

    ambient: tuple[float, float, float]
    sun: tuple[float, float, float]
    sun_from: tuple[float, float, float]  # unit vector towards the sun
    zenith: tuple[float, float, float]
    horizon: tuple[float, float, float]
    lamps: float  # strength of a street lamp
    windows: float  # strength of lit windows and signs
    noise: float  # sensor noise against daylight


SKIES: dict[Light, Sky] = {
    Light.DAY: Sky(
        (0.56, 0.52, 0.48), (0.30, 0.34, 0.36), (-0.48, -0.55, 0.68), (214, 190, 168), (232, 226, 220), 0.0, 0.10, 1.0
    ),
    Light.DUSK: Sky(
        (0.36, 0.30, 0.265), (0.03, 0.045, 0.07), (-0.93, 0.2, 0.3), (148, 112, 92), (172, 178, 200), 0.85, 0.85, 1.4
    ),
    Light.NIGHT: Sky(
        (0.110, 0.098, 0.092), (0.0, 0.0, 0.0), (0.0, 0.0, 1.0), (44, 35, 33), (76, 74, 82), 1.35, 0.95, 2.0
    ),
}
WHITE_LED = (0.80, 0.94, 1.0)  # BGR: 4,000 K
WARM_LED = (0.52, 0.80, 1.0)


@dataclass(frozen=True, slots=True)
class Lamps:
    """Street lamp heads in the world: positions (n, 3) in metres and colours (n, 3) BGR."""

    places: NDArray[np.float64]
    colours: NDArray[np.float64]

    @classmethod
    def of(cls, town: Town, near: tuple[float, float], within_m: float) -> "Lamps":
        """The street lamps, and the bulkhead lamps over the doors of staircases, within a distance of a point."""
        found, colours = [], []
        for f in town.fixtures:
            if f.kind == "lamp" and math.hypot(f.x - near[0], f.y - near[1]) < within_m:
                found.append(
                    (f.x + 0.85 * math.cos(f.heading_rad), f.y + 0.85 * math.sin(f.heading_rad), f.height_m - 0.1)
                )
                colours.append(WARM_LED if (int(f.x * 7 + f.y * 13) % 4) == 0 else WHITE_LED)
        for d in town.doors:
            if d.kind in ("stair", "hall", "bin_store") and math.hypot(d.x - near[0], d.y - near[1]) < within_m:
                found.append((d.x + 0.5 * math.cos(d.heading_rad), d.y + 0.5 * math.sin(d.heading_rad), 2.7))
                share = 0.30 if d.kind == "stair" else 0.16
                colours.append((share * WHITE_LED[0], share * WHITE_LED[1], share * WHITE_LED[2]))
        return cls(np.array(found).reshape(-1, 3), np.array(colours).reshape(-1, 3))

    def nearest(self, x: float, y: float) -> tuple[float, float, float] | None:
        """The lamp that throws the shadow at a point, if one is near."""
        if not len(self.places):
            return None
        away = np.hypot(self.places[:, 0] - x, self.places[:, 1] - y)
        k = int(away.argmin())
        if away[k] > LAMP_REACH_M * 0.7:
            return None
        return float(self.places[k, 0]), float(self.places[k, 1]), float(self.places[k, 2])


def lamp_share(away_xy: Floats, drop: Floats) -> Floats:
    """Light of a street lamp at a distance: flat optics throw it sideways, and little upwards."""
    squared = away_xy + drop * drop
    height = np.float32(26.0)
    wide = np.clip(1.25 - np.sqrt(squared) / LAMP_REACH_M, 0, 1)
    below = np.clip((drop + 0.6) / 1.6, 0.04, 1)
    return np.asarray(height / (squared + 9.0) * wide * below, np.float32)


def at_point(sky: Sky, lamps: Lamps, x: float, y: float, z: float = 1.0) -> NDArray[np.float64]:
    """Light (BGR shares) that falls on a person's upper body at a place."""
    light = np.array(sky.ambient) * 0.92 + np.array(sky.sun) * 0.55
    if sky.lamps and len(lamps.places):
        away = ((lamps.places[:, :2] - (x, y)) ** 2).sum(1)
        share = lamp_share(away.astype(np.float32), (lamps.places[:, 2] - z).astype(np.float32))
        light = light + sky.lamps * 0.62 * (share[:, None] * lamps.colours).sum(0)
    return np.asarray(light)
