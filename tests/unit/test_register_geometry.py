"""What cameras see: sectors, shadows, metres and degrees."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely.geometry import Point, Polygon

from belvedere.foundation.geometry import LocalPlane, Obstacle, Pair, sector, visible


def _polygon(rings: list[list[Pair]]) -> Polygon:
    return Polygon(rings[0], rings[1:])


WALL = Obstacle(((-5.0, 10.0), (5.0, 10.0), (5.0, 12.0), (-5.0, 12.0)), 12.0)


@given(st.floats(-70, 70), st.floats(-179, 179), st.floats(-500, 500), st.floats(-500, 500))
@settings(max_examples=60)
def test_metres_agree_with_the_geodesic(lat: float, lon: float, x: float, y: float) -> None:
    plane = LocalPlane(lon, lat)
    there = plane.to_lonlat(x, y)
    _, _, distance_m = Geod(ellps="WGS84").inv(lon, lat, *there)
    assert distance_m == pytest.approx(math.hypot(x, y), abs=0.15)
    assert plane.to_metres(*there) == pytest.approx((x, y), abs=1e-6)


@given(st.floats(-360, 360), st.floats(1, 360), st.floats(1, 500))
@settings(max_examples=60)
def test_a_sector_has_the_area_of_a_sector(bearing_deg: float, fov_deg: float, range_m: float) -> None:
    ring = sector(bearing_deg, fov_deg, range_m)
    area = sum(ax * by - bx * ay for (ax, ay), (bx, by) in zip(ring, [*ring[1:], ring[0]], strict=True)) / 2
    assert area == pytest.approx(math.pi * range_m**2 * fov_deg / 360, rel=0.01)  # positive: counter-clockwise
    assert all(math.hypot(x, y) <= range_m * 1.000001 for x, y in ring)


def test_a_sector_looks_where_it_is_told() -> None:
    east = Polygon(sector(90, 60, 50))
    assert east.contains(Point(40, 0)) and not east.contains(Point(0, 40)) and not east.contains(Point(-40, 0))


@pytest.mark.parametrize(("fov_deg", "range_m"), [(0, 10), (60, 0), (-1, 10)])
def test_a_view_without_width_or_range_is_refused(fov_deg: float, range_m: float) -> None:
    with pytest.raises(ValueError, match="width and a range"):
        sector(0, fov_deg, range_m)


def test_a_wall_hides_what_is_behind_it() -> None:
    seen = _polygon(visible(sector(0, 90, 40), 4.0, [WALL]))
    assert seen.contains(Point(0, 8)) and not seen.intersects(Point(0, 11)) and not seen.contains(Point(0, 30))
    assert seen.contains(Point(20, 25))
    assert seen.is_valid


def test_a_low_wall_throws_a_short_shadow() -> None:
    low = Obstacle(WALL.footprint, 2.0)
    seen = _polygon(visible(sector(0, 90, 40), 4.0, [low]))
    assert not seen.contains(Point(0, 20)) and seen.contains(Point(0, 30))


def test_the_wall_it_hangs_on_does_not_blind_a_camera() -> None:
    own = Obstacle(((-5.0, -3.0), (5.0, -3.0), (5.0, 0.1), (-5.0, 0.1)), 12.0)
    ring = sector(0, 90, 40)
    assert _polygon(visible(ring, 4.0, [own])).area == pytest.approx(Polygon(ring).area)


def test_walled_in_it_sees_the_yard_only() -> None:
    yard = [
        Obstacle(((-9.0, 8.0), (9.0, 8.0), (9.0, 9.0), (-9.0, 9.0)), 9.0),
        Obstacle(((8.0, -9.0), (9.0, -9.0), (9.0, 9.0), (8.0, 9.0)), 9.0),
        Obstacle(((-9.0, -9.0), (-8.0, -9.0), (-8.0, 9.0), (-9.0, 9.0)), 9.0),
        Obstacle(((-9.0, -9.0), (9.0, -9.0), (9.0, -8.0), (-9.0, -8.0)), 9.0),
    ]
    assert _polygon(visible(sector(0, 360, 40), 4.0, yard)).area == pytest.approx(256, rel=0.01)


def test_far_obstacles_change_nothing() -> None:
    ring = sector(0, 90, 5)
    assert _polygon(visible(ring, 4.0, [WALL])).area == pytest.approx(Polygon(ring).area)


@given(
    st.lists(st.tuples(st.floats(-60, 60), st.floats(-60, 60), st.floats(1, 20), st.floats(1, 20)), max_size=6),
    st.floats(0, 360),
    st.floats(10, 360),
    st.floats(1, 8),
)
@settings(max_examples=40, deadline=None)
def test_what_is_seen_is_never_behind_or_outside(
    boxes: list[tuple[float, float, float, float]], bearing_deg: float, fov_deg: float, height_m: float
) -> None:
    obstacles = [Obstacle(((x, y), (x + w, y), (x + w, y + d), (x, y + d)), 10.0) for x, y, w, d in boxes]
    ring = sector(bearing_deg, fov_deg, 50)
    found = visible(ring, height_m, obstacles)
    if not found:
        return
    seen = _polygon(found).buffer(0)
    assert seen.area <= Polygon(ring).area + 1e-6
    for obstacle in obstacles:
        body = Polygon(obstacle.footprint)
        if body.distance(Point(0, 0)) >= 0.3:
            assert seen.intersection(body).area < 1e-3
