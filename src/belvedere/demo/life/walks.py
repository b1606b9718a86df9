"""The network of ways on foot, and the shortest way between any two places on it."""

import heapq
import math
from functools import lru_cache
from itertools import pairwise

from shapely import STRtree
from shapely.geometry import LineString
from shapely.geometry import Point as ShapelyPoint
from shapely.ops import unary_union

from belvedere.demo.life.track import Path, Point, make_path
from belvedere.demo.town.plan import Door, Town


class WalkNetwork:
    """Footways, pavements and door steps joined where they meet."""

    def __init__(self, town: Town) -> None:
        joined = unary_union([LineString(walk.line) for walk in town.walks])
        self._edges: dict[Point, list[tuple[Point, float]]] = {}
        for line in joined.geoms:
            points = [_snapped(p) for p in line.coords]
            for a, b in pairwise(points):
                if a != b:
                    run = math.dist(a, b)
                    self._edges.setdefault(a, []).append((b, run))
                    self._edges.setdefault(b, []).append((a, run))
        self._nodes = sorted(self._edges)
        self._tree = STRtree([ShapelyPoint(node) for node in self._nodes])
        self._trees: dict[Point, dict[Point, Point]] = {}
        self._routes: dict[tuple[Point, Point], tuple[Point, ...]] = {}
        self._paths: dict[tuple[Point, Point], Path] = {}

    def nearest(self, x: float, y: float) -> Point:
        """The junction nearest to a place."""
        return self._nodes[int(self._tree.nearest(ShapelyPoint(x, y)))]

    def route(self, a: Point, b: Point) -> tuple[Point, ...]:
        """The junctions from `a` to `b` by the shortest way. Raises ValueError when no way joins them."""
        if (a, b) not in self._routes:
            back = self._trees.get(b) or self._search(b)
            self._trees[b] = back
            points = [a]
            while points[-1] != b:
                if points[-1] not in back:
                    raise ValueError(f"no way on foot from {a} to {b}")
                points.append(back[points[-1]])
            self._routes[a, b] = tuple(points)
        return self._routes[a, b]

    def path(self, a: Point, b: Point) -> Path:
        """The same way as a smooth path."""
        if (a, b) not in self._paths:
            self._paths[a, b] = make_path(self.route(a, b), 2.4)
        return self._paths[a, b]

    def _search(self, goal: Point) -> dict[Point, Point]:
        """For every junction the next one on the way to `goal` (Dijkstra 1959)."""
        best = {goal: 0.0}
        towards: dict[Point, Point] = {}
        queue = [(0.0, goal)]
        while queue:
            cost, node = heapq.heappop(queue)
            if cost > best[node]:
                continue
            for other, run in self._edges[node]:
                if cost + run < best.get(other, math.inf):
                    best[other] = cost + run
                    towards[other] = node
                    heapq.heappush(queue, (cost + run, other))
        return towards


def _snapped(point: tuple[float, ...]) -> Point:
    return round(point[0], 2), round(point[1], 2)


@lru_cache(maxsize=4)
def walk_network(town: Town) -> WalkNetwork:
    """The network of `town`, built once a process."""
    return WalkNetwork(town)


def outside(door: Door) -> Point:
    """The junction just outside a door."""
    return _snapped((door.x + 0.45 * math.cos(door.heading_rad), door.y + 0.45 * math.sin(door.heading_rad)))
