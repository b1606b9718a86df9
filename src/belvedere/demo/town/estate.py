"""The estate itself, by hand: blocks, doors, paths, car park. Metres, x east, y north, origin in the middle."""

import math

from belvedere.demo.scene import Building, Ground
from belvedere.demo.town.plan import Bay, Door, Point, Road

_RED_BRICK = (146, 92, 74)
_BUFF_BRICK = (186, 164, 126)
_PALE_RENDER = (204, 200, 190)
_GREY_PANEL = (150, 152, 154)
_BROWN_BRICK = (118, 88, 70)
_YELLOW_STOCK = (176, 150, 104)

_FLOOR_M = 2.8


def box(x0: float, y0: float, x1: float, y1: float) -> tuple[Point, ...]:
    """A rectangle, counter-clockwise."""
    return (x0, y0), (x1, y0), (x1, y1), (x0, y1)


def _block(name: str, footprint: tuple[Point, ...], floors: int, colour: tuple[int, int, int]) -> Building:
    return Building(name, "block", footprint, round(floors * _FLOOR_M + 1.2, 1), floors, colour)


BLOCKS = (
    _block("Rowan House", box(-140, 98, -56, 111), 8, _BUFF_BRICK),
    _block("Willow Court", box(-22, 84, 4, 110), 11, _PALE_RENDER),
    _block("Hazel Court", ((42, 98), (129, 98), (129, 52), (142, 52), (142, 111), (42, 111)), 6, _RED_BRICK),
    _block("Maple House", box(-152, 6, -139, 76), 5, _BROWN_BRICK),
    _block("Birch House", box(-104, 22, -34, 35), 6, _YELLOW_STOCK),
    _block("Elm Court", box(140, -62, 153, 26), 5, _GREY_PANEL),
    _block("Juniper House", box(-46, -112, 26, -99), 7, _RED_BRICK),
    _block(
        "Aspen House", ((-150, -118), (-78, -118), (-78, -105), (-137, -105), (-137, -58), (-150, -58)), 4, _BUFF_BRICK
    ),
)

_SHOPS = ("Grove Stores", "Bright Wash", "The Copper Kettle", "Alder Pharmacy", "Golden Fry", "Parade Post Office")

SHOPS = tuple(
    Building(name, "shop", box(64 + 12 * i, -124, 76 + 12 * i, -110), 8.6, 3, _RED_BRICK if i % 2 else _BUFF_BRICK)
    for i, name in enumerate(_SHOPS)
)

SMALL = (
    Building("Alder Grove Community Hall", "hall", box(28, 40, 58, 62), 5.5, 1, _YELLOW_STOCK),
    Building("Rowan bin store", "bin_store", box(-78, 84.4, -70, 88), 2.6, 1, (126, 96, 78)),
    Building("Maple Way bin store", "bin_store", box(-74, -65, -65, -59.5), 2.6, 1, (126, 96, 78)),
    Building("Elm bin store", "bin_store", box(124.5, -24, 129.5, -16), 2.6, 1, (126, 96, 78)),
    Building("Birch bin store", "bin_store", box(-33, 26, -30.5, 33), 2.6, 1, (126, 96, 78)),
    Building("Maple Way garages", "garage", box(-124, -44, -70, -38.5), 2.7, 1, (150, 140, 128)),
)

BUILDINGS = BLOCKS + SHOPS + SMALL

_NORTH, _SOUTH, _EAST, _WEST = math.pi / 2, -math.pi / 2, 0.0, math.pi


def _doors(building: str, kind: str, heading: float, places: list[Point]) -> list[Door]:
    """One door a place; staircases are lettered in order."""
    lettered = kind == "stair" and len(places) > 1
    return [
        Door(f"{building}, stair {'ABCDE'[i]}" if lettered else building, building, kind, x, y, heading)
        for i, (x, y) in enumerate(places)
    ]


