"""A whole day of ordinary life on the estate, from the seed: walks between doors, shops and streets, and traffic."""

import math
import random
from functools import lru_cache

from belvedere.demo.life import looks
from belvedere.demo.life.schedule import Life
from belvedere.demo.life.track import Move, Path, Point, Stay, Track, make_path
from belvedere.demo.life.walks import outside, walk_network
from belvedere.demo.scene import Kind
from belvedere.demo.town.estate import REACH_M
from belvedere.demo.town.plan import Town

DAY_S = 86_400.0

# Walks begun in each hour of the day, from midnight.
WALKS_BY_HOUR = (8, 4, 2, 2, 3, 10, 36, 90, 150, 110, 92, 96, 120, 110, 112, 190, 210, 200, 160, 110, 70, 46, 28, 14)
# Vehicles passing on each perimeter street in each hour.
CARS_BY_HOUR = (6, 3, 2, 2, 4, 12, 40, 90, 110, 80, 70, 74, 80, 78, 84, 100, 110, 120, 90, 60, 40, 28, 18, 10)

# Where people leave the estate: the far ends of the pavements.
_WAYS_OUT: tuple[Point, ...] = (
    (-REACH_M, 134.75),
    (REACH_M, 134.75),
    (-REACH_M, -134.75),
    (REACH_M, -134.75),
    (-166.75, REACH_M),
    (-166.75, -REACH_M),
    (166.75, REACH_M),
    (166.75, -REACH_M),
)
_OPEN_H = (7.5, 22.0)  # the shops' hours


def _ends(rng: random.Random, town: Town, hour: float) -> tuple[Point, Point]:
    """Where a walk begins and ends: homeward in the evening, outward in the morning."""
    home = outside(rng.choice(town.stairs))
    doors = {kind: [outside(d) for d in town.doors if d.kind == kind] for kind in ("shop", "hall", "bin_store")}
    pick = rng.random()
    if pick < 0.22 and _OPEN_H[0] < hour < _OPEN_H[1]:
        other = rng.choice(doors["shop"])
    elif pick < 0.27 and 9 < hour < 21:
        other = doors["hall"][0]
    elif pick < 0.33 and hour > 6:
        other = rng.choice(doors["bin_store"])
    elif pick < 0.43:
        other = outside(rng.choice(town.stairs))
    elif pick < 0.52:
        home, other = rng.sample(_WAYS_OUT, 2)
    else:
        other = rng.choice(_WAYS_OUT)
    outward = rng.random() < (0.75 if 5 < hour < 10 else 0.3 if hour > 15 else 0.5)
    return (home, other) if outward else (other, home)


def walkers(town: Town, rng: random.Random, name: str, start_s: float) -> list[Track]:
    """One walk: a person, two together, a parent with a child, or somebody with a dog."""
    network = walk_network(town)
    a, b = _ends(rng, town, start_s / 3600 % 24)
    if a == b:
        return []
    path = network.path(a, b)
    pick = rng.random()
    side = rng.uniform(0.25, 0.65)
    speed = rng.uniform(1.15, 1.5)
    if pick < 0.1:
        look = looks.older(rng)
        return [
            Track(name, Kind.PERSON, look, start_s, (Move(path, rng.uniform(0.75, 0.95), side_m=side, sway_m=0.1),))
        ]
    if pick < 0.2:
        second = looks.person(rng, (1.05, 1.45)) if rng.random() < 0.5 else looks.person(rng)
        return [
            Track(name, Kind.PERSON, looks.person(rng), start_s, (Move(path, speed, side_m=0.75),)),
            Track(f"{name}b", Kind.PERSON, second, start_s + 0.2, (Move(path, speed, side_m=-0.05),)),
        ]
    if pick < 0.28:
        return [
            Track(name, Kind.PERSON, looks.person(rng), start_s, (Move(path, speed, side_m=side),)),
            Track(
                f"{name}d",
                Kind.DOG,
                looks.dog(rng),
                start_s + 0.6,
                (Move(path, speed, side_m=side - 0.75, sway_m=0.2),),
            ),
        ]
    posture = "carry" if rng.random() < 0.12 else "walk"
    move = Move(path, speed, side_m=side, sway_m=0.1, posture=posture)
    return [Track(name, Kind.PERSON, looks.person(rng), start_s, (move,))]


