"""Cameras brought in by the command line: guessed, from a list, with new passwords; a real recorder, ingest and cameras."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from belvedere.cli.local import local_site
from belvedere.cli.main import app
from belvedere.demo.rtsp.reel import Reel, make_reel
from belvedere.demo.rtsp.server import RtspServer
from belvedere.foundation.clock import SECOND_US, SystemClock
from belvedere.foundation.errors import BadInput
from belvedere.foundation.settings import Settings, load_settings
from belvedere.hub.audit.words import summary
from belvedere.hub.register.cameras import open_register
from belvedere.hub.storage.acts import waiting_acts
from belvedere.hub.storage.engine import open_engine
from belvedere.link.blocking import BlockingSiteLink
from belvedere.link.cameras import CameraMakes, GetCameraMakes
from belvedere.media.stream import Codec
from ingest_stage import film

PATHS = ("Streaming/Channels/101", "Streaming/Channels/102")


def reel() -> Reel:
    shown = film(frames=20, gop=10)
    raw = [(b"".join(b"\0\0\0\1" + nal for nal in p.nals), p.pts_90k, p.keyframe) for p in shown.pictures]
    return make_reel(Codec.H264, raw, shown.width, shown.height, 25)


class Cameras:
    """A device with two streams behind one password, served in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self.server = RtspServer(SystemClock(), username="viewer", password="old")
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> "Cameras":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.server.start(), self._loop).result(10)
        shown = reel()
        for path in PATHS:
            self._loop.call_soon_threadsafe(self.server.add, path, shown)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.server.close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def run(settings: Settings, *arguments: str, status: int = 0, typed: str = "", data: bool = True) -> str:
    whole = [*arguments, *(("--data", str(settings.data)) if data else ())]
    done = CliRunner().invoke(app, whole, input=typed)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == status, done.output
    return done.output


@contextmanager
def ingest(settings: Settings) -> Iterator[None]:
    """An ingest process beside the running site."""
    command = [
        sys.executable,
        "-m",
        "belvedere.site.ingest.serve",
        "--socket",
        str(settings.ingest_socket),
        "--slot",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ}) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(15)


def wait_for_footage(link: BlockingSiteLink, camera: str, after_us: int) -> None:
    pause, status = threading.Event(), None
    for _ in range(300):
        status = next(each for each in link.status().cameras if each.camera == camera)
        if status.streams and all(s.state == "recording" and s.last_frame_us > after_us for s in status.streams):
            return
        pause.wait(0.1)
    raise AssertionError(f"{camera} does not record: {status}")


def test_from_a_guess_to_a_new_password_without_losing_more_than_the_reconnect(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, site={"segment_seconds": 4, "sync_ms": 50, "min_free_bytes": 0})
    with Cameras() as device, local_site(settings) as link, ingest(settings):
        at = ("127.0.0.1", "--port", str(device.server.port), "--pace", "0", "--password-stdin")
        told = run(settings, "camera", "guess", *at, "--user", "viewer", typed="wrong\n", status=1, data=False)
        assert told.count("denied") == 1 and "nothing more was tried" in told
        told = run(
            settings, "camera", "guess", *at, "--user", "viewer", "--make", "Hikvision", typed="old\n", data=False
        )
        assert told.count("answered") == 2 and "camera add 'rtsp://USER:PASSWORD@127.0.0.1" in told
        assert "old" not in told.replace("threshold", "")

        base = f"rtsp://127.0.0.1:{device.server.port}/"
        sheet = tmp_path / "cameras.csv"
        sheet.write_text(
            "name,lat,lon,main,sub,username,password,make,model,firmware\n"
            f"Gate,51.5,-0.1,{base}{PATHS[0]},{base}{PATHS[1]},viewer,old,Hikvision,DS-2CD2143,V5.5.52\n"
        )
        run(settings, "camera", "import", str(sheet), "--test")
        began_us = SystemClock().now_us()
        wait_for_footage(link, "gate", began_us)

        told = run(settings, "camera", "password", "gate", "--password-stdin", typed="new\n", status=1)
        assert "gate: not changed." in told and "keep their old password" in told, "the camera does not have it yet"
        device.server.password = "new"
        changed_us = SystemClock().now_us()
        told = run(settings, "camera", "password", "gate", "--password-stdin", typed="new\n")
        assert "records with the new password; the old one is forgotten" in told
        wait_for_footage(link, "gate", changed_us + 4 * SECOND_US)
        runs = link.timeline(["gate"], "main", began_us, SystemClock().now_us()).cameras[0].runs
        assert [bool(each.end_reason) for each in runs] == [True, False]
        assert runs[0].end_us > changed_us, "it recorded while the new password was tried"

        told = run(settings, "camera", "key")
        assert "1 connections are sealed with a new key" in told
        engine = open_engine(settings.hub_database_url)
        kinds = [act.kind for act in waiting_acts(engine)]
        engine.dispose()
        assert kinds == ["camera.added", "camera.password_changed", "site.camera_key_rotated"]
        assert "password" not in run(settings, "camera", "list", "--csv")
    with local_site(settings) as link:
        assert link.status().cameras[0].camera == "gate", "it starts with the new key"


