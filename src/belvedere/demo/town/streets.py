"""The streets around the estate: a loose grid of terraces, a park, a school, a church and a canal. Generated from the seed."""

import random
from collections.abc import Callable

from shapely.geometry import LineString, Polygon, box
from shapely.ops import unary_union

from belvedere.demo.scene import Building, Ground
from belvedere.demo.town.estate import EAST_X, NORTH_Y, SOUTH_Y, WEST_X
from belvedere.demo.town.plan import Point, Road

EDGE_M = 560.0  # the town is a square of twice this
ROAD_WIDTH_M = 8.0

# Centre lines: the four perimeter streets are straight and fixed, the others bend a little.
_EAST_WEST = {
    "Copper Street": 470.0,
    "Wendover Row": 362.0,
    "Station Approach": 252.0,
    "Alder Road": NORTH_Y,
    "Grove Lane": SOUTH_Y,
    "Tanner Street": -248.0,
    "Lock Road": -358.0,
    "Wharf Street": -470.0,
}
_NORTH_SOUTH = {
    "Lime Kiln Road": -500.0,
    "Bellfield Road": -394.0,
    "Osier Street": -284.0,
    "Mill Lane": WEST_X,
    "Carrow Street": EAST_X,
    "Harrow Rise": 286.0,
    "St Osyth's Road": 396.0,
    "Fenner Street": 504.0,
}
# Short streets that end at one of the perimeter streets: name, across, from, to.
_SHORT_NORTH_SOUTH = {
    "Sorrel Street": (-60.0, NORTH_Y, EDGE_M),
    "Teasel Street": (58.0, NORTH_Y, EDGE_M),
    "Clover Street": (-52.0, SOUTH_Y, -EDGE_M),
    "Bramble Street": (64.0, SOUTH_Y, -EDGE_M),
}
_SHORT_EAST_WEST = {"Foundry Road": (14.0, WEST_X, -EDGE_M), "Almond Road": (-8.0, EAST_X, EDGE_M)}
_FIXED = {"Alder Road", "Grove Lane", "Mill Lane", "Carrow Street"}
_MAIN = {"Grove Lane", "Carrow Street", "Station Approach"}
_BRICKS = ((150, 98, 78), (172, 150, 112), (128, 92, 74), (186, 170, 138), (160, 112, 88), (198, 190, 176))

_CANAL = ((-EDGE_M, -306.0), (-330.0, -300.0), (-120.0, -306.0), (60.0, -304.0), (240.0, -302.0), (EDGE_M, -312.0))


def _bent(rng: random.Random, at: float, fixed: bool) -> list[Point]:
    """Points (along, across) of one street from edge to edge."""
    steps = [-EDGE_M, -394.0, -284.0, -172.0, 0.0, 172.0, 286.0, 396.0, EDGE_M]
    drift = 0.0
    points = []
    for along in steps:
        if not fixed:
            drift = max(-9.0, min(9.0, drift + rng.uniform(-5, 5)))
        points.append((along, at + drift))
    return points


def build_roads(seed: int) -> tuple[Road, ...]:
    """The centre lines of the surrounding streets, perimeter streets included."""
    rng = random.Random(f"{seed}:streets")
    roads = []
    for name, y in _EAST_WEST.items():
        kind = "main" if name in _MAIN else "minor"
        roads.append(Road(name, kind, ROAD_WIDTH_M, tuple(_bent(rng, y, name in _FIXED))))
    for name, x in _NORTH_SOUTH.items():
        kind = "main" if name in _MAIN else "minor"
        line = tuple((b, a) for a, b in _bent(rng, x, name in _FIXED))
        roads.append(Road(name, kind, ROAD_WIDTH_M, line))
    for name, (x, start, end) in _SHORT_NORTH_SOUTH.items():
        roads.append(Road(name, "minor", 6.5, ((x, start), (x + rng.uniform(-4, 4), (start + end) / 2), (x, end))))
    for name, (y, start, end) in _SHORT_EAST_WEST.items():
        roads.append(Road(name, "minor", 6.5, ((start, y), ((start + end) / 2, y + rng.uniform(-4, 4)), (end, y))))
    return tuple(roads)


def _canal() -> Polygon:
    return LineString(_CANAL).buffer(7.0, cap_style="flat").intersection(box(-EDGE_M, -EDGE_M, EDGE_M, EDGE_M))


def _ring(shape: Polygon) -> tuple[Point, ...]:
    """The outer ring of a polygon, counter-clockwise, open, rounded to centimetres."""
    points = [(round(x, 2), round(y, 2)) for x, y in shape.normalize().exterior.coords][:-1]
    area = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(points, points[1:] + points[:1], strict=True))
    return tuple(points if area > 0 else points[::-1])


