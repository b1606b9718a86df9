"""Puts the town together: estate, surrounding streets, fixtures."""

import random
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import LineString

from belvedere.demo.scene import Building, Ground
from belvedere.demo.town import estate, fixtures, streets
from belvedere.demo.town.plan import Road, Town


def _strip(road: Road, width_m: float, kind: str, name: str) -> Ground:
    """The surface of a way: its centre line, widened."""
    shape = LineString(road.line).buffer(width_m / 2, cap_style="flat", join_style="mitre")
    ring = [(round(x, 2), round(y, 2)) for x, y in shape.exterior.coords][:-1]
    area = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:] + ring[:1], strict=True))
    return Ground(name, kind, tuple(ring if area > 0 else ring[::-1]))


def _walls(buildings: tuple[Building, ...]) -> NDArray[np.float64]:
    rows = []
    for building in buildings:
        ring = building.footprint
        for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1], strict=True):
            rows.append((x0, y0, x1, y1, building.height_m))
    return np.array(rows, dtype=np.float64)


@lru_cache(maxsize=4)
def build_town(seed: int = 7) -> Town:
    """The town of `seed`. Built once a process; about 0.2 s."""
    rng = random.Random(f"{seed}:bays")
    bays = estate.bays([rng.random() < 0.5 for _ in range(76)])
    roads = streets.build_roads(seed)
    houses, plots = streets.build_surroundings(seed, roads)
    buildings = estate.BUILDINGS + houses
    service = (estate.ALDER_CLOSE, estate.MAPLE_WAY)
    steps = estate.door_steps()
    walks = estate.FOOTWAYS + estate.PAVEMENTS + estate.CROSSINGS + steps
    grounds = (
        *plots,
        *(_strip(road, road.width_m + 5.2, "pavement", "") for road in roads),
        *(_strip(road, road.width_m, "road", road.name) for road in roads),
        estate.GROUNDS[0],
        *(_strip(walk, walk.width_m, "pavement", "") for walk in estate.PAVEMENTS[:2]),
        *(_strip(walk, walk.width_m, "path", walk.name) for walk in estate.FOOTWAYS),
        *(_strip(step, step.width_m, "path", "") for step in steps),
        *estate.GROUNDS[1:],
        *(_strip(walk, walk.width_m, "pavement", "") for walk in estate.CROSSINGS if walk.kind == "footway"),
    )
    return Town(
        seed=seed,
        buildings=buildings,
        grounds=grounds,
        fixtures=fixtures.build_fixtures(seed, buildings, walks, bays),
        roads=roads + service,
        walks=walks,
        doors=estate.DOORS,
        bays=bays,
        walls=_walls(buildings),
    )
