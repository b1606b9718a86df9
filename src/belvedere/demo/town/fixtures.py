"""Things that stand about the estate: trees, lamps, benches, bins, parked cars, doors, the playground's frames, fences."""

import math
import random

from shapely import STRtree
from shapely.geometry import LineString, Polygon
from shapely.geometry import Point as ShapelyPoint
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from belvedere.demo.cameras import CAMERAS
from belvedere.demo.scene import Building, Fixture
from belvedere.demo.town import estate
from belvedere.demo.town.plan import Bay, Point, Road

_CAR_COLOURS = (
    (38, 40, 44),
    (178, 182, 186),
    (226, 228, 228),
    (120, 124, 130),
    (44, 62, 104),
    (138, 36, 34),
    (70, 84, 70),
    (30, 30, 34),
)
_LEAVES = ((70, 98, 52), (86, 112, 58), (62, 88, 56), (98, 116, 60))
_STEEL = (96, 100, 104)
# Kinds of ground on which a lamp would be in the way.
_TRAFFIC = ("road", "car_park", "court", "playground")
_TREE_CLEAR_OF_CAMERA_M = 26.0


def _doors() -> list[Fixture]:
    colours = {"stair": (44, 74, 92), "shop": (60, 60, 62), "hall": (120, 52, 44), "bin_store": (64, 84, 66)}
    return [Fixture("door", d.x, d.y, d.heading_rad, 2.1, colours[d.kind]) for d in estate.DOORS]


def _along(line: tuple[Point, ...], step_m: float, off_m: float, start_m: float) -> list[tuple[float, float, float]]:
    """Points every `step_m` along a line, `off_m` to its left: x, y, heading."""
    shape = LineString(line)
    made = []
    at = start_m
    while at < shape.length:
        here, ahead = shape.interpolate(at), shape.interpolate(min(at + 0.5, shape.length))
        heading = math.atan2(ahead.y - here.y, ahead.x - here.x)
        made.append((here.x - off_m * math.sin(heading), here.y + off_m * math.cos(heading), heading))
        at += step_m
    return made


def _lamps() -> list[Fixture]:
    """Beside the ways, where nobody walks or drives; at the court's corners and between the rows of the car park."""
    made = []
    for walk in estate.FOOTWAYS:
        for x, y, heading in _along(walk.line, 26.0, walk.width_m / 2 + 0.5, 9.0):
            made.append(Fixture("lamp", x, y, heading - math.pi / 2, 5.0, _STEEL))
    for walk in estate.PAVEMENTS[3:]:
        for x, y, _ in _along(walk.line, 32.0, 1.35, 6.0):
            if walk in estate.PAVEMENTS[3:5]:
                heading = math.pi / 2 if y > 0 else -math.pi / 2
            else:
                heading = 0.0 if x > 0 else math.pi
            made.append(Fixture("lamp", x, y, heading, 8.0, _STEEL))
    lines = unary_union([LineString(walk.line) for walk in estate.FOOTWAYS + estate.PAVEMENTS + estate.CROSSINGS])
    hard = unary_union([Polygon(g.outline).buffer(0.4) for g in estate.GROUNDS if g.kind in _TRAFFIC])
    made = [lamp for lamp in made if _stands_free(lamp, lines, hard)]
    for x, y, heading in ((-117, 51, 0.8), (-65, 51, 2.4), (-117, 83, -0.8), (-85, 83.2, -1.6)):
        made.append(Fixture("lamp", x, y, heading, 6.0, _STEEL))
    for x in (70.0, 91.0, 112.0):
        made.append(Fixture("lamp", x, -46.0, math.pi / 2, 6.0, _STEEL))
    return made


def _stands_free(lamp: Fixture, lines: BaseGeometry, hard: BaseGeometry) -> bool:
    place = ShapelyPoint(lamp.x, lamp.y)
    return float(lines.distance(place)) > 1.15 and not hard.contains(place)


def _furniture() -> list[Fixture]:
    made = []
    benches = [
        (-84, 46, math.pi / 2), (-106, 86.5, -math.pi / 2), (17.5, -20, math.pi), (-32.5, -30, 0.0), (24, 60, 0.0),
        (13, -24, math.pi), (-6, -88.5, -math.pi / 2), (96, -130.5, math.pi / 2), (118.5, 60, 0.0), (66, 37.5, -math.pi / 2),
        (-44, 17.5, -math.pi / 2),
    ]  # fmt: skip
    made += [Fixture("bench", x, y, h, 0.85, (112, 84, 56)) for x, y, h in benches]
    bins = [
        (-81, 46), (-103, 86.5), (18, -16), (24.5, 63), (98.5, -130.5), (74, -130.5), (50, -12), (-26, 74), (118.5, 57),
        (-104, 88), (4, -94.4),
    ]  # fmt: skip
    made += [Fixture("bin", x, y, 0.0, 1.0, (46, 52, 50)) for x, y in bins]
    wheeled = [
        (-79.3, 87),
        (-79.3, 85.6),
        (-68.6, 87),
        (-76, -61),
        (-76, -62.5),
        (-63.5, -61),
        (126.5, -14),
        (128, -14),
    ]
    made += [Fixture("bin", x, y, 0.0, 1.35, (70, 74, 78)) for x, y in wheeled]
    made += [Fixture("bollard", 22 + off, 131.5, 0.0, 1.0, _STEEL) for off in (-2.8, -1.4, 1.4, 2.8)]
    made += [Fixture("bollard", -60 + off, -131.5, 0.0, 1.0, _STEEL) for off in (-2.8, -1.4, 1.4, 2.8)]
    made += [Fixture("bollard", 56.0 + 4.0 * i, -132.6, 0.0, 1.0, _STEEL) for i in range(22)]
    signs = [
        (40.5, -131, -math.pi / 2),
        (-163, -58.5, math.pi),
        (18, 131, math.pi / 2),
        (162, 41, 0.0),
        (58, -28, math.pi),
    ]
    made += [Fixture("sign", x, y, h, 2.2, (32, 72, 112)) for x, y, h in signs]
    return made


