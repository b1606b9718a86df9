"""The map: what lies in the map folder, read again when a file changes.

`map.json` says `{"centre": [lon, lat], "zoom": Z, "attribution": TEXT}`; `town.pmtiles` holds the tiles, `places.geojson` the
named places, `buildings.geojson` the footprints (property `height_m`) that cut what cameras see. Each file may be missing.
"""

import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from belvedere.foundation.geometry import LocalPlane, Obstacle, Pair, sector, visible
from belvedere.hub.register.cameras import Camera

TILES = "town.pmtiles"
SERVED = frozenset({TILES, "places.geojson", "buildings.geojson"})
_DEFAULT_HEIGHT_M = 10.0
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Building:
    """A footprint in degrees, open ring, with the box round it."""

    ring: tuple[Pair, ...]
    height_m: float
    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class MapInfo:
    """Where the map opens. `centre` is (lon, lat), None when nobody said."""

    centre: Pair | None
    zoom: float
    attribution: str
    tiles: bool
    places: dict[str, Any]


class MapFolder:
    """The files of one folder. Thread-safe; blocking."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._buildings: tuple[Building, ...] = ()
        # Invariant: holds only what was computed from the buildings of `_stamp`.
        self._views: dict[Camera, dict[str, Any] | None] = {}

    def info(self) -> MapInfo:
        """What `/api/map` tells; an empty map when the folder is empty or its files can't be read."""
        told = self._read("map.json")
        centre = told.get("centre")
        good = isinstance(centre, list) and len(centre) == 2 and all(isinstance(part, int | float) for part in centre)
        places = self._read("places.geojson")
        return MapInfo(
            centre=(float(centre[0]), float(centre[1])) if good and isinstance(centre, list) else None,
            zoom=float(told.get("zoom", 15)) if isinstance(told.get("zoom", 15), int | float) else 15.0,
            attribution=str(told.get("attribution", "")),
            tiles=(self.folder / TILES).is_file(),
            places=places
            if places.get("type") == "FeatureCollection"
            else {"type": "FeatureCollection", "features": []},
        )

    def view(self, camera: Camera) -> dict[str, Any] | None:
        """What a camera can see, as a GeoJSON Polygon cut by the buildings; None when its place or view is not known."""
        with self._lock:
            self._refresh()
            if camera not in self._views:
                if len(self._views) > 20_000:
                    self._views.clear()
                self._views[camera] = _view(camera, self._buildings)
            return self._views[camera]

    def _refresh(self) -> None:
        try:
            stat = (self.folder / "buildings.geojson").stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
        except OSError:
            stamp = (0, 0)
        if stamp != self._stamp:
            self._stamp = stamp
            self._views.clear()
            self._buildings = tuple(_buildings(self._read("buildings.geojson")))

    def _read(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            _LOG.warning("map_file_unreadable", file=str(path), reason=str(error))
            return {}
        return found if isinstance(found, dict) else {}


def _buildings(collection: dict[str, Any]) -> list[Building]:
    found = []
    for feature in collection.get("features", []):
        geometry = feature.get("geometry") or {}
        coordinates = geometry.get("coordinates", [])
        parts = {"Polygon": [coordinates], "MultiPolygon": coordinates}.get(str(geometry.get("type")), [])
        height_m = feature.get("properties", {}).get("height_m", _DEFAULT_HEIGHT_M)
        for ring in (part[0] for part in parts):
            pairs = tuple((float(point[0]), float(point[1])) for point in ring)
            pairs = pairs[:-1] if len(pairs) > 1 and pairs[0] == pairs[-1] else pairs
            if len(pairs) >= 3:
                lons, lats = [lon for lon, _ in pairs], [lat for _, lat in pairs]
                found.append(Building(pairs, float(height_m), min(lons), min(lats), max(lons), max(lats)))
    return found


def _view(camera: Camera, buildings: tuple[Building, ...]) -> dict[str, Any] | None:
    if camera.lat is None or camera.lon is None:
        return None
    if camera.bearing_deg is None or camera.fov_deg is None or camera.range_m is None:
        return None
    plane = LocalPlane(camera.lon, camera.lat)
    west, south = plane.to_lonlat(-camera.range_m, -camera.range_m)
    east, north = plane.to_lonlat(camera.range_m, camera.range_m)
    near = [
        Obstacle(tuple(plane.to_metres(lon, lat) for lon, lat in building.ring), building.height_m)
        for building in buildings
        if building.west <= east and building.east >= west and building.south <= north and building.north >= south
    ]
    ring = sector(camera.bearing_deg, camera.fov_deg, camera.range_m)
    height_m = camera.height_m if camera.height_m is not None else 4.0
    seen = visible(ring, height_m, near) if near else [ring]
    if not seen:
        return None
    rings = [[[round(value, 7) for value in plane.to_lonlat(x, y)] for x, y in each] for each in seen]
    return {"type": "Polygon", "coordinates": [[*each, each[0]] for each in rings]}
