"""Boxes: stolen, disposed of, replaced from a document."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from belvedere.cli.main import app
from belvedere.foundation.clock import DAY_US, SystemClock
from belvedere.foundation.errors import BadInput, Conflict, KeyAway, NotFound, Refused
from belvedere.foundation.settings import load_settings
from belvedere.hub.custody.local import KeyOffice
from belvedere.hub.custody.loss import LossDesk
from belvedere.media.keybox import new_private_key, public_key_of
from belvedere.site.custody.disposal import KEY_FILES, dispose
from belvedere.site.storage.camera_key import open_connection_safe
from belvedere.site.storage.cameras import Cameras
from belvedere.site.storage.index import Index
from custody_stage import CustodyStage, custody_stage

URL = "rtsp://ada:p%40ss%2Fword@10.0.0.5:8554/main"


def desk_of(stage: CustodyStage) -> LossDesk:
    office = KeyOffice(stage.site.settings, stage.hub.engine, stage.site.rig.clock)
    return LossDesk(office.engine, office.clock, office.noting)


async def two_days(stage: CustodyStage) -> int:
    """A forgotten day, and today's."""
    stage.hub.custody.vault.put_break_glass(public_key_of(new_private_key()), "officers", {})
    await stage.exchange()
    start_us, _ = stage.site.film()
    await stage.exchange()
    stage.site.next_day()
    stage.site.film()
    await stage.exchange()
    return start_us


async def test_what_a_stolen_box_exposes_and_how_it_is_shut_out(tmp_path: Path) -> None:
    async with custody_stage(tmp_path) as stage:
        start_us = await two_days(stage)
        clock = stage.site.rig.clock
        today = clock.now_us() // DAY_US
        clock.advance(DAY_US)
        wire = await stage.grant()
        desk = desk_of(stage)
        with pytest.raises(NotFound):
            desk.exposure("elsewhere")
        exposure = desk.exposure("main")
        assert exposure.open_days == (("cam-01", today),) and exposure.shut_days == 1
        assert exposure.untold_days == (today, today + 1)
        text = "\n".join(exposure.lines())
        assert "1 camera-days" in text and "Every camera password" in text
        desk.lost(exposure, erase=False)
        with pytest.raises(Conflict):
            desk.lost(exposure, erase=False)
        with pytest.raises(Refused, match="reported lost"):
            await stage.exchange()
        with pytest.raises(Refused, match="reported lost"):
            await stage.review(wire, start_us)


async def test_erasing_a_lost_box_leaves_the_hub_nothing_to_release(tmp_path: Path) -> None:
    async with custody_stage(tmp_path) as stage:
        await two_days(stage)
        desk = desk_of(stage)
        desk.lost(desk.exposure("main"), erase=True)
        stored = b"".join(path.read_bytes() for path in stage.site.settings.hub_folder.glob("hub.db*"))
        for (box,) in stage.site.rig.rows("SELECT box FROM day_key_copy"):
            assert isinstance(box, bytes) and box not in stored


