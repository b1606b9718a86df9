"""A site's document: another box built from it is the same site byte by byte; what differs is told without a secret."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from belvedere.cli import site_configuration
from belvedere.cli.main import app
from belvedere.foundation.clock import SimulatedClock, SystemClock
from belvedere.foundation.errors import BadInput
from belvedere.foundation.settings import SiteSettings, load_settings
from belvedere.link.configuration import Configuration, LineLimits, sign_configuration
from belvedere.link.retention import ClassOrder, Orders
from belvedere.site.custody.difference import difference, open_words
from belvedere.site.custody.document import (
    install_document,
    make_document,
    read_document,
    site_document,
    write_document,
)
from belvedere.site.masked.store import MaskStore
from belvedere.site.onvif.store import DeviceStore
from belvedere.site.retention.orders import OrderBook
from belvedere.site.storage.camera_key import open_connection_safe
from belvedere.site.storage.cameras import Cameras
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import ConnectionSafe
from belvedere.site.storage.sound import SoundBook
from belvedere.site.uplink.configuration import ConfigurationBook

HUB = Ed25519PrivateKey.from_private_bytes(b"h" * 32)
ORDERS = Orders(1, "rowan", 7, 5, (ClassOrder("entrance", 14, ""),), {"gate": "entrance"}, (), ())
SECRETS = ("correct horse", "0penS3same")
# As the first format was written. Later software has to take it.
FORMAT_1 = (
    b'{"cameras":[{"camera":"gate","enabled":true,"main_url":"rtsp://u:p@192.0.2.1/1","name":"Gate","sub_url":""}],'
    b'"classes":[{"days":14,"name":"entrance","reference":""}],"format":1,"members":{"gate":"entrance"},'
    b'"settings":{"id":"rowan","retention_days":31}}'
)


class Box:
    """A site's index with its own keys, in a folder of its own."""

    def __init__(self, folder: Path, key: bytes, footage: list[str]) -> None:
        folder.mkdir()
        (folder / "hub.pub").write_bytes(HUB.public_key().public_bytes_raw())
        self.clock = SimulatedClock()
        self.index = Index(folder / "index.db", self.clock)
        self.safe = ConnectionSafe(key)
        self.cameras = Cameras(self.index, self.safe, self.clock)
        self.settings: dict[str, Any] = SiteSettings.model_validate(
            {"id": "rowan", "footage": footage, "time_service": "192.0.2.9:123", "release_keys": [folder.name]}
        ).model_dump(mode="json")
        self.orders = OrderBook(self.index, self.clock, "rowan", folder / "hub.pub")
        self.sound = SoundBook(self.index, self.clock)
        self.devices = DeviceStore(self.index, self.safe, self.cameras, self.clock, 31)
        self.masks = MaskStore(self.index)
        self.line = ConfigurationBook(self.index, self.clock, SiteSettings(id="rowan"), folder / "hub.pub")  # type: ignore[call-arg]

    def document(self) -> bytes:
        return site_document(self.index, self.cameras, self.settings)


def lived(folder: Path) -> Box:
    """A site that people have set up over the years."""
    box = Box(folder, b"1" * 32, ["/srv/a", "/srv/b"])
    box.cameras.put("yard", "Yard", "rtsp://192.0.2.2/1", "", True)
    box.cameras.put(
        "gate", "Gate", f"rtsp://ann:{SECRETS[0].replace(' ', '%20')}@192.0.2.1/1", "rtsp://192.0.2.1/2", True
    )
    box.cameras.put("old", "Old", "rtsp://192.0.2.3/1", "", True)
    box.cameras.remove("old")
    box.sound.switch("gate", True, "Shouts for help at the gate are missed", "Ann")
    box.sound.switch("yard", True, "Shouts for help in the yard are missed", "Ann")
    box.clock.advance(1_000_000)
    box.sound.switch("yard", False, "", "Dora")
    box.devices.put("gate", "http://192.0.2.1/onvif/device_service", "admin", SECRETS[1])
    box.masks.put("gate", 3, (((0.1, 0.1), (0.2, 0.1), (0.2, 0.2)),))
    with box.index.write() as db:
        db.execute(
            "INSERT INTO camera_make SELECT id, 'Axis', 'P1', '1.2', 'person', 7 FROM camera WHERE slug = 'gate'"
        )
    box.orders.apply(ORDERS)
    document = Configuration(1, "rowan", 4, 5, LineLimits(2000))
    box.line.take(sign_configuration(document, HUB))
    return box