# Blocks with doors on two sides keep their letters in one list, so each is made of two calls and renamed here.
def _hazel_and_aspen() -> list[Door]:
    return [
        Door("Hazel Court, stair A", "Hazel Court", "stair", 60, 98, _SOUTH),
        Door("Hazel Court, stair B", "Hazel Court", "stair", 85, 98, _SOUTH),
        Door("Hazel Court, stair C", "Hazel Court", "stair", 110, 98, _SOUTH),
        Door("Hazel Court, stair D", "Hazel Court", "stair", 129, 70, _WEST),
        Door("Aspen House, stair A", "Aspen House", "stair", -95, -105, _NORTH),
        Door("Aspen House, stair B", "Aspen House", "stair", -120, -105, _NORTH),
        Door("Aspen House, stair C", "Aspen House", "stair", -137, -85, _EAST),
        Door("Aspen House, stair D", "Aspen House", "stair", -137, -68, _EAST),
    ]


DOORS = tuple(
    _doors("Rowan House", "stair", _SOUTH, [(-120, 98), (-98, 98), (-76, 98)])
    + _doors("Willow Court", "stair", _SOUTH, [(-9, 84)])
    + _hazel_and_aspen()
    + _doors("Maple House", "stair", _EAST, [(-139, 60), (-139, 22)])
    + _doors("Birch House", "stair", _SOUTH, [(-90, 22), (-69, 22), (-48, 22)])
    + _doors("Elm Court", "stair", _WEST, [(140, 10), (140, -18), (140, -45)])
    + _doors("Juniper House", "stair", _NORTH, [(-34, -99), (-10, -99), (14, -99)])
    + _doors("Alder Grove Community Hall", "hall", _SOUTH, [(43, 40)])
    + [Door(name, name, "shop", 70 + 12 * i, -124, _SOUTH) for i, name in enumerate(_SHOPS)]
    + _doors("Rowan bin store", "bin_store", _NORTH, [(-74, 88)])
    + _doors("Maple Way bin store", "bin_store", _NORTH, [(-69.5, -59.5)])
    + _doors("Elm bin store", "bin_store", _EAST, [(129.5, -20)])
    + _doors("Birch bin store", "bin_store", _EAST, [(-30.5, 29.5)])
)

# Perimeter streets: half width, and where the estate's own pavement runs.
NORTH_Y, SOUTH_Y, WEST_X, EAST_X = 140.0, -140.0, -172.0, 172.0
PAVEMENT_OFFSET_M = 5.25
REACH_M = 250.0  # people walk this far out along the pavements before they are forgotten

ALDER_CLOSE = Road("Alder Close", "service", 6.0, ((48, SOUTH_Y), (48, 8)))
MAPLE_WAY = Road("Maple Way", "service", 5.0, ((WEST_X, -50), (-62, -50)))


def _walk(name: str, *line: Point, width: float = 2.4, kind: str = "footway") -> Road:
    return Road(name, kind, width, tuple((float(x), float(y)) for x, y in line))


FOOTWAYS = (
    _walk("Spine Walk", (22, 134.75), (22, 91), (20, 40), (20, -60), (34, -92), (36, -134.75), width=3.2),
    _walk("Rowan Walk", (-166.75, 90), (-40, 90), (-28, 78), (22, 78), width=3.0),
    _walk("Hazel Walk", (22, 91), (122, 91), (122, 34), width=2.6),
    _walk("West Walk", (-131, 90), (-131, -98), (-60, -98), (-60, -134.75), width=2.6),
    _walk("Court Walk", (-90, 90), (-90, 40)),
    _walk("Court Walk", (-131, 66), (-28, 66)),
    _walk("Birch Back Walk", (-131, 40), (-28, 40)),
    _walk("Birch Walk", (-131, 14), (-28, 14), (20, 12), width=2.8),
    _walk("Willow Walk", (-28, 78), (-28, 14), (-36, -10), (-36, -56), (-20, -92)),
    _walk("Juniper Walk", (-60, -98), (-46, -92), (34, -92), width=2.8),
    _walk("Maple Way footway", (-166.75, -55.5), (-60, -55.5), (-36, -56)),
    _walk("Green Walk", (-36, -14), (20, -14)),
    _walk("Playground path", (20, -34), (9, -34)),
    _walk("Hall Walk", (20, 34), (43, 34), (122, 34), (132, 36), (166.75, 38), width=2.8),
    _walk("Ball court path", (88, 34), (88, 10)),
    _walk("Elm Walk", (132, 36), (132, -70), (144, -104), (146, -134.75), width=2.8),
    _walk("Car park path", (52, -26), (132, -26)),
    _walk("Car park path", (132, -45), (120, -45)),
    _walk("Parade path", (60, -66), (60, -104), (144, -104)),
    _walk("Parade path", (52, -66), (132, -66)),
)

