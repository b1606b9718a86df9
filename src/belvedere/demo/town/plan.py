"""What a town is made of, and where it lies on the globe."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from belvedere.demo.scene import Building, Fixture, Ground

# The middle of the estate. London's latitude, but out in the sea of the Thames estuary: nobody lives there.
LATITUDE = 51.5
LONGITUDE = 1.0

_A = 6_378_137.0  # WGS 84
_E2 = 0.00669437999014
_SIN = math.sin(math.radians(LATITUDE))
_METRES_PER_LAT = math.radians(1) * _A * (1 - _E2) / (1 - _E2 * _SIN * _SIN) ** 1.5
_METRES_PER_LON = math.radians(1) * _A * math.cos(math.radians(LATITUDE)) / math.sqrt(1 - _E2 * _SIN * _SIN)

Point = tuple[float, float]


def to_lonlat(x: float, y: float) -> tuple[float, float]:
    """Longitude and latitude (WGS 84, degrees) of a point in metres. Flat; right to a centimetre within the town."""
    return LONGITUDE + x / _METRES_PER_LON, LATITUDE + y / _METRES_PER_LAT


def from_lonlat(lon: float, lat: float) -> tuple[float, float]:
    """Metres east and north of the middle of the estate; the inverse of `to_lonlat`."""
    return (lon - LONGITUDE) * _METRES_PER_LON, (lat - LATITUDE) * _METRES_PER_LAT


@dataclass(frozen=True, slots=True)
class Road:
    """A street or a way on foot, by its centre line."""

    name: str
    kind: str  # main, minor, service, footway, pavement, crossing
    width_m: float
    line: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Door:
    """A door on an outer wall. `heading_rad` points out of the building."""

    name: str
    building: str
    kind: str  # stair, shop, hall, bin_store
    x: float
    y: float
    heading_rad: float


@dataclass(frozen=True, slots=True)
class Bay:
    """A parking bay: its middle, and the way a car in it faces."""

    x: float
    y: float
    heading_rad: float
    taken: bool  # by a car that stays all day, which is a fixture


@dataclass(frozen=True, slots=True, eq=False)
class Town:
    """The estate and the streets around it. Compared and hashed by identity: build it once."""

    seed: int
    buildings: tuple[Building, ...]
    grounds: tuple[Ground, ...]
    fixtures: tuple[Fixture, ...]
    roads: tuple[Road, ...]  # for vehicles
    walks: tuple[Road, ...]  # for people: footways, pavements, crossings, and the steps to each door
    doors: tuple[Door, ...]
    bays: tuple[Bay, ...]
    # One row a wall: x0, y0, x1, y1, height. What blocks a line of sight.
    walls: NDArray[np.float64]

    @property
    def stairs(self) -> tuple[Door, ...]:
        """The doors of the blocks' staircases."""
        return tuple(door for door in self.doors if door.kind == "stair")

    def building(self, name: str) -> Building:
        """The building called `name`. Raises KeyError."""
        for building in self.buildings:
            if building.name == name:
                return building
        raise KeyError(name)

    def door(self, name: str) -> Door:
        """The door called `name`. Raises KeyError."""
        for door in self.doors:
            if door.name == name:
                return door
        raise KeyError(name)

    def ground(self, name: str) -> Ground:
        """The ground called `name`. Raises KeyError."""
        for ground in self.grounds:
            if ground.name == name:
                return ground
        raise KeyError(name)