def test_a_second_box_built_from_the_document_of_the_first_is_the_same_byte_by_byte(tmp_path: Path) -> None:
    first = lived(tmp_path / "first")
    plain = first.document()
    second = Box(tmp_path / "second", b"2" * 32, ["/mnt/x", "/mnt/y"])
    install_document(second.index, second.cameras, read_document(plain))
    assert second.line.line() == LineLimits() and difference(
        make_document(second.index, second.cameras, second.settings), read_document(plain)
    ) == [("Retention orders", "0", "7")], "the hub's own orders are the hub's to bring: holds come with them"
    second.orders.apply(ORDERS)
    assert second.document() == plain
    assert {each.slug: each.addresses for each in second.cameras.all()} == {
        each.slug: each.addresses for each in first.cameras.all()
    }
    assert second.devices.targets() == first.devices.targets() and second.sound.on() == {"gate"}
    again = ConfigurationBook(second.index, second.clock, SiteSettings(id="rowan"), tmp_path / "second" / "hub.pub")  # type: ignore[call-arg]
    assert again.line() == LineLimits(2000), "signed by the hub that both belong to"
    install_document(second.index, second.cameras, read_document(plain), exact=True)
    assert second.document() == plain, "the same again changes nothing"
    assert len(second.sound.history("yard")) == 1


def test_what_differs_is_told_without_a_secret_and_made_good(tmp_path: Path) -> None:
    box = lived(tmp_path / "first")
    wanted = read_document(box.document())
    box.cameras.put("gate", "Gate", "rtsp://ann:other@192.0.2.1/1", "rtsp://192.0.2.1/2", False)
    box.cameras.put("new", "New", "rtsp://192.0.2.4/1", "", True)
    told = difference(make_document(box.index, box.cameras, box.settings), wanted)
    assert ("Camera gate, main credentials", "credentials", "other credentials") in told
    assert ("Camera gate, enabled", "false", "true") in told and ("Camera new, name", "New", "") in told
    words = repr(told) + repr(open_words(wanted))
    assert not any(secret in words for secret in (*SECRETS, "other@", "correct%20horse"))
    install_document(box.index, box.cameras, wanted, exact=True)
    assert box.document() == write_document(wanted)


def test_a_document_brings_no_trust_and_no_disk_of_another_box(tmp_path: Path) -> None:
    box = lived(tmp_path / "first")
    found = read_document(box.document())
    assert {"release_keys", "footage"}.isdisjoint(found.settings) and found.disks == ("footage", "footage")
    assert found.settings["time_service"] == "192.0.2.9:123"


def test_what_the_first_format_says_is_still_understood(tmp_path: Path) -> None:
    found = read_document(FORMAT_1)
    assert (found.sound, found.masks, found.line, found.retention_revision) == ((), (), None, 0)
    box = Box(tmp_path / "box", b"2" * 32, [])
    install_document(box.index, box.cameras, found)
    now = read_document(box.document())
    assert (now.cameras, now.classes, now.members) == (found.cameras, found.classes, found.members)
    with pytest.raises(BadInput, match="newer"):
        read_document(msgspec.json.encode({**msgspec.json.decode(FORMAT_1), "format": 3}))


def test_a_box_is_shown_compared_and_made_so_at_its_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Sealing is tried with `site document` and `site install`; a passphrase costs a second each time.
    monkeypatch.setattr(site_configuration, "_read", lambda source, _words: read_document(source.read_bytes()))
    data, run = tmp_path / "data", CliRunner()
    (data / "site" / "keys").mkdir(parents=True)
    (data / "belvedere.toml").write_text('[site]\nid = "rowan"\n', "utf-8")
    clock = SystemClock()
    index = Index(data / "site" / "index.db", clock)
    cameras = Cameras(index, open_connection_safe(index, data / "site" / "keys" / "camera.key", make=True), clock)
    cameras.put("gate", "Gate", "rtsp://ann:hidden@192.0.2.1/1", "", True)
    wanted = make_document(index, cameras, load_settings(data).site.model_dump(mode="json"))
    cameras.put("gate", "Gate", "rtsp://ann:hidden@192.0.2.1/1", "", False)
    cameras.put("new", "New", "rtsp://192.0.2.2/1", "", True)
    index.close()
    mine, other = tmp_path / "rowan.document", tmp_path / "elm.document"
    mine.write_bytes(write_document(wanted))
    other.write_bytes(write_document(msgspec.structs.replace(wanted, settings={"id": "elm"})))

    def say(*arguments: str) -> str:
        done = run.invoke(app, ["site", "configuration", *arguments, "--data", str(data)])
        assert done.exit_code == 0, done.output
        return done.output

    assert '"main_credentials": true' in say("show") and "hidden" not in say("show")
    told = say("diff", str(mine))
    assert "Camera gate, enabled: false -> true" in told and "Camera new, name: New -> nothing" in told
    assert "Done." in say("apply", str(mine), "--yes")
    assert "Nothing is different." in say("diff", str(mine)) and '"new"' not in say("show")
    refused = run.invoke(app, ["site", "configuration", "diff", str(other), "--data", str(data)])
    assert isinstance(refused.exception, BadInput)
