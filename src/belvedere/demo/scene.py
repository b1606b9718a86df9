"""Nouns of Alder Grove, shared by the town, the life in it, the renderer and the tests.

World coordinates are metres: x east, y north, z up, origin in the middle of the estate. `town.to_lonlat` turns them into
longitude and latitude. Angles: `bearing_deg` clockwise from north, `heading_rad` counter-clockwise from east.
Seconds are of the demo day unless named otherwise.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Building:
    """A prism. `footprint` is a counter-clockwise ring of (x, y), not closed."""

    name: str
    kind: str  # block, house, bin_store, shop, hall, garage, school, church
    footprint: tuple[tuple[float, float], ...]
    height_m: float
    floors: int
    colour: tuple[int, int, int]  # of the facade, RGB


@dataclass(frozen=True, slots=True)
class Ground:
    """A flat area with a surface. Drawn in order, later over earlier."""

    name: str
    kind: str  # road, pavement, path, grass, car_park, playground, court, bin_store, water, garden, school
    outline: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Fixture:
    """A thing that stands: tree, lamp, bollard, bin, bench, sign, door, fence_post, parked_car, and the playground's
    swing, slide, climbing_frame, roundabout and goal.
    """

    kind: str
    x: float
    y: float
    heading_rad: float
    height_m: float
    colour: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """A camera: where it stands, how it looks, what it sends and how wrong its clock is."""

    id: str  # slug, also the RTSP path
    name: str
    x: float
    y: float
    height_m: float
    bearing_deg: float
    tilt_deg: float  # downwards positive
    fov_deg: float  # horizontal
    range_m: float
    width: int
    height: int
    fps: int
    gop_seconds: float
    sub_width: int
    sub_height: int
    sub_fps: int
    codec: str  # h264 (or h265 on one of them when the browser test allows)
    clock_error_s: float  # OSD clock minus true time, up to 90 s either way
    noise: float  # sensor noise, standard deviation in 8-bit steps at daylight
    infrared: bool  # monochrome at night


class Kind(StrEnum):
    PERSON = "person"
    BICYCLE = "bicycle"  # with its rider
    MOPED = "moped"  # with its rider
    CAR = "car"
    VAN = "van"
    DOG = "dog"
    BAG = "bag"  # a dumped or carried thing: bags, mattress, sofa


@dataclass(frozen=True, slots=True)
class Look:
    """How an actor looks. Colours are RGB."""

    upper: tuple[int, int, int]
    lower: tuple[int, int, int]
    hair: tuple[int, int, int]
    skin: tuple[int, int, int]
    height_m: float
    length_m: float  # vehicles, dogs and bags; 0 for people


@dataclass(frozen=True, slots=True)
class ActorState:
    """One actor at one instant."""

    id: str
    kind: Kind
    x: float
    y: float
    heading_rad: float
    speed_mps: float
    phase: float  # radians of the walking or pedalling cycle
    posture: str  # walk, stand, sit, kick, bend, fallen, carry
    look: Look


@dataclass(frozen=True, slots=True)
class Incident:
    """A scripted incident. Times are seconds of the demo day (0 = local midnight, may exceed 86 400 for after midnight)."""

    id: str
    title: str
    kind: str  # fly_tipping, moped, criminal_damage, gathering, fall
    start_s: float
    end_s: float
    x: float
    y: float
    actors: tuple[str, ...]
    cameras: tuple[str, ...]  # that can see it
    report: str  # what a resident would write
