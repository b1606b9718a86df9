"""Backup and restore of everything but footage."""

import asyncio
import hashlib
import io
import json
import sqlite3
import tarfile
import threading
from contextlib import closing
from pathlib import Path
from typing import IO, cast

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from belvedere.cli import backup as backups
from belvedere.cli.backup import backup, restore
from belvedere.cli.sealed import MAGIC, SealedReader, SealedWriter
from belvedere.foundation.clock import SimulatedClock
from belvedere.foundation.errors import BadInput, BelvedereError, Conflict, SealBroken, StorageFault
from belvedere.foundation.settings import Settings, load_settings
from belvedere.site.storage.folders import open_disks
from belvedere.site.storage.index import Index
from hub_stage import CSRF, hub_stage

pytestmark = pytest.mark.sqlite_only

WORDS = "four words in a row"
FAST = 1 << 10  # scrypt's cost, for tests


@pytest.fixture
def lived_in(tmp_path: Path) -> Settings:
    """A data folder with a bit of everything."""
    settings = load_settings(tmp_path / "data")

    async def live() -> None:
        async with hub_stage(settings.data) as stage, stage.signed_in() as browser:
            await browser.post("/api/password", json={"password": "correct horse battery"})
            for _ in range(3):
                assert (await browser.post("/api/grants", json={"purpose": "duty"})).status_code == 200

    asyncio.run(live())
    (settings.data / "belvedere.toml").write_text('[site]\nname = "Alder Grove"\n')
    settings.map_folder.mkdir()
    (settings.map_folder / "town.pmtiles").write_bytes(bytes(range(256)) * 9000)
    settings.exports_folder.mkdir(exist_ok=True)
    (settings.exports_folder / "export_1.zip").write_bytes(b"PK finished pack")
    footage = settings.footage_folders[0]
    footage.mkdir(parents=True)
    (footage / "segment-1").write_bytes(b"sealed footage")
    with closing(sqlite3.connect(settings.site_folder / "index.db")) as index:
        index.execute("PRAGMA journal_mode=WAL")
        index.execute("CREATE TABLE segment (id INTEGER PRIMARY KEY, name TEXT)")
        index.execute("INSERT INTO segment (name) VALUES ('segment-1')")
        index.commit()
    (settings.site_folder / "keys" / "site.key").write_bytes(b"k" * 32)
    return settings


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


async def test_a_restored_folder_serves_as_before(tmp_path: Path, lived_in: Settings) -> None:
    archive = tmp_path / "belvedere.bak"
    report = await asyncio.to_thread(backup, lived_in, archive, WORDS, clock=SimulatedClock(), scrypt_n=FAST)
    assert report.revision and archive.stat().st_mode & 0o777 == 0o600
    again = load_settings(tmp_path / "elsewhere" / "data")
    found = await asyncio.to_thread(restore, again, archive, WORDS)
    assert found == report
    kept = names(again.data)
    assert {"belvedere.toml", "hub/hub.db", "hub/keys/hub.key", "site/keys/hub.pub", "site/keys/site.key"} <= kept
    assert {"hub/log/checkpoint", "hub/map/town.pmtiles", "site/index.db"} <= kept
    assert not any("footage" in name or "exports" in name or name.endswith(("-wal", "-shm")) for name in kept)
    assert load_settings(again.data).site.name == "Alder Grove"
    assert (again.map_folder / "town.pmtiles").read_bytes() == (lived_in.map_folder / "town.pmtiles").read_bytes()
    with closing(sqlite3.connect(again.site_folder / "index.db")) as index:
        assert index.execute("SELECT name FROM segment").fetchall() == [("segment-1",)]
    async with hub_stage(again.data) as stage, stage.browser() as browser:
        assert stage.kinds() == ["session.opened", "password.changed", *["grant.issued"] * 3]
        signed = await browser.post("/api/session", json={"username": "ann", "password": "correct horse battery"})
        browser.headers[CSRF] = signed.json()["csrf"]
        assert len((await browser.get("/api/grants")).json()["grants"]) == 3
    assert not list(tmp_path.rglob(".*-restore-*")) and not list(lived_in.data.glob(".backup-*"))


