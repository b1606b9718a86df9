"""A minute of an ordinary afternoon that closes on itself: what the live cameras show, round and round."""

import math
import random
from functools import lru_cache

from belvedere.demo.life import looks
from belvedere.demo.life.schedule import Life
from belvedere.demo.life.track import Leg, Move, Point, Stay, Track, make_path
from belvedere.demo.scene import Kind, Look
from belvedere.demo.town.plan import Town

LOOP_S = 60.0

# Walkers: name, start second, speed, points. They come out of doors or from where no camera looks, and go the same way.
_WALKERS: tuple[tuple[str, float, float, tuple[Point, ...]], ...] = (
    ("gate-out", 4, 1.42, ((22.6, 84), (22.6, 134.4), (48, 134.9))),
    ("gate-in", 30, 1.34, ((-4, 134.6), (21.3, 134.4), (21.4, 92), (21.4, 88))),
    ("rowan-neighbour", 2, 1.3, ((-76, 97.5), (-76, 90.4), (-120, 90.4), (-120, 97.5))),
    ("rowan-home", 24, 1.36, ((-40, 89.4), (-98, 89.4), (-98, 97.5))),
    ("maple-out", 10, 1.28, ((-138.5, 60), (-131.6, 60), (-131, 65.6), (-121, 68.5), (-117.5, 80), (-120, 90), (-120, 97.5))),
    ("maple-home", 40, 1.25, ((-106, 14.4), (-130.8, 14.4), (-130.6, 60.4), (-138.5, 60))),
    ("court-cut", 18, 1.4, ((-98, 97.5), (-98, 90.2), (-91, 88), (-90.2, 66), (-89.6, 40), (-84, 39.6))),
    ("footway-runner", 12, 2.7, ((-166.4, -40), (-166.2, -55.2), (-36, -55.6))),
    ("spine-south", 6, 1.4, ((20.7, 12), (20.7, -60), (22.4, -66))),
    ("spine-north", 36, 1.3, ((25, -73), (19.4, -60), (19.4, 13))),
    ("juniper-visit", 8, 1.32, ((14, -98.5), (14, -92.3), (-34, -92.3), (-34, -98.5))),
    ("juniper-through", 33, 1.36, ((-44, -91.6), (32, -91.4))),
    ("car-park-edge", 20, 1.36, ((132, -60), (131, -66), (57, -66))),
    ("car-park-lane", 47, 1.3, ((57, -38.4), (65, -38.4), (92, -37.6), (92, -33))),
    ("aisle-walker", 9, 1.25, ((79.6, -57.6), (79.6, -53.4), (62.6, -53.4), (62.4, -64), (60.4, -78))),
    ("car-to-elm", 32, 1.3, ((104.6, -57.4), (104.6, -54), (117, -53.4), (122, -45), (132, -45), (139.5, -45))),
    ("elm-to-car", 0, 1.25, ((139.5, -45), (132, -44.6), (121, -45), (117, -52.4), (107, -53.0), (107, -56.6))),
    ("parade-shopper", 0, 1.2, ((70, -124.5), (70, -127.6), (106, -127.6), (106, -124.5))),
    ("parade-home", 26, 1.35, ((94, -124.5), (94, -128.4), (54, -128.4), (44, -133.8), (24, -134.8))),
    ("lane-to-shop", 1, 1.45, ((-2, -134.7), (50, -134.4), (54, -128), (70, -127.8), (70, -124.5))),
    ("lane-west", 44, 1.4, ((82, -124.5), (82, -133.4), (78, -134.9), (14, -134.9))),
)  # fmt: skip