async def test_a_disposed_box_holds_no_key_in_any_byte_and_says_so(tmp_path: Path) -> None:
    async with custody_stage(tmp_path / "data") as stage:
        start_us = await two_days(stage)
        rig = stage.site.rig
        keys = [rig.keyring.get(rig.ref().camera_id, rig.clock.now_us() // DAY_US)]
        wrapped = [row[0] for row in rig.rows("SELECT wrapped FROM day_key WHERE wrapped <> x''")]
        boxes = [row[0] for row in rig.rows("SELECT box FROM day_key_copy")]
        connections = [row[0] for row in rig.rows("SELECT connection FROM camera")]
        files = [stage.site.settings.site_folder / "keys" / name for name in KEY_FILES]
        files[0].write_bytes(b"k" * 32)
        desk = desk_of(stage)
        rig.index.close()
        certificate = tmp_path / "certificate.json"
        done = await asyncio.to_thread(dispose, stage.site.settings.site_folder, "main", certificate, rig.clock)
        assert (done.day_keys, done.copies, done.cameras) == (1, 4, 1) and done.segments
        stored = b"".join(p.read_bytes() for p in stage.site.settings.site_folder.rglob("*") if p.is_file())
        for secret in [*keys, *wrapped, *boxes, *connections]:
            assert isinstance(secret, bytes) and secret and secret not in stored
        assert not any(path.exists() for path in files)
        with pytest.raises(Conflict):
            dispose(stage.site.settings.site_folder, "main", certificate, rig.clock)

        text = certificate.read_bytes()
        with pytest.raises(BadInput, match="did not sign"):
            desk.disposed(text.replace(b'day_keys\\":1', b'day_keys\\":0'))
        for nonsense in (b"x", b"{}", b'{"words": "{}", "signature": "!"}'):
            with pytest.raises(BadInput, match="no certificate"):
                desk.disposed(nonsense)
        assert desk.disposed(text)["segments"] == done.segments
        stored = b"".join(path.read_bytes() for path in stage.site.settings.hub_folder.glob("hub.db*"))
        assert not any(box in stored for box in boxes if isinstance(box, bytes))
        with pytest.raises(NotFound, match="destroyed"):
            stage.hub.custody.ledger.key_of(done.box, "cam-01", start_us // DAY_US, ())
        with pytest.raises(NotFound):
            desk.exposure("main")
        stranger = json.loads(text)
        stranger["words"] = stranger["words"].replace(done.box, "another")
        with pytest.raises(NotFound):
            desk.disposed(json.dumps(stranger).encode())


async def test_a_new_box_is_set_up_from_the_document(tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.write_text("a passphrase for the road\n")
    async with custody_stage(tmp_path / "data") as stage:
        stage.site.rig.cameras.put("yard", "The yard", URL, "", True)
        with stage.site.rig.index.write() as db:
            db.execute("INSERT INTO retention_class VALUES ('short', 7, '')")
            db.execute("INSERT INTO camera_class VALUES ('yard', 'short')")
        await stage.exchange()
        stored = b"".join(path.read_bytes() for path in stage.site.settings.hub_folder.glob("hub.db*"))
        assert b"p@ss" not in stored and b"p%40ss" not in stored
    run = CliRunner().invoke
    document = tmp_path / "site.document"
    common = ["--passphrase-file", str(words), "--data"]
    said = run(app, ["site", "document", str(document), *common, str(tmp_path / "data")])
    assert said.exit_code == 0, said.output
    kept = document.read_bytes()
    assert b"p@ss" not in kept and b"10.0.0.5" not in kept and b"rtsp:" not in kept
    said = run(app, ["site", "document", str(document), *common, str(tmp_path / "data")])
    assert isinstance(said.exception, Conflict)
    said = run(app, ["site", "install", str(document), *common, str(tmp_path / "new")])
    assert said.exit_code == 0 and "2 cameras" in said.output, said.output
    said = run(app, ["site", "install", str(document), *common, str(tmp_path / "new")])
    assert isinstance(said.exception, Conflict)

    settings = load_settings(tmp_path / "new")
    index = Index(settings.site_folder / "index.db", SystemClock())
    safe = open_connection_safe(index, settings.site_folder / "keys" / "camera.key", make=False)
    yard = next(camera for camera in Cameras(index, safe, SystemClock()).all() if camera.slug == "yard")
    (address,) = yard.addresses.values()
    assert (address.url, address.username, address.password) == ("rtsp://10.0.0.5:8554/main", "ada", "p@ss/word")
    assert index.read().execute("SELECT class FROM camera_class").fetchone() == ("short",)
    index.close()


async def test_the_commands_for_boxes(tmp_path: Path) -> None:
    async with custody_stage(tmp_path / "data") as stage:
        await two_days(stage)
    run = CliRunner().invoke
    data = ["--data", str(tmp_path / "data")]
    said = run(app, ["site", "lost", "main", *data], input="n\n")
    assert said.exit_code == 1 and "camera-days" in said.output
    certificate = tmp_path / "certificate.json"
    said = run(app, ["site", "dispose", "--certificate", str(certificate), "--yes", *data])
    assert said.exit_code == 0 and "noise" in said.output, said.output
    said = run(app, ["site", "disposed", str(certificate), *data])
    assert said.exit_code == 0 and "is disposed of" in said.output
    said = run(app, ["site", "lost", "main", "--yes", *data])
    assert isinstance(said.exception, NotFound)


async def test_a_grant_of_another_camera_releases_nothing(tmp_path: Path) -> None:
    async with custody_stage(tmp_path) as stage:
        start_us = await two_days(stage)
        wire = await stage.grant()
        with pytest.raises((Refused, NotFound)):
            await stage.hub.custody.release(stage.link, wire, "playback", "other", "main", 1)
        stage.site.rig.clock.advance(DAY_US)
        with pytest.raises(Refused, match="ended"):
            await stage.review(wire, start_us)
        with pytest.raises(KeyAway):
            stage.site.rig.keyring.get(stage.site.rig.ref().camera_id, start_us // DAY_US, "grant_1")