def test_a_restored_site_takes_its_footage_folder_for_its_own(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "data")

    def disks_of_the_site() -> list[str]:
        index = Index(settings.site_folder / "index.db", SimulatedClock())
        disks, wrong = open_disks(index, settings.footage_folders, SimulatedClock())
        index.close()
        assert wrong == {}
        return [disk.uuid for disk in disks]

    settings.footage_folders[0].mkdir(parents=True)
    before = disks_of_the_site()
    (settings.footage_folders[0] / "segment-1").write_bytes(b"sealed footage")
    backup(settings, tmp_path / "a.bak", WORDS, scrypt_n=FAST)
    settings.data.rename(tmp_path / "lost")
    restore(settings, tmp_path / "a.bak", WORDS)
    assert disks_of_the_site() == before
    assert [path.name for path in settings.footage_folders[0].iterdir()] == ["meta"]


def test_exports_come_along_when_asked(tmp_path: Path, lived_in: Settings) -> None:
    backup(lived_in, tmp_path / "all.bak", WORDS, exports=True, scrypt_n=FAST)
    again = load_settings(tmp_path / "again")
    restore(again, tmp_path / "all.bak", WORDS)
    assert (again.exports_folder / "export_1.zip").read_bytes() == b"PK finished pack"


async def test_a_backup_of_a_busy_hub_is_whole(tmp_path: Path, lived_in: Settings) -> None:
    async with hub_stage(lived_in.data) as stage:
        stop = threading.Event()

        async def work() -> None:
            while not stop.is_set():
                await asyncio.gather(*(stage.hub.audit.append("test.busy", "user_1", {"n": n}) for n in range(20)))

        busy = asyncio.create_task(work())
        for number in range(4):
            await asyncio.to_thread(backup, lived_in, tmp_path / f"{number}.bak", WORDS, scrypt_n=FAST)
        stop.set()
        await busy
    for number in range(4):
        again = load_settings(tmp_path / f"again{number}")
        await asyncio.to_thread(restore, again, tmp_path / f"{number}.bak", WORDS)
        async with hub_stage(again.data) as stage:  # the log checks itself against the database
            size = stage.hub.audit.checkpoint().size
            assert size >= 5 and stage.hub.audit.check() == size


def test_wrong_passphrase_and_wrong_file_are_told_apart(tmp_path: Path, lived_in: Settings) -> None:
    archive = tmp_path / "a.bak"
    backup(lived_in, archive, WORDS, scrypt_n=FAST)
    again = load_settings(tmp_path / "again")
    with pytest.raises(BadInput, match="passphrase does not open"):
        restore(again, archive, WORDS + "!")
    with pytest.raises(BadInput, match="not a backup"):
        restore(again, lived_in.map_folder / "town.pmtiles", WORDS)
    with pytest.raises(BadInput, match="no file"):
        restore(again, tmp_path / "missing.bak", WORDS)
    assert not again.data.exists()


