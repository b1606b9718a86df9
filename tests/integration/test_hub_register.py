"""Cameras, health, the map and figures over HTTP."""

import json
from pathlib import Path

from belvedere.link.messages import CameraStatus
from belvedere.link.wire import failure_of
from belvedere.site.opening import FULL
from hub_stage import gate, hub_stage, status_of, stream


async def test_cameras_without_a_site_are_unknown(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        told = (await browser.get("/api/cameras")).json()
        assert told["site"] == {"id": "main", "name": "This site", "state": "away"}
        (camera,) = told["cameras"]
        assert camera["state"] == "unknown" and camera["message"] == "The site is away." and camera["main"] is None
        assert camera["view"]["type"] == "Polygon" and camera["bytes_kept"] == 0
        health = (await browser.get("/api/health")).json()
        assert health["sites"][0]["state"] == "away" and health["cameras"] == []


async def test_a_site_whose_disk_is_full_is_said_to_record_nothing(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        stage.site.status, stage.site.answer = status_of(), lambda request: failure_of(FULL)
        told = (await browser.get("/api/cameras")).json()
        assert told["site"]["state"] == "full" and told["cameras"][0]["message"] == FULL.message
        assert (await browser.get("/api/health")).json()["sites"][0]["state"] == "full"


async def test_cameras_show_how_their_streams_do(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        stage.hub.register.put_camera(gate(id="shelf", name="Imported"))
        stage.hub.register.put_camera(gate(id="new", name="New"))
        stage.site.status = status_of(
            CameraStatus("gate", "Gate", True, (stream("main"), stream("sub", "denied", "Wrong password.")), 7, 1000),
            CameraStatus("shelf", "Imported", False, (), None, 10),
        )
        told = (await browser.get("/api/cameras")).json()
        assert told["site"]["state"] == "ok"
        by_id = {camera["id"]: camera for camera in told["cameras"]}
        assert by_id["gate"]["state"] == "denied" and by_id["gate"]["message"] == "Wrong password."
        assert by_id["gate"]["main"]["clock_error_us"] == 250_000 and by_id["gate"]["first_us"] == 7
        assert by_id["shelf"]["state"] == "off" and by_id["new"]["message"] == "The site does not know this camera."
        assert (await browser.get("/api/cameras/gate")).json() == by_id["gate"]
        assert (await browser.get("/api/cameras/nothing")).status_code == 404
        health = (await browser.get("/api/health")).json()
        assert health["sites"][0]["disks"][0] == {
            "name": "footage",
            "bytes_total": 100,
            "bytes_free": 40,
            "state": "ok",
            "message": "",
        }
        assert [each["stream"] for each in health["cameras"][0]["streams"]] == ["main", "sub"]


async def test_the_site_is_asked_once_a_second_at_most(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        stage.site.status = status_of()
        for _ in range(5):
            await browser.get("/api/cameras")
        assert stage.site.asked == 1
        stage.clock.advance(1_000_000)
        await browser.get("/api/health")
        assert stage.site.asked == 2
        stage.site.status = None
        stage.clock.advance(1_000_000)
        assert (await browser.get("/api/health")).json()["sites"][0]["state"] == "away"


async def test_the_map_is_served_in_ranges(tmp_path: Path) -> None:
    folder = tmp_path / "hub" / "map"
    folder.mkdir(parents=True)
    (folder / "map.json").write_text(json.dumps({"centre": [-0.1, 51.5], "zoom": 16, "attribution": "Made up"}))
    (folder / "town.pmtiles").write_bytes(bytes(range(256)) * 100)
    (folder / "places.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    (folder / "secret.txt").write_text("not for the map")
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        told = (await browser.get("/api/map")).json()
        assert told == {
            "centre": [-0.1, 51.5],
            "zoom": 16,
            "tiles": "/map/town.pmtiles",
            "attribution": "Made up",
            "places": {"type": "FeatureCollection", "features": []},
        }
        headers = {"Range": "bytes=10-19", "Accept-Encoding": "gzip"}
        part = await browser.get("/map/town.pmtiles", headers=headers)
        assert part.status_code == 206 and part.content == bytes(range(10, 20))
        assert part.headers["content-range"] == "bytes 10-19/25600" and "content-encoding" not in part.headers
        assert (await browser.get("/map/town.pmtiles", headers={"Range": "bytes=99999-"})).status_code == 416
        assert (await browser.get("/map/places.geojson")).headers["content-type"] == "application/geo+json"
        for name in ("secret.txt", "map.json", "..%2Fhub.db", "buildings.geojson"):
            assert (await browser.get(f"/map/{name}")).status_code == 404


async def test_without_a_map_the_cameras_say_where_to_look(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        told = (await browser.get("/api/map")).json()
        assert told["tiles"] is None and told["centre"] == [-0.1, 51.5] and told["places"]["features"] == []


async def test_figures_are_for_this_machine_only(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        stage.site.status = status_of(CameraStatus("gate", "Gate", True, (stream("main"), stream("sub")), 7, 1000))
        await browser.post("/api/grants", json={"purpose": "duty"})
        text = (await browser.get("/metrics")).text
        for line in (
            "belvedere_site_up 1.0",
            "belvedere_sessions 1.0",
            "belvedere_log_entries 2.0",
            "belvedere_grants_issued_total 1.0",
            'belvedere_streams{state="recording"} 2.0',
            'belvedere_disk_free_bytes{disk="footage"} 40.0',
        ):
            assert line in text
        assert "ann" not in text.lower().replace("channel", "")
        assert (await browser.get("/metrics", headers={"X-Forwarded-For": "10.0.0.1"})).status_code == 403
