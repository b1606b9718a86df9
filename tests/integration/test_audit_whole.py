"""The whole log as a ZIP: for who reads it all, true for the verifier, and a row that was changed comes to light in it."""

import io
import os
import zipfile
from pathlib import Path

from sqlalchemy import update
from typer.testing import CliRunner

from belvedere.cli.audit import app
from belvedere.hub.audit.whole import PART, whole_log
from belvedere.hub.storage.engine import writing
from belvedere.hub.storage.metadata import audit_entry
from belvedere.tlog.tiles import parse_tile, tile_width, tiles_of
from hub_stage import HubStage, hub_stage


def verified(stage: HubStage, data: bytes, folder: Path) -> tuple[int, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    assert {path.name for path in folder.iterdir()} == {"how-to-check.txt", "log", "verify.html"}
    key = stage.hub.key.public_key().public_bytes_raw().hex()
    words = [
        "verify",
        "--folder",
        str(folder / "log"),
        "--entries",
        str(folder / "log" / "entries.jsonl"),
        "--key",
        key,
    ]
    told = CliRunner().invoke(app, words)
    return told.exit_code, told.stdout


async def test_the_whole_log_goes_to_its_readers_and_shows_what_was_changed(tmp_path: Path) -> None:
    async with hub_stage(tmp_path / "hub") as stage:
        for number in range(300):  # more than one tile
            await stage.hub.audit.append("view.live", "user_1", {"camera": "gate", "n": number})
        async with stage.signed_in("oli", "operator") as oli:
            assert (await oli.get("/api/audit/log.zip")).status_code == 403
        for name, role in (("adi", "auditor"), ("dana", "dpo")):
            async with stage.signed_in(name, role) as reader:
                answer = await reader.get("/api/audit/log.zip")
                assert answer.headers["content-type"] == "application/zip"
                code, said = verified(stage, answer.content, tmp_path / name)
                assert code == 0, said
                size = stage.hub.audit.checkpoint().size
                assert f"{size} entries are in the log, word for word" in said
                assert stage.kinds()[-1] == "log.exported", "it stands in what was taken"
        with writing(stage.hub.engine) as connection:  # not even words any more
            connection.execute(update(audit_entry).where(audit_entry.c.index == 7).values(body="{"))
        async with stage.signed_in("eve", "auditor") as reader:
            answer = await reader.get("/api/audit/log.zip")
            code, said = verified(stage, answer.content, tmp_path / "changed")
            assert code == 1 and "The record given for entry 7" in said


async def test_the_log_is_sent_in_parts_worth_sending(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage:
        for number in range(300):  # words that do not shrink
            await stage.hub.audit.append(
                "view.live", "user_1", {"camera": "gate", "n": number, "words": os.urandom(600).hex()}
            )
        parts = list(whole_log(stage.hub))
        assert len(parts) > 2 and all(len(part) >= PART for part in parts[:-1]), "one entry is not one part"


def test_all_tiles_of_a_tree_and_no_others() -> None:
    for size in (0, 1, 255, 256, 257, 65_536, 65_800):
        found = list(tiles_of(size))
        assert len(set(found)) == len(found)
        assert all(parse_tile(each.path) == each for each in found)
        for level in (None, 0, 1, 2):
            widths = [each.width for each in found if each.level == level]
            assert sum(widths) == size >> 8 * (level or 0)
            assert all(each.width == tile_width(level or 0, each.index, size) for each in found if each.level == level)
