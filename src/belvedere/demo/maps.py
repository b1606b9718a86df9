"""The estate's map as files: vector tiles in one PMTiles archive, GeoJSON of buildings and places, and where to open it."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import mapbox_vector_tile
import mercantile
import numpy as np
import shapely
from mapbox_vector_tile.encoder import on_invalid_geometry_make_valid
from numpy.typing import NDArray
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer
from shapely.geometry import LineString, Point, Polygon

from belvedere.demo.scene import Building, Ground
from belvedere.demo.town.plan import Town, to_lonlat
from belvedere.demo.town.streets import EDGE_M

ATTRIBUTION = "Alder Grove, a fictional estate"
LEAST_ZOOM, MOST_ZOOM = 12, 17  # MapLibre enlarges the last
OPENING_ZOOM = 16.3
_EXTENT = 4096
_EARTH_M = 6_378_137.0
# From which zoom a layer's small things are drawn.
_SMALL_FROM = {"house": 14, "path": 15, "bin_store": 15, "tree": 16, "crossing": 16}
_FLOOR_KINDS = {"school": "grass"}

_Feature = tuple[dict[str, Any], Any]


def _mercator_points(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Web Mercator metres (EPSG:3857) of points of the town, one a row."""
    origin = np.array(to_lonlat(0, 0))
    lonlat = origin + points * (np.array(to_lonlat(1, 1)) - origin)  # the town's own projection is linear
    lon, lat = np.radians(lonlat).T
    return np.stack([lon * _EARTH_M, np.log(np.tan(np.pi / 4 + lat / 2)) * _EARTH_M], axis=1)


def _lonlat(points: Iterable[tuple[float, float]]) -> list[list[float]]:
    return [[round(lon, 7), round(lat, 7)] for lon, lat in (to_lonlat(x, y) for x, y in points)]


def _centre(building: Building) -> tuple[float, float]:
    point = Polygon(building.footprint).representative_point()
    return point.x, point.y


def _middle(ground: Ground) -> tuple[float, float]:
    point = Polygon(ground.outline).representative_point()
    return point.x, point.y


def places(town: Town) -> list[tuple[str, str, float, float]]:
    """Everything a person would name: name, kind, x, y. Blocks, stairs, shops, open spaces, gates."""
    named = [(b.name, b.kind, *_centre(b)) for b in town.buildings if b.name]
    named += [(door.name, "stair", door.x, door.y) for door in town.stairs]
    named += [
        (g.name, g.kind, *_middle(g)) for g in town.grounds if g.name and g.kind not in ("road", "path", "bin_store")
    ]
    named += [
        ("North gate", "gate", 22, 131.5),
        ("Alder Close gate", "gate", 48, -133),
        ("Maple Way gate", "gate", -165, -50),
        ("East gate", "gate", 164, 38),
    ]
    seen: dict[str, tuple[str, str, float, float]] = {}
    for place in named:
        if place[0] not in ("Alder Grove", "Hall forecourt", "Parade yard", "Canal towpath"):
            seen.setdefault(place[0], place)
    return list(seen.values())


def _layers(town: Town) -> dict[str, list[_Feature]]:
    """The tile layers in town metres."""
    ground = [({"kind": _FLOOR_KINDS.get(g.kind, g.kind), "name": g.name}, Polygon(g.outline)) for g in town.grounds]
    roads = [({"name": r.name, "kind": r.kind, "width": r.width_m}, LineString(r.line)) for r in town.roads]
    walks = [
        ({"name": w.name, "kind": w.kind, "width": w.width_m}, LineString(w.line))
        for w in town.walks
        if w.kind == "footway"
    ]
    buildings = [
        ({"name": b.name, "kind": b.kind, "height": b.height_m, "floors": b.floors}, Polygon(b.footprint))
        for b in town.buildings
    ]
    trees = [({"kind": "tree", "height": f.height_m}, Point(f.x, f.y)) for f in town.fixtures if f.kind == "tree"]
    spots = [
        ({"name": name, "kind": kind}, Point(x, y))
        for name, kind, x, y in places(town)
        if kind not in ("block", "shop", "hall", "stair", "house", "bin_store")
    ]
    return {"ground": ground, "roads": roads, "walks": walks, "buildings": buildings, "trees": trees, "places": spots}