def test_an_altered_archive_is_refused_wherever_it_was_altered(tmp_path: Path, lived_in: Settings) -> None:
    archive = tmp_path / "a.bak"
    backup(lived_in, archive, WORDS, scrypt_n=FAST)
    whole = archive.read_bytes()
    assert len(whole) > 2 << 20
    again = load_settings(tmp_path / "again")
    start = len(MAGIC) + 4
    chunk = (1 << 20) + 16
    header = start + int.from_bytes(whole[len(MAGIC) : start])
    swapped = whole[:header] + whole[header + chunk : header + 2 * chunk] + whole[header : header + chunk]
    altered = [
        whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(start, len(whole), len(whole) // 9)
    ]
    cut = [
        whole[:-1],
        whole[: header + chunk],
        whole[:header],
        whole[:start],
        whole + b"\0",
        swapped + whole[len(swapped) :],
    ]
    for bad in [*altered, *cut]:
        archive.write_bytes(bad)
        with pytest.raises((SealBroken, BadInput)):
            restore(again, archive, WORDS)
        assert not again.data.exists()
    assert not list(tmp_path.glob(".again*"))


def test_only_an_empty_folder_is_restored_into(tmp_path: Path, lived_in: Settings) -> None:
    archive = tmp_path / "a.bak"
    backup(lived_in, archive, WORDS, scrypt_n=FAST)
    before = names(lived_in.data)
    with pytest.raises(Conflict, match="not empty"):
        restore(lived_in, archive, WORDS)
    assert names(lived_in.data) == before
    (tmp_path / "empty").mkdir()
    restore(load_settings(tmp_path / "empty"), archive, WORDS)


def test_what_can_not_be_backed_up_says_why(
    tmp_path: Path, lived_in: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "a.bak"
    out.write_bytes(b"an older backup")
    with pytest.raises(Conflict):
        backup(lived_in, out, WORDS, scrypt_n=FAST)
    assert out.read_bytes() == b"an older backup"
    with pytest.raises(BadInput, match="too short"):
        backup(lived_in, tmp_path / "b.bak", "short", scrypt_n=FAST)
    with pytest.raises(BadInput, match="nothing to back up"):
        backup(load_settings(tmp_path / "nowhere"), tmp_path / "b.bak", WORDS, scrypt_n=FAST)
    with pytest.raises(BadInput, match="inside"):
        backup(lived_in, lived_in.hub_folder / "b.bak", WORDS, scrypt_n=FAST)
    with pytest.raises(StorageFault):
        backup(lived_in, out / "b.bak", WORDS, scrypt_n=FAST)
    nobody = tmp_path / "no-server"
    monkeypatch.setenv("BELVEDERE_HUB__DATABASE_URL", f"postgresql+psycopg:///d?host={nobody}")
    with pytest.raises(StorageFault, match="database can't be read") as refused:
        backup(load_settings(lived_in.data), tmp_path / "b.bak", WORDS, scrypt_n=FAST)
    assert "PostgreSQL" in refused.value.advice
    assert not list(tmp_path.glob(".*unfinished"))


def test_a_damaged_database_is_not_backed_up_in_silence(tmp_path: Path, lived_in: Settings) -> None:
    path = lived_in.hub_folder / "hub.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=DELETE")
    data = bytearray(path.read_bytes())
    data[4096 * 2 : 4096 * 4] = b"\xff" * 8192
    path.write_bytes(bytes(data))
    with pytest.raises(StorageFault):
        backup(lived_in, tmp_path / "a.bak", WORDS, scrypt_n=FAST)
    assert not (tmp_path / "a.bak").exists() and not list(tmp_path.glob(".*unfinished"))


def craft(path: Path, members: dict[str, bytes], manifest: dict[str, object] | None = None, link: str = "") -> None:
    """An archive that opens with WORDS and holds whatever an attacker who knows them likes."""
    with (
        path.open("wb") as file,
        SealedWriter(file, WORDS, scrypt_n=FAST) as sealed,
        tarfile.open(fileobj=cast(IO[bytes], sealed), mode="w|") as tar,
    ):
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        if link:
            entry = tarfile.TarInfo(link)
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(entry)
        if manifest is not None:
            words = json.dumps(manifest).encode()
            entry = tarfile.TarInfo("manifest.json")
            entry.size = len(words)
            tar.addfile(entry, io.BytesIO(words))


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "hub/../../outside"])
def test_names_that_lead_outside_are_refused(tmp_path: Path, name: str) -> None:
    craft(tmp_path / "a.bak", {name: b"x"}, {"format": 1, "files": {}})
    with pytest.raises(SealBroken, match="does not belong"):
        restore(load_settings(tmp_path / "inner" / "data"), tmp_path / "a.bak", WORDS)
    assert not (tmp_path / "outside").exists() and not (tmp_path / "inner" / "outside").exists()


