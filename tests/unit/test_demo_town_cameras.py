"""The twelve cameras: where they stand, what they see, and the projection that everything shares."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, Polygon

from belvedere.demo.cameras import (
    CAMERAS,
    axes,
    camera_by_id,
    clear_sight,
    focal_px,
    ground_at,
    in_frame,
    project,
    view_outline,
    visible,
)
from belvedere.demo.scene import CameraPlan
from belvedere.demo.town import build_town
from belvedere.foundation.ids import is_slug

TOWN = build_town()
SHAPES = [Polygon(building.footprint) for building in TOWN.buildings]
HEIGHTS = [building.height_m for building in TOWN.buildings]
each_camera = pytest.mark.parametrize("camera", CAMERAS, ids=lambda camera: camera.id)


def test_there_are_twelve_with_plain_ids() -> None:
    assert len(CAMERAS) == 12
    assert len({camera.id for camera in CAMERAS}) == 12
    assert all(is_slug(camera.id) for camera in CAMERAS)
    with pytest.raises(KeyError):
        camera_by_id("nowhere")


def test_they_differ_as_real_ones_do() -> None:
    errors = [camera.clock_error_s for camera in CAMERAS]
    assert max(abs(error) for error in errors) <= 90
    assert sum(1 for error in errors if abs(error) < 2) >= 2
    assert max(abs(error) for error in errors) > 60
    assert len({camera.gop_seconds for camera in CAMERAS}) >= 3
    assert len({(camera.width, camera.height) for camera in CAMERAS}) >= 3
    assert sum(camera.infrared for camera in CAMERAS) == 2


@each_camera
def test_streams_are_whole(camera: CameraPlan) -> None:
    assert camera.width / camera.height == pytest.approx(camera.sub_width / camera.sub_height)
    assert (camera.width, camera.height) <= (1280, 720)
    for fps in (camera.fps, camera.sub_fps):
        assert float(fps * camera.gop_seconds).is_integer()
        assert (60 / camera.gop_seconds).is_integer()  # the minute's film is whole groups of pictures
    assert 3 <= camera.height_m <= 8


@each_camera
def test_none_stands_in_a_building_or_stares_at_a_wall(camera: CameraPlan) -> None:
    here = Point(camera.x, camera.y)
    assert all(shape.distance(here) > 0.2 for shape in SHAPES)
    bearing = math.radians(camera.bearing_deg)
    for off in (-0.25, 0.0, 0.25):
        turned = bearing + off * math.radians(camera.fov_deg)
        ray = LineString([here, (camera.x + 14 * math.sin(turned), camera.y + 14 * math.cos(turned))])
        tall = [s for s, h in zip(SHAPES, HEIGHTS, strict=True) if h > camera.height_m]
        assert not any(shape.intersects(ray) for shape in tall), f"a wall within 14 m at {off}"


@each_camera
def test_people_are_tall_enough_in_a_useful_part_of_the_picture(camera: CameraPlan) -> None:
    px, py = np.meshgrid(np.linspace(0.05, 0.95, 25) * camera.width, np.linspace(0.3, 0.98, 25) * camera.height)
    x, y = ground_at(camera, px.ravel(), py.ravel())
    seen = np.isfinite(x)
    seen[seen] = visible(camera, x[seen], y[seen], np.full(seen.sum(), 0.1), TOWN)
    top = project(camera, x[seen], y[seen], np.full(seen.sum(), 1.7))[1]
    foot = project(camera, x[seen], y[seen], np.zeros(seen.sum()))[1]
    assert seen.mean() > 0.5  # ground, not walls
    assert (foot - top >= 60).mean() > 0.55


def test_some_views_overlap() -> None:
    views = {camera.id: Polygon(view_outline(camera, TOWN)).buffer(0) for camera in CAMERAS}
    shared = [(a, b) for a, b in combinations(views, 2) if views[a].intersection(views[b]).area > 80]
    assert ("rowan-court", "maple-court") in shared
    assert ("car-park-west", "car-park-east") in shared
    assert len(shared) >= 4


@each_camera
def test_view_outlines_keep_out_of_tall_buildings(camera: CameraPlan) -> None:
    outline = view_outline(camera, TOWN)
    assert outline[0] == (camera.x, camera.y)
    view = Polygon(outline)
    assert view.area > 100
    for shape, height in zip(SHAPES, HEIGHTS, strict=True):
        if height > camera.height_m:
            assert view.intersection(shape.buffer(-0.3)).area < 3.0


@given(st.sampled_from(CAMERAS), st.floats(0, 1), st.floats(0.35, 1))
def test_projection_and_its_inverse_agree(camera: CameraPlan, across: float, down: float) -> None:
    x, y = ground_at(camera, across * camera.width, down * camera.height)
    if np.isfinite(x):
        px, py, depth = project(camera, x, y, 0.0)
        assert depth > 0
        assert float(px) == pytest.approx(across * camera.width, abs=0.01)
        assert float(py) == pytest.approx(down * camera.height, abs=0.01)


@each_camera
def test_the_middle_of_the_picture_is_where_the_camera_points(camera: CameraPlan) -> None:
    right, up, forward = axes(camera)
    assert np.allclose(np.cross(right, forward), up)
    assert forward[2] == pytest.approx(-math.sin(math.radians(camera.tilt_deg)))
    far = np.array([camera.x, camera.y, camera.height_m]) + 20 * forward
    px, py, depth = project(camera, *far)
    assert (float(px), float(py)) == pytest.approx((camera.width / 2, camera.height / 2))
    assert float(depth) == pytest.approx(20)
    edge = project(camera, *(far + right * 20 * math.tan(math.radians(camera.fov_deg / 2))))
    assert float(edge[0]) == pytest.approx(camera.width)
    assert focal_px(camera) == pytest.approx(camera.width / 2 / math.tan(math.radians(camera.fov_deg / 2)))


def test_points_behind_and_above_the_horizon() -> None:
    camera = camera_by_id("rowan-court")
    assert not in_frame(camera, camera.x + 10, camera.y + 5, 1.0)
    assert project(camera, camera.x + 10, camera.y + 5, 1.0)[2] < 0
    assert np.isnan(ground_at(camera, 10, 0)[0])


def test_sight_lines_agree_with_geometry() -> None:
    rng = np.random.default_rng(3)
    camera = camera_by_id("rowan-court")
    x, y, z = rng.uniform(-165, 0, 120), rng.uniform(0, 130, 120), rng.uniform(0, 20, 120)
    inside = np.array([any(s.contains(Point(a, b)) for s in SHAPES) for a, b in zip(x, y, strict=True)])
    told = clear_sight(camera, x, y, z, TOWN)
    for a, b, c, clear in zip(x[~inside], y[~inside], z[~inside], told[~inside], strict=True):
        line = LineString([(camera.x, camera.y), (a, b)])
        blocked = False
        for shape, height in zip(SHAPES, HEIGHTS, strict=True):
            part = line.intersection(shape)
            if not part.is_empty:
                away = [math.dist(p, (camera.x, camera.y)) / line.length for p in part.segmentize(0.5).coords]
                blocked |= min(camera.height_m + f * (c - camera.height_m) for f in away) < height
        assert clear == (not blocked), (a, b, c)