def test_a_list_all_or_nothing_and_back(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    sheet = tmp_path / "cameras.csv"
    run(settings, "camera", "import", "--template", str(sheet))
    with pytest.raises(BadInput, match="exists already"):
        run(settings, "camera", "import", "--template", str(sheet))
    with local_site(settings) as link:
        good = "Gate;51,5074;-0,1278;rtsp://u:secret@10.9.0.1/main;Axis;P3225-LV\n"
        sheet.write_text("name;lat;lon;main;make;model\n" + good + "Yard;99;x;ftp://;Axis;\n", encoding="utf-8-sig")
        told = run(settings, "camera", "import", str(sheet), status=1)
        assert "Nothing was added: 1 rows are bad" in told and told.count("\n3 ") == 3
        assert link.status().cameras == ()
        assert "Nothing was changed" in run(
            settings, "camera", "import", str(sheet), "--good-rows", "--dry-run", status=1
        )
        told = run(settings, "camera", "import", str(sheet), "--good-rows", status=1)
        assert "1 cameras are in" in told and "secret" not in told
        assert [camera.camera for camera in link.status().cameras] == ["gate"]

        listed = run(settings, "camera", "list", "--csv")
        assert "secret" not in listed and "rtsp://10.9.0.1/main" in listed
        sheet.write_text(listed.replace("51.5074", "51.6").replace("Gate", "=Gate"), encoding="utf-8")
        assert "is there already" in run(settings, "camera", "import", str(sheet), status=1)
        run(settings, "camera", "import", str(sheet), "--replace")
        with open_register(settings) as register:
            (camera,) = register.list_cameras()
        assert (camera.name, camera.lat, camera.lon) == ("=Gate", 51.6, -0.1278)
        listed = run(settings, "camera", "list", "--csv")
        assert "'=Gate" in listed
        sheet.write_text("id,firmware\ngate,10.12.1\n")
        run(settings, "camera", "import", str(sheet), "--replace")
        with open_register(settings) as register:
            assert register.list_cameras()[0].name == "=Gate", "columns that are not there change nothing"
        (make,) = link.ask(GetCameraMakes(), CameraMakes).cameras
        assert (make.make, make.model, make.firmware, make.told_by) == ("Axis", "P3225-LV", "10.12.1", "sheet")

        facts = {
            "format": "belvedere-advisories-1",
            "publisher": "Test",
            "issued": "2026-11-01",
            "advisories": [
                {
                    "id": "A-1",
                    "title": "Bad",
                    "severity": "high",
                    "make": "Axis",
                    "models": ["P32*"],
                    "fixed_in": "11.0",
                    "source": "s",
                }
            ],
            "support": [{"make": "Axis", "models": ["P3225*"], "ends": "2020-12-31", "source": "s"}],
        }
        file = tmp_path / "advisories.json"
        file.write_text(json.dumps(facts))
        with pytest.raises(BadInput, match="has the SHA-256"):
            run(settings, "camera", "advisories", str(file), "--sha256", "00" * 32)
        assert "No advisory file" in run(settings, "camera", "advisories")
        told = run(settings, "camera", "advisories", str(file), status=1)
        assert "A-1: Bad" in told and "support ended 2020-12-31" in told and "not signed" in told
        run(settings, "camera", "set", "gate", "--firmware", "11.2", "--model", "M1065")
        assert "Nothing in it concerns these cameras" in run(settings, "camera", "advisories")


def test_a_dry_guess_connects_to_nothing(tmp_path: Path) -> None:
    told = run(load_settings(tmp_path), "camera", "guess", "192.0.2.1", "--make", "Dahua", "--dry-run", data=False)
    assert "subtype=0" in told
    with pytest.raises(BadInput, match="'Acme' is not known"):
        run(load_settings(tmp_path), "camera", "guess", "192.0.2.1", "--make", "Acme", data=False)


def test_switching_sound_is_in_the_hubs_log_with_its_reason(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, site={"min_free_bytes": 0})
    because = "Abuse of residents at the gate, case 2026-114"
    with local_site(settings) as link:
        link.put_camera("gate", "Gate", "rtsp://127.0.0.1:9/one", "", enabled=False)
        with pytest.raises(BadInput, match="justification"):
            run(settings, "camera", "audio", "gate", "--on", "--because", "Short")
        run(settings, "camera", "audio", "gate", "--on", "--because", f" {because} ", "--by", "Ada")
        run(settings, "camera", "audio", "gate")
        run(settings, "camera", "audio", "gate", "--off", "--by", "Ada")
    engine = open_engine(settings.hub_database_url)
    acts = waiting_acts(engine)
    engine.dispose()
    on, off = acts
    assert (on.kind, off.kind) == ("camera.sound_on", "camera.sound_off")
    assert on.facts == {"camera": "gate", "reason": because, "decided_by": "Ada"}
    assert summary(on.kind, on.facts) == f"Sound of camera gate switched on by Ada: {because}"
