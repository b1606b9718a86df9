"""A very small town for the fake hub: a few blocks, roads and twelve cameras, as PMTiles and as the register has them."""

import gzip
import io
import math
from typing import Any

import mapbox_vector_tile
import mercantile
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer
from shapely import clip_by_rect, transform
from shapely.geometry import LineString, Point, box

LON, LAT = -0.0213, 51.5432
_X0, _Y0 = mercantile.xy(LON, LAT)
_SCALE = 1 / math.cos(math.radians(LAT))

CAMERAS = [
    # id, name, place, x, y, bearing, field of view, range
    ("north-gate", "North gate", "Alder Way", 0, 150, 180, 70, 55),
    ("alder-house-door", "Alder House door", "Alder House", -92, 78, 140, 60, 40),
    ("birch-house-door", "Birch House door", "Birch House", 20, 78, 215, 60, 40),
    ("cedar-house-door", "Cedar House door", "Cedar House", 128, 78, 215, 60, 40),
    ("court-west", "Court, west side", "Central court", -60, 5, 80, 90, 55),
    ("court-east", "Court, east side", "Central court", 62, 5, 275, 90, 55),
    ("playground", "Playground", "Playground", 118, -10, 215, 80, 45),
    ("bin-store", "Bin store", "Behind Elm House", -128, -30, 150, 75, 30),
    ("car-park", "Car park", "Dell Lane", -110, -128, 55, 85, 60),
    ("ball-court", "Ball court", "Ball court", 20, -130, 10, 90, 45),
    ("dell-lane", "Dell Lane", "Dell Lane", 140, -150, 300, 50, 70),
    ("elm-house-stairs", "Elm House stairs", "Elm House", -30, -62, 250, 60, 35),
]


def _lonlat(x: float, y: float) -> list[float]:
    lon, lat = mercantile.lnglat(_X0 + x * _SCALE, _Y0 + y * _SCALE)
    return [round(lon, 7), round(lat, 7)]


def view(x: float, y: float, bearing: float, fov: float, reach: float) -> dict[str, Any]:
    """Field of view as a GeoJSON polygon."""
    ring = [_lonlat(x, y)]
    for step in range(13):
        angle = math.radians(bearing - fov / 2 + fov * step / 12)
        ring.append(_lonlat(x + math.sin(angle) * reach, y + math.cos(angle) * reach))
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def position(x: float, y: float) -> list[float]:
    return _lonlat(x, y)


def _layers() -> dict[str, list[tuple[dict[str, Any], Any]]]:
    blocks = [("Alder House", -150, 90, -60, 125), ("Birch House", -30, 90, 60, 125), ("Cedar House", 90, 90, 175, 125)]
    blocks += [
        ("Dogwood House", -150, 10, -115, 70),
        ("Elm House", -110, -75, -20, -45),
        ("Fir House", 150, -80, 182, 60),
    ]
    return {
        "ground": [
            ({"kind": "grass"}, box(-200, -190, 205, 190)),
            ({"kind": "court"}, box(-70, -25, 75, 60)),
            ({"kind": "car_park"}, box(-140, -140, -40, -90)),
            ({"kind": "playground"}, box(80, -60, 135, 0)),
            ({"kind": "court"}, box(-5, -125, 55, -85)),
            ({"kind": "path"}, LineString([(0, 160), (0, 60), (0, -80), (90, -140)]).buffer(2)),
        ],
        "roads": [
            ({"name": "Alder Way", "kind": "road"}, LineString([(-260, 170), (0, 165), (260, 172)])),
            ({"name": "Dell Lane", "kind": "road"}, LineString([(-260, -160), (0, -163), (260, -158)])),
            ({"name": "Grove Street", "kind": "road"}, LineString([(-190, -260), (-185, 0), (-192, 260)])),
        ],
        "buildings": [({"name": n, "kind": "block", "height": 18}, box(a, b, c, d)) for n, a, b, c, d in blocks],
        "places": [({"name": "Playground", "kind": "playground"}, Point(108, -35))],
    }


def pmtiles() -> bytes:
    """The town as vector tiles, zoom 13 to 16."""
    layers = {
        name: [(facts, transform(shape, lambda points: points * _SCALE + (_X0, _Y0))) for facts, shape in features]
        for name, features in _layers().items()
    }
    west, south = _lonlat(-300, -300)
    east, north = _lonlat(300, 300)
    target = io.BytesIO()
    make: Any = Writer  # the library has no types
    writer = make(target)
    tiles: dict[int, bytes] = {}
    for tile in mercantile.tiles(west, south, east, north, range(13, 17)):
        edge = mercantile.xy_bounds(tile)
        side = edge.right - edge.left
        pad = side * 0.02
        clip = (edge.left - pad, edge.bottom - pad, edge.right + pad, edge.top + pad)
        content: list[dict[str, Any]] = []
        for name, features in layers.items():
            inside = [(facts, clip_by_rect(shape, *clip)) for facts, shape in features]
            found = [{"geometry": shape, "properties": facts} for facts, shape in inside if not shape.is_empty]
            if found:
                content.append({"name": name, "features": found})
        content = [
            {
                "name": layer["name"],
                "features": [
                    {
                        "geometry": transform(
                            feature["geometry"],
                            lambda points, edge=edge, side=side: (
                                (points - (edge.left, edge.bottom)) / side * 4096
                            ).round(),
                        ),
                        "properties": feature["properties"],
                    }
                    for feature in layer["features"]
                ],
            }
            for layer in content
        ]
        data = mapbox_vector_tile.encode(content, default_options={"extents": 4096})
        tiles[zxy_to_tileid(tile.z, tile.x, tile.y)] = gzip.compress(data, mtime=0)
    for number in sorted(tiles):
        writer.write_tile(number, tiles[number])
    header = {
        "tile_type": TileType.MVT,
        "tile_compression": Compression.GZIP,
        "min_zoom": 13,
        "max_zoom": 16,
        "min_lon_e7": int(west * 1e7),
        "min_lat_e7": int(south * 1e7),
        "max_lon_e7": int(east * 1e7),
        "max_lat_e7": int(north * 1e7),
        "center_zoom": 16,
        "center_lon_e7": int(LON * 1e7),
        "center_lat_e7": int(LAT * 1e7),
    }
    writer.finalize(header, {"vector_layers": [{"id": name, "fields": {}} for name in layers]})
    return target.getvalue()