# Closed rounds within the loop: name, kind of look, centre, radii, times round, turn of the start.
_ROUNDS: tuple[tuple[str, str, Point, tuple[float, float], int, float], ...] = (
    ("court-dog-walker", "person", (-90, 66), (14, 9.2), 1, 0.0),
    ("court-child", "child", (-84, 60), (6, 4.2), 3, 1.0),
    ("court-friend", "child", (-85, 61.5), (5, 6), 3, 2.4),
    ("play-child-1", "child", (-1, -38), (5.2, 4.6), 4, 0.4),
    ("play-child-2", "child", (2.2, -40), (4.2, 6), 3, 2.0),
    ("play-child-3", "child", (-6, -35), (6.4, 2.6), 3, 4.0),
)

# People who stay: name, place, heading in degrees, posture, seconds of the idle cycle.
_STAYING: tuple[tuple[str, Point, float, str, float], ...] = (
    ("play-parent", (13, -24.4), 200, "sit", 12),
    ("play-parent-standing", (7.4, -45), 150, "stand", 10),
    ("car-cleaner", (-105.4, -48.2), 120, "bend", 5),
    ("parade-bench", (96, -130.4), 90, "sit", 15),
    ("parade-chat-1", (80.2, -126.6), 10, "stand", 10),
    ("parade-chat-2", (80.6, -125.5), -150, "stand", 7.5),
    ("boot-loader", (100.75, -51.9), 90, "bend", 6),
)

# Vehicles and bicycles: name, kind, start, speed, points.
_VEHICLES: tuple[tuple[str, Kind, float, float, tuple[Point, ...]], ...] = (
    ("alder-road-east", Kind.CAR, 3, 10.2, ((-290, 141.35), (290, 141.35))),
    ("alder-road-west", Kind.VAN, 21, 9.8, ((280, 138.65), (-280, 138.65))),
    ("alder-road-cyclist", Kind.BICYCLE, 34, 5.0, ((-120, 141.6), (150, 141.6))),
    ("grove-lane-east", Kind.CAR, 12, 10.4, ((-290, -138.65), (290, -138.65))),
    ("grove-lane-west", Kind.CAR, 41, 10.0, ((290, -141.35), (-290, -141.35))),
    ("grove-lane-van", Kind.VAN, 27, 9.7, ((-280, -138.65), (280, -138.65))),
    ("grove-lane-cyclist", Kind.BICYCLE, 30, 5.2, ((170, -141.6), (-60, -141.6))),
    ("maple-way-cyclist", Kind.BICYCLE, 28, 4.4, ((-36, -55.2), (-60, -55), (-70, -51.2), (-168, -51.2), (-170.2, -90))),
    ("maple-way-van", Kind.VAN, 42, 6.5, ((-173.8, 60), (-173.8, -46), (-168, -50.8), (-150, -50.8))),
)  # fmt: skip


def _round_path(centre: Point, radii: tuple[float, float], turn: float, times: int) -> list[Point]:
    count = 72 * times
    return [
        (
            centre[0] + radii[0] * math.cos(turn + 2 * math.pi * times * k / count),
            centre[1] + radii[1] * math.sin(turn + 2 * math.pi * times * k / count),
        )
        for k in range(count + 1)
    ]


def _cruiser(rng: random.Random) -> Track:
    """A car that comes in from Grove Lane, finds no bay it likes, and leaves again."""
    lane_in = make_path([(-14, -138.65), (46.4, -138.65), (46.4, -44.6), (56, -44.6)], 7)
    round_trip = make_path(
        [(56, -44.6), (63.4, -44.6), (63.4, -54), (118.4, -54), (118.4, -38), (63.4, -38), (63.4, -47.4), (56, -47.4)],
        5,
    )
    lane_out = make_path([(56, -47.4), (49.6, -47.4), (49.6, -138.65), (90, -138.65), (200, -138.65)], 7)
    whole = 58.0
    speeds = (8.6, 6.6, 9.4)
    legs: tuple[Leg, ...] = tuple(
        Move(path, speed, taper=False) for path, speed in zip((lane_in, round_trip, lane_out), speeds, strict=True)
    )
    taken = sum(leg.duration_s for leg in legs)
    legs = tuple(
        Move(path, speed * max(1.0, taken / whole), taper=False)
        for path, speed in zip((lane_in, round_trip, lane_out), speeds, strict=True)
    )
    return Track("car-park-cruiser", Kind.CAR, looks.car(rng), 5.0, legs)