PAVEMENTS = (
    _walk("Alder Close", (44, -134.75), (44, 8), (43, 34), width=2.0, kind="pavement"),
    _walk("Alder Close", (52, -134.75), (52, 8), (43, 34), width=2.0, kind="pavement"),
    _walk("Grove Parade", (52, -128), (145.7, -128), width=4.0, kind="pavement"),
    _walk("Alder Road", (-REACH_M, 134.75), (REACH_M, 134.75), width=2.5, kind="pavement"),
    _walk("Grove Lane", (-REACH_M, -134.75), (REACH_M, -134.75), width=2.5, kind="pavement"),
    _walk("Mill Lane", (-166.75, -REACH_M), (-166.75, REACH_M), width=2.5, kind="pavement"),
    _walk("Carrow Street", (166.75, -REACH_M), (166.75, REACH_M), width=2.5, kind="pavement"),
)

CROSSINGS = (
    _walk("", (44, -24), (52, -26), width=3.0, kind="crossing"),
    _walk("", (20, -24), (44, -24), width=2.4, kind="footway"),
    _walk("", (44, -104), (60, -104), width=3.0, kind="crossing"),
    _walk("", (44, -66), (52, -66), width=3.0, kind="crossing"),
)


def door_steps() -> tuple[Road, ...]:
    """The few metres from each door to the path it opens on."""
    reach = {"stair": 8.5, "shop": 4.5, "hall": 6.5, "bin_store": 4.5}
    steps = []
    for door in DOORS:
        run = reach[door.kind]
        near = (door.x + 0.45 * math.cos(door.heading_rad), door.y + 0.45 * math.sin(door.heading_rad))
        far = (door.x + run * math.cos(door.heading_rad), door.y + run * math.sin(door.heading_rad))
        steps.append(Road(door.name, "step", 2.0, (near, far)))
    return tuple(steps)


CAR_PARK = box(60, -62, 122, -30)
COURT = box(-118, 50, -64, 84)
BALL_COURT = box(72, -12, 104, 10)
PLAYGROUND = box(-30, -50, 10, -20)
BAY_WIDTH_M = 2.5
BAY_LENGTH_M = 5.0
_BAY_ROWS = ((-59.5, _SOUTH), (-48.5, _NORTH), (-43.5, _SOUTH), (-32.5, _NORTH))


def bays(taken: list[bool]) -> tuple[Bay, ...]:
    """Four rows of bays along two aisles; cars stand nose in. `taken` is repeated as needed."""
    made: list[Bay] = []
    for y, heading in _BAY_ROWS:
        for i in range(19):
            made.append(Bay(68.25 + i * BAY_WIDTH_M, y, heading, taken[len(made) % len(taken)]))
    return tuple(made)


GROUNDS = (
    Ground("Alder Grove", "grass", box(-165.5, -133.5, 165.5, 133.5)),
    Ground("Rowan court", "court", COURT),
    Ground("Ball court", "court", BALL_COURT),
    Ground("Playground", "playground", PLAYGROUND),
    Ground("Grove Parade", "pavement", box(52, -133.5, 148, -124)),
    Ground("Parade yard", "pavement", box(64, -110, 136, -105.2)),
    Ground("Alder Close", "road", box(45, -136, 51, 12)),
    Ground("Maple Way", "road", box(-168, -52.5, -60, -44)),
    Ground("Alder Close car park", "car_park", CAR_PARK),
    Ground("Car park entrance", "road", box(51, -49, 60, -43)),
    Ground("Rowan bins", "bin_store", box(-81, 84, -67, 88.6)),
    Ground("Maple Way bins", "bin_store", box(-78, -66, -62, -56.5)),
    Ground("Elm bins", "bin_store", box(124, -25, 131, -15)),
    Ground("Birch bins", "bin_store", box(-34, 25, -29, 34)),
    Ground("Hall forecourt", "pavement", box(28, 35, 58, 40)),
)