def _play() -> list[Fixture]:
    made = [
        Fixture("swing", -22, -27, 0.0, 2.4, (196, 62, 48)),
        Fixture("swing", -18, -27, 0.0, 2.4, (196, 62, 48)),
        Fixture("slide", -4, -28, -math.pi / 2, 2.6, (222, 178, 48)),
        Fixture("climbing_frame", -12, -42, 0.0, 2.8, (52, 108, 168)),
        Fixture("roundabout", -24, -42, 0.0, 0.8, (74, 150, 92)),
    ]
    made += _fence(estate.PLAYGROUND, 1.1, (72, 112, 84), gates=[(10, -34)])
    made += _fence(estate.BALL_COURT, 3.0, (60, 88, 74), gates=[(88, 10)])
    made.append(Fixture("goal", 73.2, -1, 0.0, 2.2, (230, 230, 230)))
    made.append(Fixture("goal", 102.8, -1, math.pi, 2.2, (230, 230, 230)))
    return made


def _fence(ring: tuple[Point, ...], height_m: float, colour: tuple[int, int, int], gates: list[Point]) -> list[Fixture]:
    """Posts every two metres round a ring, each facing the next; none within 1.6 m of a gate."""
    made = []
    for a, b in zip(ring, ring[1:] + ring[:1], strict=True):
        heading = math.atan2(b[1] - a[1], b[0] - a[0])
        for x, y, _ in _along((a, b), 2.0, 0.0, 0.0):
            ahead = (x + 2 * math.cos(heading), y + 2 * math.sin(heading))
            if all(min(math.dist((x, y), g), math.dist(ahead, g)) > 1.6 for g in gates):
                made.append(Fixture("fence_post", x, y, heading, height_m, colour))
    return made


def _cars(rng: random.Random, bays: tuple[Bay, ...]) -> list[Fixture]:
    made = []
    for bay in bays:
        if bay.taken:
            nudge = rng.uniform(-0.15, 0.15)
            colour, height = rng.choice(_CAR_COLOURS), rng.choice((1.45, 1.48, 1.52, 1.62))
            made.append(Fixture("parked_car", round(bay.x + nudge, 2), bay.y, bay.heading_rad, height, colour))
    for x in (-118.5, -106.5, -88.5):
        made.append(Fixture("parked_car", x, -46.6, 0.0, 1.48, rng.choice(_CAR_COLOURS)))
    for x in [-140.0, -128.5, -96.0, -60.0, -47.5, -12.0, 62.0, 74.5, 118.0]:
        made.append(Fixture("parked_car", x, 143.05, math.pi, 1.5, rng.choice(_CAR_COLOURS)))
    for x in [-120.0, -84.0, -20.0, -8.5, 4.0]:
        made.append(Fixture("parked_car", x, -143.05, 0.0, 1.5, rng.choice(_CAR_COLOURS)))
    return made


def _in_a_view(x: float, y: float) -> bool:
    """Whether a tree here would stand in the useful part of a camera's picture."""
    for camera in CAMERAS:
        dx, dy = x - camera.x, y - camera.y
        away = math.hypot(dx, dy)
        off = (math.degrees(math.atan2(dx, dy)) - camera.bearing_deg + 180) % 360 - 180
        if away < 5 or (away < _TREE_CLEAR_OF_CAMERA_M and abs(off) < camera.fov_deg / 2 + 12):
            return True
    return False


def _trees(rng: random.Random, buildings: tuple[Building, ...], walks: tuple[Road, ...]) -> list[Fixture]:
    """Scattered over the grass, clear of walls, ways, hard ground and each other."""
    solid = [Polygon(b.footprint).buffer(4.5) for b in buildings if b.kind != "house"]
    solid += [LineString(walk.line).buffer(walk.width_m / 2 + 1.6) for walk in walks]
    solid += [Polygon(ground.outline).buffer(1.8) for ground in estate.GROUNDS[1:]]
    blocked = STRtree(solid)
    made: list[Fixture] = []
    for _ in range(900):
        x, y = rng.uniform(-162, 162), rng.uniform(-131, 131)
        height, colour = rng.uniform(5.5, 11.5), rng.choice(_LEAVES)
        apart = rng.uniform(5.5, 10)
        if any(math.dist((x, y), (t.x, t.y)) < apart for t in made) or _in_a_view(x, y):
            continue
        if len(blocked.query(ShapelyPoint(x, y), predicate="intersects")) == 0:
            made.append(Fixture("tree", round(x, 2), round(y, 2), rng.uniform(0, 6.28), round(height, 2), colour))
    return made


def build_fixtures(
    seed: int, buildings: tuple[Building, ...], walks: tuple[Road, ...], bays: tuple[Bay, ...]
) -> tuple[Fixture, ...]:
    """All fixtures of the estate."""
    rng = random.Random(f"{seed}:fixtures")
    return tuple(_doors() + _lamps() + _furniture() + _play() + _cars(rng, bays) + _trees(rng, buildings, walks))