def test_contents_must_be_those_of_the_manifest(tmp_path: Path) -> None:
    target = load_settings(tmp_path / "data")
    sha256 = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # of b"x"
    right = {"hub/a": {"bytes": 1, "sha256": sha256}}
    bad: list[tuple[dict[str, bytes], dict[str, object] | None, str]] = [
        ({"hub/a": b"x"}, None, ""),
        ({"hub/a": b"y"}, {"format": 1, "files": right, "revision": ""}, ""),
        ({}, {"format": 1, "files": right, "revision": ""}, ""),
        ({"hub/a": b"x", "hub/b": b"x"}, {"format": 1, "files": right, "revision": ""}, ""),
        ({"hub/a": b"x"}, {"format": 1, "files": right, "revision": ""}, "hub/link"),
        ({"hub/a": b"x"}, {"format": 2, "files": right, "revision": ""}, ""),
        ({"hub/a": b"SQLite format 3\0 and nonsense"}, None, ""),
    ]
    for members, manifest, link in bad:
        craft(tmp_path / "a.bak", members, manifest, link)
        with pytest.raises(BelvedereError):
            restore(target, tmp_path / "a.bak", WORDS)
        assert not target.data.exists()
    craft(tmp_path / "a.bak", {"hub/a": b"x"}, {"format": 1, "files": right, "revision": ""})
    assert restore(target, tmp_path / "a.bak", WORDS).files == 1


def test_a_damaged_database_in_an_archive_is_refused(tmp_path: Path) -> None:
    data = b"SQLite format 3\0" + b"\xff" * 5000
    files = {"hub/hub.db": {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}}
    craft(tmp_path / "a.bak", {"hub/hub.db": data}, {"format": 1, "files": files, "revision": ""})
    with pytest.raises(StorageFault, match="damaged"):
        restore(load_settings(tmp_path / "data"), tmp_path / "a.bak", WORDS)


@given(st.integers(0, 3 * (1 << 20) // 2), st.lists(st.integers(1, 400_000), min_size=1, max_size=6))
@hypothesis_settings(max_examples=15, deadline=None)
def test_sealed_bytes_come_back_whatever_the_sizes(length: int, reads: list[int]) -> None:
    data = bytes(length)
    target = io.BytesIO()
    with SealedWriter(target, WORDS, scrypt_n=2) as writer:
        writer.write(data[: length // 3])
        writer.write(data[length // 3 :])
    reader = SealedReader(io.BytesIO(target.getvalue()), WORDS)
    back = b""
    at = 0
    while part := reader.read(reads[at % len(reads)]):
        back += part
        at += 1
    assert back == data


def test_a_hostile_header_costs_little(tmp_path: Path) -> None:
    target = io.BytesIO()
    with SealedWriter(target, WORDS, scrypt_n=FAST) as writer:
        writer.write(b"x")
    whole = target.getvalue()
    for bad in (
        whole.replace(b'"n": 1024', b'"n": 1 << 40'),
        whole.replace(b'"n": 1024', b'"n": 9999999999'),
        whole.replace(b'"n": 1024', b'"n": 1000'),
        MAGIC + b"\xff\xff\xff\xff" + b"{}" * 10,
    ):
        with pytest.raises(SealBroken):
            SealedReader(io.BytesIO(bad), WORDS)


def test_the_passphrase_may_be_typed_on_any_keyboard() -> None:
    target = io.BytesIO()
    with SealedWriter(target, "café au lait", scrypt_n=2) as writer:
        writer.write(b"x")
    assert SealedReader(io.BytesIO(target.getvalue()), "cafe\u0301 au lait").read(9) == b"x"


def test_a_vanished_temporary_file_is_no_fault(
    tmp_path: Path, lived_in: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = backups._files

    def with_a_ghost(settings: Settings, exports: bool) -> list[Path]:
        return [*listed(settings, exports), settings.hub_folder / "ghost"]

    monkeypatch.setattr(backups, "_files", with_a_ghost)
    backup(lived_in, tmp_path / "a.bak", WORDS, scrypt_n=FAST)
