"""A hub that keeps its packs in a bucket: exports wait for it and lose nothing; ranges; check and move."""

import asyncio
import shutil
from functools import partial
from pathlib import Path

import obstore
import pytest
from typer.testing import CliRunner

from belvedere.cli.main import app
from belvedere.foundation.clock import MINUTE_US
from belvedere.foundation.errors import StorageFault
from belvedere.foundation.settings import load_settings
from belvedere.hub.evidence.verify import verify_pack
from belvedere.hub.objects import checking
from belvedere.hub.objects.address import open_store
from belvedere.hub.objects.bucket import BucketStore
from belvedere.hub.objects.shelf import ObjectShelf
from evidence_stage import EvidenceStage, evidence_stage
from objects_stage import s3_server, s3_settings

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def opened_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "data"

    async def open_once() -> None:
        async with evidence_stage(folder):
            pass

    asyncio.run(open_once())
    return folder


@pytest.fixture
def data(opened_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(opened_once, tmp_path / "data"))


def in_a_bucket(data: Path, prefix: str) -> None:
    """Write what a person writes into belvedere.toml."""
    hub = s3_settings(data, prefix).hub
    names = ("objects", "objects_endpoint", "objects_credentials_file")
    lines = "".join(f'{name} = "{getattr(hub, name)}"\n' for name in names)
    (data / "belvedere.toml").write_text(f"[hub]\n{lines}")


def shelf_at(stage: EvidenceStage, target: str) -> ObjectShelf:
    """Another look at the same list, as the command line has it."""
    return ObjectShelf(
        stage.hub.engine, stage.hub.clock, target, partial(open_store, settings=load_settings(stage.folder))
    )


async def test_a_pack_lies_in_the_bucket_and_comes_back_whole_and_in_ranges(data: Path, tmp_path: Path) -> None:
    in_a_bucket(data, tmp_path.name)
    async with evidence_stage(data) as stage:
        export = await stage.export()
        assert export["state"] == "ready", export["message"]
        assert not list((data / "hub").glob("*/*.zip")), "no copy stays behind"
        path = await stage.pack(export, tmp_path / "pack.zip")
        assert verify_pack(path, stage.public_key).valid
        whole = path.read_bytes()
        address = f"/api/exports/{export['id']}/pack?grant={stage.grant}"
        for asked, start, end in (("5-99", 5, 100), ("-7", len(whole) - 7, len(whole)), ("10-", 10, len(whole))):
            part = await stage.browser.get(address, headers={"Range": f"bytes={asked}"})
            assert (part.status_code, part.content) == (206, whole[start:end])
            assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{len(whole)}"
        assert (await stage.browser.get(address, headers={"Range": f"bytes={len(whole)}-"})).status_code == 416
        several = await stage.browser.get(address, headers={"Range": "bytes=0-1,5-6"})
        assert (several.status_code, several.content) == (200, whole)


async def test_an_export_waits_for_a_store_that_is_away_and_loses_nothing(data: Path, tmp_path: Path) -> None:
    in_a_bucket(data, tmp_path.name)
    async with evidence_stage(data) as stage:
        hub = stage.hub
        right, hub.settings.hub.objects_endpoint = hub.settings.hub.objects_endpoint, NOWHERE
        ordered = [(await stage.browser.post("/api/exports", json=stage.order())).json()["id"] for _ in range(2)]
        await stage.desk.idle()
        for export_id in ordered:
            line = (await stage.browser.get(f"/api/exports/{export_id}")).json()
            assert (line["state"], line["step"], line["progress"]) == ("working", "waiting", 0.99)
            assert not line["resumed"], "it waits, nothing cut it off"
            assert "waits to be stored" in line["message"] and "does not answer" in line["message"]
        reads = stage.archive.read_calls
        given_up = await stage.browser.delete(f"/api/exports/{ordered[1]}")
        assert given_up.json()["message"] == "Being cancelled."
        await stage.desk.idle()
        stage.clock.advance(10 * MINUTE_US)
        await stage.desk.idle()  # still away, and said so
        assert (await stage.browser.get(f"/api/exports/{ordered[0]}")).json()["state"] == "working"
        hub.settings.hub.objects_endpoint = right
        hub.objects._stores.clear()
        stage.clock.advance(10 * MINUTE_US)
        assert (await stage.finished(ordered[0]))["state"] == "ready"
        assert (await stage.finished(ordered[1]))["state"] == "cancelled"
        assert stage.archive.read_calls == reads, "no footage is fetched twice"
        found = checking.check(hub.objects)
        assert (found.good, found.strangers, found.halves) == (1, (), ()) and found.ok
        kinds = [entry.kind for entry in hub.audit.entries(limit=50)]
        assert kinds.count("export.ready") == kinds.count("export.cancelled") == 1