def _lane(line: tuple[Point, ...], reach_m: float) -> Path:
    """One direction of a street, from edge to edge of what cameras can see."""
    kept = [p for p in line if max(abs(p[0]), abs(p[1])) <= reach_m + 120]
    return make_path(kept, 4.0)


def traffic(town: Town, seed: str, by_hour: tuple[float, ...], hours: range) -> list[Track]:
    """Vehicles passing on the perimeter streets, on the left, never closer than 3 s behind each other."""
    made: list[Track] = []
    for road in town.roads:
        if road.name not in ("Alder Road", "Grove Lane", "Mill Lane", "Carrow Street"):
            continue
        for way, line in (("out", road.line), ("back", tuple(reversed(road.line)))):
            rng = random.Random(f"{seed}:traffic:{road.name}:{way}")
            path = _lane(line, 300)
            ready = 0.0
            for hour in hours:
                starts = sorted(rng.uniform(0, 3600) for _ in range(round(by_hour[hour % 24] / 2)))
                for offset in starts:
                    start = max(hour * 3600 + offset, ready)
                    pick = rng.random()
                    # Nobody overtakes, so a bicycle gets a long lead.
                    ready = start + (100.0 if pick < 0.1 else 3.0)
                    name = f"{road.name.lower().replace(' ', '-')}-{way}-{len(made)}"
                    if pick < 0.1:
                        look, kind, speed, side = looks.rider(rng), Kind.BICYCLE, rng.uniform(4.2, 5.6), 1.7
                    elif pick < 0.26:
                        look, kind, speed, side = looks.van(rng), Kind.VAN, 9.4, 1.25
                    else:
                        look, kind, speed, side = looks.car(rng), Kind.CAR, 9.4, 1.3
                    made.append(Track(name, kind, look, start, (Move(path, speed, side_m=side, taper=False),)))
    return made


def _children(town: Town) -> list[Track]:
    """Children in the playground and players in the ball court, with pauses, through the afternoon."""
    made = []
    areas = (
        ("play", (-15.0, -47.0, 8.0, -31.0), (1.05, 1.42), 10, 19),
        ("ball", (74.0, -10.0, 102.0, 8.0), (1.5, 1.8), 15, 21),
    )
    for area, (x0, y0, x1, y1), heights, first, last in areas:
        rng = random.Random(f"{town.seed}:{area}")
        for i in range((last - first) * 4):
            start = rng.uniform(first * 3600, last * 3600)
            at = (rng.uniform(x0, x1), rng.uniform(y0, y1))
            legs: list[Move | Stay] = []
            for _ in range(rng.randint(12, 40)):
                to = (rng.uniform(x0, x1), rng.uniform(y0, y1))
                if math.dist(at, to) > 2.0:
                    path = make_path([at, to], 0)
                    legs.append(Move(path, rng.uniform(1.1, 2.6), accel_mps2=1.6, taper=False))
                    legs.append(Stay(*to, path.direction(path.length_m, 0.3), rng.uniform(0.5, 6), "stand", 4.0, 0.3))
                    at = to
            made.append(Track(f"{area}-{i}", Kind.PERSON, looks.person(rng, heights), start, tuple(legs)))
    return made


@lru_cache(maxsize=4)
def build_day(town: Town) -> Life:
    """The day's tracks; about 0.3 s, once a process."""
    rng = random.Random(f"{town.seed}:day")
    tracks: list[Track] = []
    for hour, count in enumerate(WALKS_BY_HOUR):
        for k in range(count):
            tracks += walkers(town, rng, f"walk-{hour:02d}-{k}", hour * 3600 + rng.uniform(0, 3600))
    tracks += traffic(town, f"{town.seed}:day", CARS_BY_HOUR, range(24))
    tracks += _children(town)
    return Life(tracks)
