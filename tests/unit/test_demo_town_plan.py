"""Alder Grove's plan: solid, tidy, and the same on every machine."""

import hashlib
import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import STRtree
from shapely.geometry import LineString, Point, Polygon

from belvedere.demo.town import build_town, from_lonlat, to_lonlat

TOWN = build_town()
SHAPES = [Polygon(building.footprint) for building in TOWN.buildings]
_PRINT = (
    "import hashlib; from belvedere.demo.town import build_town; t = build_town();"
    "print(hashlib.sha256(repr((t.buildings, t.grounds, t.fixtures, t.roads, t.walks, t.bays)).encode()).hexdigest())"
)


def test_the_same_seed_gives_the_same_town_in_another_process() -> None:
    told = subprocess.run([sys.executable, "-c", _PRINT], capture_output=True, text=True, check=True, timeout=60)
    t = TOWN
    here = repr((t.buildings, t.grounds, t.fixtures, t.roads, t.walks, t.bays))
    assert told.stdout.strip() == hashlib.sha256(here.encode()).hexdigest()


def test_another_seed_gives_another_town_but_the_same_estate() -> None:
    other = build_town(8)
    assert [b for b in other.buildings if b.kind == "block"] == [b for b in TOWN.buildings if b.kind == "block"]
    assert [b for b in other.buildings if b.kind == "house"] != [b for b in TOWN.buildings if b.kind == "house"]


@given(st.floats(-600, 600), st.floats(-600, 600))
def test_longitude_and_latitude_come_back(x: float, y: float) -> None:
    back = from_lonlat(*to_lonlat(x, y))
    assert math.dist(back, (x, y)) < 1e-6


def test_metres_are_metres_on_the_globe() -> None:
    from pyproj import Geod

    geod = Geod(ellps="WGS84")
    for x, y in ((300, 0), (0, 300), (-400, 250)):
        lon, lat = to_lonlat(x, y)
        _, _, away = geod.inv(*to_lonlat(0, 0), lon, lat)
        assert away == pytest.approx(math.hypot(x, y), abs=0.05)


def test_buildings_are_solid_and_apart() -> None:
    for building, shape in zip(TOWN.buildings, SHAPES, strict=True):
        assert shape.is_valid, building
        assert shape.exterior.is_ccw, building
        assert building.height_m > 2
    near = STRtree(SHAPES)
    for i, shape in enumerate(SHAPES):
        for j in near.query(shape, predicate="intersects"):
            assert i == j or shape.intersection(SHAPES[j]).area < 0.01, (TOWN.buildings[i], TOWN.buildings[j])


def test_there_are_eight_blocks_of_four_to_eleven_floors() -> None:
    blocks = [b for b in TOWN.buildings if b.kind == "block"]
    assert len(blocks) == 8
    assert min(b.floors for b in blocks) == 4
    assert max(b.floors for b in blocks) == 11
    assert {"hall", "shop", "bin_store", "garage", "house"} <= {b.kind for b in TOWN.buildings}


def test_every_door_is_on_its_own_building_and_opens_outwards() -> None:
    for door in TOWN.doors:
        shape = Polygon(TOWN.building(door.building).footprint)
        assert shape.exterior.distance(Point(door.x, door.y)) < 0.01, door
        step = Point(door.x + 0.5 * math.cos(door.heading_rad), door.y + 0.5 * math.sin(door.heading_rad))
        assert not any(s.contains(step) for s in SHAPES), door
    assert {door.building for door in TOWN.stairs} == {b.name for b in TOWN.buildings if b.kind == "block"}


def test_no_way_leads_through_a_building() -> None:
    near = STRtree([shape.buffer(-0.01) for shape in SHAPES])
    for way in TOWN.walks + TOWN.roads:
        hit = near.query(LineString(way.line).buffer(0.4), predicate="intersects")
        assert not len(hit), (way, [TOWN.buildings[i] for i in hit])


def test_fixtures_stand_clear_of_buildings_and_trees_clear_of_ways() -> None:
    near = STRtree([shape.buffer(-0.05) for shape in SHAPES])
    ways = STRtree([LineString(way.line).buffer(way.width_m / 2) for way in TOWN.walks + TOWN.roads])
    for fixture in TOWN.fixtures:
        place = Point(fixture.x, fixture.y)
        assert not len(near.query(place, predicate="intersects")), fixture
        if fixture.kind == "tree":
            assert not len(ways.query(place, predicate="intersects")), fixture
    assert {"tree", "lamp", "bench", "bin", "parked_car", "door", "fence_post", "swing"} <= {
        f.kind for f in TOWN.fixtures
    }


def test_names_are_found_and_missing_ones_are_said() -> None:
    assert TOWN.building("Rowan House").floors == 8
    assert TOWN.door("Rowan House, stair A").building == "Rowan House"
    assert TOWN.ground("Playground").kind == "playground"
    for find in (TOWN.building, TOWN.door, TOWN.ground):
        with pytest.raises(KeyError):
            find("Nowhere")