@lru_cache(maxsize=4)
def build_loop(town: Town) -> Life:
    """The minute's tracks. Every one fits into the minute, so the loop closes exactly."""
    tracks = []
    for name, start, speed, points in _WALKERS:
        rng = random.Random(f"{town.seed}:loop:{name}")
        path = make_path(points, 1.6)
        posture = "carry" if name in ("rowan-home", "parade-home") else "walk"
        move = Move(path, max(speed, path.length_m / 59.5), posture=posture, taper=False)
        tracks.append(Track(name, Kind.PERSON, looks.person(rng), start, (move,)))
    for name, kind_of, centre, radii, times, turn in _ROUNDS:
        rng = random.Random(f"{town.seed}:loop:{name}")
        look = looks.person(rng, (1.08, 1.42)) if kind_of == "child" else looks.person(rng)
        path = make_path(_round_path(centre, radii, turn, times), 0.0)
        tracks.append(_closed(name, Kind.PERSON, look, path.length_m, centre, radii, turn, times))
    tracks.append(_bin_trip(town))
    tracks.append(_dog(town))
    for name, place, heading, posture, cycle in _STAYING:
        rng = random.Random(f"{town.seed}:loop:{name}")
        stay = Stay(*place, math.radians(heading), LOOP_S, posture, cycle_s=cycle, turn_rad=0.12)
        tracks.append(Track(name, Kind.PERSON, looks.person(rng), 0.0, (stay,)))
    for name, kind, start, speed, points in _VEHICLES:
        rng = random.Random(f"{town.seed}:loop:{name}")
        look = {Kind.CAR: looks.car, Kind.VAN: looks.van}.get(kind, looks.rider)(rng)
        path = make_path(points, 4.0)
        tracks.append(Track(name, kind, look, start, (Move(path, max(speed, path.length_m / 59.5), taper=False),)))
    tracks.append(_cruiser(random.Random(f"{town.seed}:loop:cruiser")))
    return Life(tracks, LOOP_S)


def _closed(
    name: str,
    kind: Kind,
    look: Look,
    length_m: float,
    centre: Point,
    radii: tuple[float, float],
    turn: float,
    times: int,
) -> Track:
    """Round and round: the path overlaps itself a little at the join, so that headings meet without a jerk."""
    path = make_path(_round_path(centre, radii, turn, times), 0.0)
    return Track(name, kind, look, 0.0, (Move(path, length_m / LOOP_S, taper=False),))


def _dog(town: Town) -> Track:
    """The dog of the court's walker: the same round, a little behind and inside."""
    centre, radii = (-90.0, 66.0), (12.9, 8.3)
    path = make_path(_round_path(centre, radii, -0.16, 1), 0.0)
    look = looks.dog(random.Random(f"{town.seed}:loop:dog"))
    return _closed("court-dog", Kind.DOG, look, path.length_m, centre, radii, -0.16, 1)


def _bin_trip(town: Town) -> Track:
    """Somebody takes a bag to the bin store on Maple Way and walks back."""
    there = make_path([(-37, -56.6), (-69.5, -56.2), (-69.5, -59.0)], 1.4)
    back = make_path([(-69.5, -59.0), (-69.3, -55.2), (-37, -55.2)], 1.4)
    legs = (
        Move(there, 1.4, posture="carry", taper=False),
        Stay(-69.5, -59.0, -math.pi / 2, 4.0, "bend", cycle_s=4.0),
        Move(back, 1.4, taper=False),
    )
    return Track("bin-trip", Kind.PERSON, looks.person(random.Random(f"{town.seed}:loop:bin")), 14.0, legs)