async def test_packs_move_between_stores_and_downloads_do_not_notice(data: Path, tmp_path: Path) -> None:
    async with evidence_stage(data) as stage:
        exports = [await stage.export(name=name) for name in ("One", "Two")]
        in_a_bucket(data, tmp_path.name)
        bucket = load_settings(data).hub.objects
        disk = tmp_path / "disk"
        disk.mkdir()
        sums = set()
        for target in (bucket, f"file://{disk}", bucket, ""):
            shelf = shelf_at(stage, target)
            done = await asyncio.to_thread(checking.move, shelf, data / "hub/making")
            assert (done.objects, done.already, done.before) == (2, 0, done.after)
            assert done.bytes == sum(export["bytes"] for export in exports)
            sums.add(done.after)
            again = await asyncio.to_thread(checking.move, shelf, data / "hub/making")
            assert (again.objects, again.already) == (0, 2)
            found = await asyncio.to_thread(checking.check, shelf)
            assert (found.good, found.strangers, found.halves) == (2, (), ()) and found.ok
            stage.hub.settings.hub.objects_endpoint = s3_server().endpoint
            stage.hub.settings.hub.objects_credentials_file = str(data / "s3.toml")
            for export in exports:
                assert verify_pack(await stage.pack(export, tmp_path / "pack.zip"), stage.public_key).valid
        assert len(sums) == 1 and not list((data / "hub/making").iterdir())


async def test_a_check_names_what_is_missing_altered_and_unknown(data: Path, tmp_path: Path) -> None:
    in_a_bucket(data, tmp_path.name)
    async with evidence_stage(data) as stage:
        keys = [f"exports/{(await stage.export(name=name))['id']}.zip" for name in ("One", "Two", "Three")]
        store = stage.hub.objects.store(stage.hub.objects.target)
        assert isinstance(store, BucketStore)
        behind = store._bucket
        obstore.delete(behind, keys[0])
        (part,) = (one["path"] for one in obstore.list(behind, f"{keys[1]}.parts").collect())
        good = bytes(obstore.get(behind, part).bytes())
        obstore.put(behind, part, b"x" + good[1:], use_multipart=False)
        (data / "hub/exports").mkdir(exist_ok=True)
        (data / "hub/exports/stranger.zip").write_bytes(b"who put it here")
        found = checking.check(stage.hub.objects)
        assert (found.missing, found.wrong, found.good) == ((keys[0],), (keys[1],), 1)
        assert found.strangers == ("exports/stranger.zip",) and not found.ok
        assert found.halves == (f"{stage.hub.objects.target}/{keys[0]}",)
        quick = checking.check(stage.hub.objects, read=False)
        assert quick.wrong == (), "sizes alone don't tell"
        with pytest.raises(StorageFault):
            checking.fetch(stage.hub.objects, keys[1], tmp_path / "out.zip")
        assert not (tmp_path / "out.zip").exists()
        stage.hub.objects.destroy(keys[1])
        assert stage.hub.objects.find(keys[1]) is None and store.size(keys[1]) is None


async def test_the_command_line_moves_checks_and_fetches(data: Path, tmp_path: Path) -> None:
    async with evidence_stage(data) as stage:
        export = await stage.export()
        clock = stage.clock
    in_a_bucket(data, tmp_path.name)
    bucket = load_settings(data).hub.objects

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, ["objects", *words, "--data", str(data)])
        assert result.exit_code == 0, result.output
        return result.output

    assert "1 objects moved" in await asyncio.to_thread(run, "move", "--to", bucket)
    assert "1 objects are as they were stored" in await asyncio.to_thread(run, "check")
    await asyncio.to_thread(run, "fetch", f"exports/{export['id']}.zip", str(tmp_path / "got.zip"))
    assert verify_pack(tmp_path / "got.zip").valid
    async with evidence_stage(data, clock) as stage:
        kinds = {entry.kind for entry in stage.hub.audit.entries(limit=50)}
        assert {"objects.moved", "objects.fetched"} <= kinds
        assert verify_pack(await stage.pack(export, tmp_path / "pack.zip"), stage.public_key).valid
