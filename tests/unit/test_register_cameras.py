"""The register of cameras, and the map folder."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from belvedere.foundation.clock import SimulatedClock
from belvedere.foundation.errors import BadInput, NotFound
from belvedere.foundation.settings import load_settings
from belvedere.hub.register.cameras import Camera, CameraRegister, Site
from belvedere.hub.register.map import MapFolder
from belvedere.hub.register.shelf import forget_camera, note_camera
from belvedere.hub.storage import open_engine, upgrade
from belvedere.hub.storage.acts import noting, waiting_acts
from hub_stage import gate


@pytest.fixture
def register(tmp_path: Path) -> Iterator[CameraRegister]:
    engine = open_engine(f"sqlite:///{tmp_path / 'hub.db'}")
    upgrade(engine)
    found = CameraRegister(engine, SimulatedClock())
    found.put_site("main", "Alder Grove")
    yield found
    engine.dispose()


def test_cameras_come_go_and_change(register: CameraRegister) -> None:
    first = register.put_camera(gate())
    assert first.created_us and register.camera("gate") == first
    register.put_camera(
        gate(id="court", name="A court", lat=None, lon=None, bearing_deg=None, fov_deg=None, range_m=None)
    )
    changed = register.put_camera(gate(name="Main gate"))
    assert changed.created_us == first.created_us
    assert [camera.name for camera in register.list_cameras()] == ["A court", "Main gate"]
    assert register.camera_ids() == {"gate", "court"}
    register.remove_camera("gate")
    with pytest.raises(NotFound):
        register.camera("gate")
    with pytest.raises(NotFound):
        register.remove_camera("gate")


def test_sites_are_renamed_not_doubled(register: CameraRegister) -> None:
    register.put_site("main", "Alder Grove Estate")
    assert register.sites() == [Site("main", "Alder Grove Estate")]
    with pytest.raises(BadInput):
        register.put_site("Main Site", "x")


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "Gate 1"},
        {"name": " "},
        {"lat": 91.0},
        {"lon": None},
        {"lat": float("nan")},
        {"fov_deg": 0.0},
        {"range_m": None},
        {"lat": None, "lon": None},
        {"height_m": -1.0},
        {"site": "elsewhere"},
    ],
)
def test_cameras_that_can_not_be_are_refused(register: CameraRegister, wrong: dict[str, object]) -> None:
    with pytest.raises(BadInput) as refused:
        register.put_camera(gate(**wrong))
    assert refused.value.advice


def test_the_command_line_notes_what_it_does(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    note_camera(settings, "gate", "Gate", (51.5, -0.1), bearing_deg=10.0, fov_deg=60.0, range_m=30.0)
    note_camera(settings, "shelf", "Imported", None)
    note_camera(settings, "gate", "Main gate", (51.5, -0.1))
    forget_camera(settings, "gate")
    forget_camera(settings, "gate")
    engine = open_engine(settings.hub_database_url)
    assert [act.kind for act in waiting_acts(engine)] == [
        "camera.added",
        "camera.added",
        "camera.changed",
        "camera.removed",
    ]
    engine.dispose()


def test_a_failed_act_leaves_no_note(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'hub.db'}")
    upgrade(engine)
    clock = SimulatedClock()
    register = CameraRegister(engine, clock, noting(clock))
    with pytest.raises(BadInput):
        register.put_camera(gate())
    assert waiting_acts(engine) == []
    engine.dispose()


def collection(*rings: list[list[float]]) -> str:
    features = [
        {"type": "Feature", "properties": {"height_m": 12}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        for ring in rings
    ]
    return json.dumps({"type": "FeatureCollection", "features": features})


def test_an_empty_map_folder_is_an_empty_map(tmp_path: Path) -> None:
    folder = MapFolder(tmp_path / "map")
    info = folder.info()
    assert info.centre is None and not info.tiles and info.places["features"] == []
    view = folder.view(gate())
    assert view is not None and view["type"] == "Polygon"
    ring = view["coordinates"][0]
    assert ring[0] == ring[-1] == [-0.1, 51.5]


def test_buildings_cut_the_view_and_a_new_file_counts(tmp_path: Path) -> None:
    folder = MapFolder(tmp_path)
    whole = folder.view(gate(bearing_deg=0.0))
    block = [[-0.1005, 51.5001], [-0.0995, 51.5001], [-0.0995, 51.5002], [-0.1005, 51.5002], [-0.1005, 51.5001]]
    (tmp_path / "buildings.geojson").write_text(collection(block))
    cut = folder.view(gate(bearing_deg=0.0))
    assert whole is not None and cut is not None
    assert max(lat for _, lat in cut["coordinates"][0]) < 51.50011 < max(lat for _, lat in whole["coordinates"][0])


def test_multipolygons_and_points_are_understood(tmp_path: Path) -> None:
    block = [[-0.1005, 51.5001], [-0.0995, 51.5001], [-0.0995, 51.5002], [-0.1005, 51.5002], [-0.1005, 51.5001]]
    features = [
        {"type": "Feature", "properties": {}, "geometry": {"type": "MultiPolygon", "coordinates": [[block]]}},
        {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [0, 0]}},
        {"type": "Feature", "properties": {}, "geometry": None},
    ]
    (tmp_path / "buildings.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    view = MapFolder(tmp_path).view(gate(bearing_deg=0.0))
    assert view is not None and max(lat for _, lat in view["coordinates"][0]) < 51.50011


@pytest.mark.parametrize("text", ["", "[]", "{not json", '{"centre": ["a", 1], "zoom": "near"}'])
def test_broken_map_files_do_not_break_the_map(tmp_path: Path, text: str) -> None:
    for name in ("map.json", "places.geojson", "buildings.geojson"):
        (tmp_path / name).write_text(text)
    info = MapFolder(tmp_path).info()
    assert info.centre is None and info.zoom == 15
    assert MapFolder(tmp_path).view(gate()) is not None


def test_a_camera_without_a_view_has_none(tmp_path: Path) -> None:
    folder = MapFolder(tmp_path)
    assert folder.view(Camera("a", "main", "A")) is None
    assert folder.view(Camera("a", "main", "A", lat=51.0, lon=0.0)) is None
