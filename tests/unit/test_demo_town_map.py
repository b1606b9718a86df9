"""The map's files decode, name what people would look for, and come out the same every time."""

import gzip
import json
from pathlib import Path
from typing import Any, BinaryIO

import mapbox_vector_tile
import mercantile
import pytest
from pmtiles.reader import MmapSource, Reader
from shapely.geometry import shape

from belvedere.demo.maps import LEAST_ZOOM, MOST_ZOOM, write_map
from belvedere.demo.town import build_town, from_lonlat, to_lonlat

TOWN = build_town()


def _reader(file: BinaryIO) -> Any:
    """The library has no annotations, so its reader is taken as it comes."""
    new: Any = Reader
    source: Any = MmapSource
    return new(source(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("map")
    write_map(made, TOWN)
    return made


def _tiles(folder: Path, zoom: int) -> dict[tuple[int, int], dict[str, Any]]:
    lon, lat = to_lonlat(0, 0)
    middle = mercantile.tile(lon, lat, zoom)
    span = 1 << max(0, zoom - 15)
    found = {}
    with (folder / "town.pmtiles").open("rb") as file:
        reader = _reader(file)
        for x in range(middle.x - span, middle.x + span + 1):
            for y in range(middle.y - span, middle.y + span + 1):
                data = reader.get(zoom, x, y)
                if data is not None:
                    found[x, y] = mapbox_vector_tile.decode(gzip.decompress(data))
    return found


@pytest.mark.parametrize("zoom", range(LEAST_ZOOM, MOST_ZOOM + 1))
def test_every_zoom_has_the_town(folder: Path, zoom: int) -> None:
    tiles = _tiles(folder, zoom)
    layers = {name for tile in tiles.values() for name in tile}
    assert {"ground", "roads", "buildings"} <= layers
    names = {
        f["properties"]["name"] for tile in tiles.values() for f in tile.get("buildings", {"features": []})["features"]
    }
    assert "Rowan House" in names


def test_features_carry_what_the_style_asks_for(folder: Path) -> None:
    tiles = _tiles(folder, 16)
    kinds: dict[str, set[str]] = {}
    for tile in tiles.values():
        for layer, content in tile.items():
            for feature in content["features"]:
                kinds.setdefault(layer, set()).add(feature["properties"]["kind"])
    assert {"road", "pavement", "path", "grass", "car_park", "playground", "court", "bin_store"} <= kinds["ground"]
    assert {"main", "minor", "service"} <= kinds["roads"]
    assert {"block", "hall", "shop", "house"} <= kinds["buildings"]
    assert {"playground", "court", "car_park", "gate"} <= kinds["places"]
    heights = [
        f["properties"]["height"]
        for tile in tiles.values()
        for f in tile.get("buildings", {"features": []})["features"]
    ]
    assert min(heights) > 2


def test_a_building_lies_where_the_plan_has_it(folder: Path) -> None:
    collection = json.loads((folder / "buildings.geojson").read_text())
    assert len(collection["features"]) == len(TOWN.buildings)
    willow = next(f for f in collection["features"] if f["properties"]["name"] == "Willow Court")
    outline = [from_lonlat(lon, lat) for lon, lat in shape(willow["geometry"]).exterior.coords]
    assert min(x for x, _ in outline) == pytest.approx(-22, abs=0.02)
    assert max(y for _, y in outline) == pytest.approx(110, abs=0.02)
    assert willow["properties"]["height_m"] > 30


def test_places_are_named_once(folder: Path) -> None:
    places = json.loads((folder / "places.geojson").read_text())["features"]
    names = [place["properties"]["name"] for place in places]
    assert len(names) == len(set(names))
    assert {
        "Juniper House",
        "Juniper House, stair C",
        "Playground",
        "Rowan court",
        "North gate",
        "Maple Way bin store",
    } <= set(names)


def test_map_json_opens_on_the_estate(folder: Path) -> None:
    about = json.loads((folder / "map.json").read_text())
    west, south, east, north = about["bounds"]
    assert west < about["centre"][0] < east
    assert south < about["centre"][1] < north
    assert LEAST_ZOOM <= about["zoom"] <= MOST_ZOOM
    assert "fictional" in about["attribution"]
    with (folder / "town.pmtiles").open("rb") as file:
        header = _reader(file).header()
    assert header["min_zoom"] == LEAST_ZOOM
    assert header["min_lon_e7"] == pytest.approx(west * 1e7, abs=2)


def test_the_same_town_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_map(tmp_path, TOWN)
    for name in ("town.pmtiles", "buildings.geojson", "places.geojson", "map.json"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
