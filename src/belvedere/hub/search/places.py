"""Places in words: names of the map's places and of cameras, and the cameras that look at them. Pure.

A camera belongs to a place when its view reaches within 12 m of it or it stands within 40 m; where none does, the nearest within
150 m is taken, and said to be only that.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from belvedere.foundation.geometry import LocalPlane, Pair
from belvedere.hub.search.reading import Reading, Word, plain, words_of

BESIDE_M = 40.0
IN_VIEW_M = 12.0
NEAREST_M = 150.0
MOST_PLACES = 12  # a word for more places than that is no place
_KINDS = {
    "bin_store": ("bin store", "bin shed", "bin", "bin area", "rubbish bin", "refuse store"),
    "car_park": ("car park", "parking area", "parking lot"),
    "playground": ("playground", "play area", "play park", "swing"),
    "garage": ("garage",),
    "gate": ("gate", "entrance gate"),
    "shop": ("shop", "store front", "parade"),
    "school": ("school", "primary school"),
    "church": ("church",),
    "hall": ("hall", "community hall", "community centre"),
    "court": ("court", "courtyard"),
    "water": ("canal", "towpath", "river", "pond"),
    "park": ("park",),
    "station": ("station",),
    "bus_stop": ("bus stop",),
    "road": ("main road",),
}
_UNNAMED = frozenset({"block", "stair", "house", "grass", "pavement"})  # too many of them for their kind to be a place
_BEFORE = re.compile(
    r"(?<!\w)(?:(?:right\s+|just\s+|close\s+|up\s+)?(?:near|by|at|in|inside|outside|around|round|behind|opposite|next\s+to|beside|on|along|from"
    r"|to|towards|in\s+front\s+of|past|into|through|off|over\s+by)(?:\s+to)?)(?:\s+(?:the|our|this|any|a))?\s+(?:camera\s+(?:at|on|by)?\s*(?:the\s+)?)?$|(?<!\w)the\s+$"
)


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on the map."""

    name: str
    kind: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Eye:
    """A camera. `view`: rings of (lon, lat) that it sees, each an outline; () where that is not known."""

    id: str
    name: str
    place: str
    lon: float | None
    lat: float | None
    view: tuple[tuple[Pair, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Where:
    """Cameras chosen for the places in a question, the nearest first, and which place chose them."""

    cameras: tuple[str, ...]
    places: tuple[Spot, ...]
    only_nearest: bool = False


@dataclass(slots=True)
class Gazetteer:
    """Every name of a place that a question may hold."""

    spots: Sequence[Spot]
    eyes: Sequence[Eye]
    _names: dict[tuple[str, ...], list[Spot | Eye]] = field(default_factory=dict)
    _loose: dict[tuple[str, ...], list[Spot | Eye]] = field(default_factory=dict)
    _longest: int = 1

    def __post_init__(self) -> None:
        for spot in self.spots:
            self._add(self._names, spot.name, spot)
            for phrase in (
                *_KINDS.get(spot.kind, ()),
                *(() if spot.kind in _UNNAMED else (spot.kind.replace("_", " "),)),
            ):
                self._add(self._loose, phrase, spot)
            self._prefixes(spot.name, spot)
        for eye in self.eyes:
            self._add(self._names, eye.name, eye)
            self._add(self._loose, eye.id.replace("-", " "), eye)
            self._prefixes(eye.name, eye)
            if eye.place:
                self._add(self._loose, eye.place, eye)

    def _prefixes(self, name: str, thing: "Spot | Eye") -> None:
        """`Maple Way` for `Maple Way garages`; one word only where it is a long one."""
        words = name.split()
        for count in range(1, len(words)):
            if count > 1 or len(words[0]) > 4:
                self._add(self._loose, " ".join(words[:count]), thing)

    def _add(self, names: dict[tuple[str, ...], list["Spot | Eye"]], phrase: str, thing: "Spot | Eye") -> None:
        key = tuple(word.plain for word in words_of(phrase.lower()))
        if key and thing not in (held := names.setdefault(key, [])):
            held.append(thing)
            self._longest = max(self._longest, len(key))

    def full_names(self, reading: Reading) -> list[tuple[int, int, list[Spot | Eye]]]:
        """Take whole names out of a question, then kinds of places of two words or more, as `car park`.

        One word is a place only behind a word such as `near`.
        """
        return [*self._find(reading, self._names, 1), *self._find(reading, self._loose, 2)]

    def loose_names(self, reading: Reading) -> list[tuple[int, int, list[Spot | Eye]]]:
        """Take kinds of places and beginnings of names out of what is left."""
        return self._find(reading, self._loose, 1)

    def _find(
        self, reading: Reading, names: Mapping[tuple[str, ...], list[Spot | Eye]], least: int
    ) -> list[tuple[int, int, list[Spot | Eye]]]:
        found: list[tuple[int, int, list[Spot | Eye]]] = []
        words = words_of(reading.rest)
        at = 0
        while at < len(words):
            for count in range(min(self._longest, len(words) - at), least - 1, -1):
                part = words[at : at + count]
                things = names.get(tuple(word.plain for word in part))
                if things is None or not _unbroken(reading.rest, part):
                    continue
                before = _BEFORE.search(reading.rest[: part[0].start])
                if before is None and count == 1:
                    continue
                start = before.start() if before is not None else part[0].start
                found.append((start, part[-1].end, things))
                reading.take(start, part[-1].end)
                at += count
                break
            else:
                at += 1
        return found


def _unbroken(rest: str, words: list[Word]) -> bool:
    """Nothing taken, and no full stop, between the words of a name."""
    return all(not set(rest[one.end : other.start]) & {"\x00", ".", ";"} for one, other in pairwise(words))


def choose(gazetteer: Gazetteer, things: Iterable[Spot | Eye]) -> Where:
    """The cameras of some places and cameras, the nearest first."""
    spots = [each for each in things if isinstance(each, Spot)]
    distances: dict[str, float] = {}
    only_nearest = False
    for thing in things:
        if isinstance(thing, Eye):
            distances[thing.id] = -1.0
    for spot in spots:
        reached = [(_reach(spot, eye), eye.id) for eye in gazetteer.eyes]
        near = [(reach, eye) for reach, eye in reached if reach is not None and reach[1]]
        if not near:
            near = sorted((reach, eye) for reach, eye in reached if reach is not None and reach[0] <= NEAREST_M)[:1]
            only_nearest = only_nearest or bool(near)
        for reach, eye in near:
            distances[eye] = min(distances.get(eye, math.inf), reach[0])
    order = sorted(distances, key=lambda eye: (distances[eye], eye))
    return Where(tuple(order), tuple(spots), only_nearest)


def _reach(spot: Spot, eye: Eye) -> tuple[float, bool] | None:
    """How far a place is from a camera (metres; nearer where it is in view), and whether it belongs to it."""
    if eye.lon is None or eye.lat is None:
        return None
    plane = LocalPlane(spot.lon, spot.lat)
    away_m = math.hypot(*plane.to_metres(eye.lon, eye.lat))
    if away_m > 2000.0:
        return None
    rings = [[plane.to_metres(*point) for point in ring] for ring in eye.view]
    seen = any(_reaches(ring, IN_VIEW_M) for ring in rings)
    return (away_m / 2 if seen else away_m), seen or away_m <= BESIDE_M


def _reaches(ring: Sequence[Pair], within_m: float) -> bool:
    """Whether (0, 0) lies in a ring or so near to its edge."""
    inside = False
    for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], *ring[:1]], strict=True):
        if (y0 > 0) != (y1 > 0) and x0 - y0 * (x1 - x0) / (y1 - y0) > 0:
            inside = not inside
        dx, dy = x1 - x0, y1 - y0
        length = dx * dx + dy * dy
        along = 0.0 if length == 0 else max(0.0, min(1.0, -(x0 * dx + y0 * dy) / length))
        if math.hypot(x0 + along * dx, y0 + along * dy) <= within_m:
            return True
    return inside


def spots_of(collection: Mapping[str, Any]) -> list[Spot]:
    """Named points of a GeoJSON FeatureCollection (RFC 7946); what is none is left out."""
    found = []
    for feature in collection.get("features", ()):
        if not isinstance(feature, dict):
            continue
        words, shape = feature.get("properties") or {}, feature.get("geometry") or {}
        name, pair = words.get("name"), shape.get("coordinates")
        if not isinstance(name, str) or not plain(name.strip()) or shape.get("type") != "Point":
            continue
        if isinstance(pair, list) and len(pair) >= 2 and all(isinstance(each, int | float) for each in pair[:2]):
            found.append(Spot(name.strip(), str(words.get("kind", "")), float(pair[0]), float(pair[1])))
    return found


def rings_of(view: Mapping[str, Any] | None) -> tuple[tuple[Pair, ...], ...]:
    """Outlines of a camera's view (`MapFolder.view`)."""
    if view is None or view.get("type") != "Polygon":
        return ()
    rings = view.get("coordinates") or []
    return tuple(tuple((float(x), float(y)) for x, y in ring[:-1]) for ring in rings[:1])