def _plots(roads: tuple[Road, ...]) -> list[Polygon]:
    """The land between the streets, pavements taken off; the estate itself left out."""
    paved = unary_union([LineString(road.line).buffer(road.width_m / 2 + 2.6, cap_style="flat") for road in roads])
    land = box(-EDGE_M, -EDGE_M, EDGE_M, EDGE_M).difference(paved).difference(_canal().buffer(2.5))
    estate = box(WEST_X, SOUTH_Y, EAST_X, NORTH_Y)
    plots = [plot for plot in land.geoms if plot.area > 900 and not plot.representative_point().within(estate)]
    return sorted(plots, key=lambda plot: (round(plot.centroid.y), round(plot.centroid.x)))


def _terraces(rng: random.Random, plot: Polygon) -> list[Building]:
    """Rows of houses round one plot, backs to each other: the north and south sides whole, then what is left of the others."""
    west, south, east, north = plot.bounds
    made: list[Building] = []
    made += _row(rng, plot, made, west + 5, east - 5, lambda a, b, c, d: box(a, south + 5 + c, b, south + 5 + d))
    made += _row(rng, plot, made, west + 5, east - 5, lambda a, b, c, d: box(a, north - 5 - d, b, north - 5 - c))
    if north - south > 70 and east - west > 50:
        low, high = south + 24, north - 24
        made += _row(rng, plot, made, low, high, lambda a, b, c, d: box(west + 5 + c, a, west + 5 + d, b))
        made += _row(rng, plot, made, low, high, lambda a, b, c, d: box(east - 5 - d, a, east - 5 - c, b))
    return made


def _row(
    rng: random.Random,
    plot: Polygon,
    others: list[Building],
    start: float,
    end: float,
    place: Callable[[float, float, float, float], Polygon],
) -> list[Building]:
    """Houses one after the other; `place` makes one from where it begins and ends along the street and its front and back."""
    made: list[Building] = []
    taken = unary_union([Polygon(other.footprint) for other in others]).buffer(3.0)
    at = start
    while at < end - 11:
        pair = rng.random() < 0.28
        length = min(12.0 if pair else rng.choice((30.0, 36.0, 42.0, 48.0)), end - at)
        depth = rng.uniform(8.5, 10.5)
        floors = 3 if rng.random() < 0.25 else 2
        colour = rng.choice(_BRICKS)
        # The street may bend, so step back until the row stands clear of it.
        for back in range(12):
            shape = place(at, at + length, float(back), back + depth)
            if shape.within(plot.buffer(-2.0)) and not shape.intersects(taken):
                made.append(Building("", "house", _ring(shape), floors * 2.8 + 0.6, floors, colour))
                break
        at += length + (3.2 if pair else rng.uniform(4, 7))
    return made


def build_surroundings(seed: int, roads: tuple[Road, ...]) -> tuple[tuple[Building, ...], tuple[Ground, ...]]:
    """Houses and open spaces of the plots between the streets."""
    rng = random.Random(f"{seed}:plots")
    canal = _canal()
    grounds = [
        Ground("Canal towpath", "path", _ring(canal.buffer(2.5, cap_style="square", join_style="mitre"))),
        Ground("Wend Canal", "water", _ring(canal)),
    ]
    buildings: list[Building] = []
    specials = {(230, 195): "park", (-230, -195): "school", (-230, 195): "church"}
    for plot in _plots(roads):
        near = [k for k, v in specials.items() if abs(plot.centroid.x - k[0]) < 60 and abs(plot.centroid.y - k[1]) < 40]
        kind = specials[near[0]] if near else ""
        inner = plot.buffer(-0.2)
        if kind == "park":
            grounds.append(Ground("Bellfield Gardens", "grass", _ring(inner)))
        elif kind == "school":
            grounds.append(Ground("Tanner Street Primary School", "school", _ring(inner)))
            cx, cy = plot.centroid.x, plot.centroid.y
            for name, shape, floors in (
                ("Tanner Street Primary School", box(cx - 36, cy - 8, cx + 20, cy + 8), 2),
                ("", box(cx + 8, cy + 8, cx + 20, cy + 30), 1),
            ):
                buildings.append(Building(name, "school", _ring(shape), floors * 3.6 + 0.6, floors, (172, 120, 92)))
        elif kind == "church":
            grounds.append(Ground("St Osyth's churchyard", "grass", _ring(inner)))
            cx, cy = plot.centroid.x, plot.centroid.y
            buildings.append(
                Building(
                    "St Osyth's Church", "church", _ring(box(cx - 18, cy - 6, cx + 16, cy + 6)), 12, 1, (150, 146, 134)
                )
            )
            buildings.append(
                Building("", "church", _ring(box(cx - 26, cy - 4, cx - 18, cy + 4)), 24, 1, (150, 146, 134))
            )
        else:
            grounds.append(Ground("", "garden", _ring(inner)))
            buildings.extend(b for b in _terraces(rng, plot) if not Polygon(b.footprint).intersects(canal.buffer(4)))
    return tuple(buildings), tuple(grounds)