def _tile(features: dict[str, list[_Feature]], trees: dict[str, Any], tile: mercantile.Tile) -> bytes | None:
    """One tile, gzipped; None when nothing lies in it."""
    bounds = mercantile.xy_bounds(tile)
    pad = (bounds.right - bounds.left) / 64
    area = (bounds.left - pad, bounds.bottom - pad, bounds.right + pad, bounds.top + pad)
    corner = np.array((bounds.left, bounds.bottom))
    scale = _EXTENT / np.array((bounds.right - bounds.left, bounds.top - bounds.bottom))

    def on_the_tile(points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Whole tile units, y upwards: the encoder turns it over."""
        return np.asarray(np.round((points - corner) * scale), dtype=np.float64)

    layers = []
    for name, layer in features.items():
        kept = []
        for i in sorted(trees[name].query(shapely.box(*area))):
            facts, shape = layer[i]
            if tile.z < _SMALL_FROM.get(facts["kind"], 0):
                continue
            piece = shapely.transform(shapely.clip_by_rect(shape, *area), on_the_tile)
            if not piece.is_empty:
                kept.append({"geometry": piece, "properties": facts})
        if kept:
            layers.append({"name": name, "features": kept})
    if not layers:
        return None
    # Rounding can fold a sliver onto itself; such a shape is mended, or left out when nothing remains of it.
    options = {"extents": _EXTENT, "on_invalid_geometry": on_invalid_geometry_make_valid}
    return gzip.compress(mapbox_vector_tile.encode(layers, default_options=options), mtime=0)


def _write_tiles(path: Path, town: Town, bounds: tuple[float, float, float, float]) -> int:
    features = {
        name: [(facts, shapely.transform(shape, _mercator_points)) for facts, shape in layer]
        for name, layer in _layers(town).items()
    }
    index = {name: shapely.STRtree([shape for _, shape in layer]) for name, layer in features.items()}
    tiles: dict[int, bytes] = {}
    for zoom in range(LEAST_ZOOM, MOST_ZOOM + 1):
        for tile in mercantile.tiles(*bounds, [zoom]):
            data = _tile(features, index, tile)
            if data is not None:
                tiles[zxy_to_tileid(tile.z, tile.x, tile.y)] = data
    west, south, east, north = bounds
    lon, lat = to_lonlat(0, 0)
    header = {
        "tile_type": TileType.MVT,
        "tile_compression": Compression.GZIP,
        "min_zoom": LEAST_ZOOM,
        "max_zoom": MOST_ZOOM,
        "min_lon_e7": round(west * 1e7),
        "min_lat_e7": round(south * 1e7),
        "max_lon_e7": round(east * 1e7),
        "max_lat_e7": round(north * 1e7),
        "center_zoom": round(OPENING_ZOOM),
        "center_lon_e7": round(lon * 1e7),
        "center_lat_e7": round(lat * 1e7),
    }
    about = {"attribution": ATTRIBUTION, "vector_layers": [{"id": name, "fields": {}} for name in features]}
    part = path.with_suffix(".part")
    with part.open("wb") as out:
        new: Any = Writer  # the library has no annotations
        writer = new(out)
        for id in sorted(tiles):
            writer.write_tile(id, tiles[id])
        writer.finalize(header, about)
    part.replace(path)
    return len(tiles)


def _collection(features: list[dict[str, Any]]) -> str:
    return json.dumps({"type": "FeatureCollection", "features": features}, separators=(",", ":"))


def _buildings(town: Town) -> str:
    made = []
    for building in town.buildings:
        ring = _lonlat((*building.footprint, building.footprint[0]))
        facts = {"name": building.name, "kind": building.kind, "height_m": building.height_m, "floors": building.floors}
        made.append({"type": "Feature", "properties": facts, "geometry": {"type": "Polygon", "coordinates": [ring]}})
    return _collection(made)


def _places(town: Town) -> str:
    made = []
    for name, kind, x, y in places(town):
        point = {"type": "Point", "coordinates": _lonlat([(x, y)])[0]}
        made.append({"type": "Feature", "properties": {"name": name, "kind": kind}, "geometry": point})
    return _collection(made)


def write_map(folder: Path, town: Town) -> None:
    """Writes `town.pmtiles`, `buildings.geojson`, `places.geojson` and, last, `map.json` into `folder`. About 2 s.

    Heights are metres above the ground, coordinates WGS 84. The same town gives the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    west, south = to_lonlat(-EDGE_M, -EDGE_M)
    east, north = to_lonlat(EDGE_M, EDGE_M)
    bounds = (west, south, east, north)
    _write_tiles(folder / "town.pmtiles", town, bounds)
    (folder / "buildings.geojson").write_text(_buildings(town), encoding="utf-8")
    (folder / "places.geojson").write_text(_places(town), encoding="utf-8")
    about = {
        "centre": [round(v, 7) for v in to_lonlat(0, 0)],
        "zoom": OPENING_ZOOM,
        "attribution": ATTRIBUTION,
        "bounds": [round(v, 7) for v in bounds],
    }
    (folder / "map.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
