"""Somebody edits the database directly. Who notices: the hub while it runs and at its start, both verifiers, the site."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from typer.testing import CliRunner

from belvedere.cli.audit import app
from belvedere.foundation.clock import DAY_US
from belvedere.foundation.errors import Refused, StorageFault
from belvedere.hub.audit import watch
from belvedere.hub.audit.erasure import YEAR_US
from belvedere.hub.audit.search import LogFilter
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import access_grant, audit_entry
from belvedere.hub.watchers.tables import dpo_item
from belvedere.policy.signed import GrantOpener
from hub_stage import HubStage, hub_stage


def edit(stage: HubStage, statement: Any) -> None:
    with writing(stage.hub.engine) as connection:
        connection.execute(statement)


async def alarms(stage: HubStage, browser: Any) -> list[tuple[str, str]]:
    await stage.hub.log_watch.turn()
    return [(one["what"], one["text"]) for one in (await browser.get("/api/audit/alarms")).json()["alarms"]]


ROW = audit_entry.c.index == 3


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (update(audit_entry).where(ROW).values(body='{"index":3}'), "does not say what the tree holds"),
        (update(audit_entry).where(ROW).values(account_id="user_9"), "does not say what the tree holds"),
        (update(audit_entry).where(ROW).values(time_us=5), "does not say what the tree holds"),
        (update(audit_entry).where(ROW).values(salt=None), "does not say what the tree holds"),
        (update(audit_entry).where(ROW).values(salt=None, body=None), "it was emptied, and the log does not say so"),
        (update(audit_entry).where(ROW).values(entry_hash=bytes(32)), "not the one that the tree holds"),
        (delete(audit_entry).where(ROW), "missing from the database"),
    ],
)
async def test_an_edited_row_is_noticed_while_the_hub_runs_and_told(tmp_path: Path, statement: Any, said: str) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as ann:
        for n in range(5):
            await stage.hub.audit.append("view.live", "user_1", {"camera": f"cam-{n}"})
        assert await alarms(stage, ann) == []
        with reading(stage.hub.engine) as connection:
            before = connection.execute(select(audit_entry).where(ROW)).mappings().one()
        edit(stage, statement)
        found = await alarms(stage, ann)
        assert [what for what, _ in found if what == "entry"] == ["entry"] and said in found[0][1]
        assert await alarms(stage, ann) == found, "it stays, and is told once"
        assert stage.kinds().count("log.altered") == len(found)
        with reading(stage.hub.engine) as connection:
            items = connection.execute(select(dpo_item)).mappings().all()
        assert len(items) == len(found) and said in items[0]["text"] and items[0]["account_id"] == ""
        edit(stage, delete(audit_entry).where(ROW))
        edit(stage, audit_entry.insert().values(**before))
        assert await alarms(stage, ann) == [] and "log.restored" in stage.kinds()


async def test_the_walk_comes_to_every_row_and_what_was_found_is_known_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("NEWEST", 2), ("WALKED", 4), ("RANDOM", 0)):
        monkeypatch.setattr(watch, name, value)
    monkeypatch.setattr("belvedere.hub.audit.log.TAIL", 3)
    async with hub_stage(tmp_path) as stage:
        for n in range(11):
            await stage.hub.audit.append("view.live", "user_1", {"n": n})
        edit(stage, update(audit_entry).where(audit_entry.c.index == 6).values(kind="view.none"))
        looks = [[one.name for one in await stage.hub.log_watch.turn()] for _ in range(3)]
        assert looks[0] == [] and looks[1] == ["6"] and looks[2] == ["6"]
    async with hub_stage(tmp_path) as stage:
        stage.hub.log_watch.recall()
        assert [one.name for one in stage.hub.log_watch.alarms()] == ["6"]
        edit(stage, update(audit_entry).where(audit_entry.c.index == 6).values(kind="view.live"))
        await stage.hub.log_watch.turn()
        assert stage.hub.log_watch.alarms() == []
        stage.hub.log_watch.recall()
        assert stage.hub.log_watch.alarms() == []


async def test_altered_tiles_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with hub_stage(tmp_path) as stage:
        await asyncio.gather(*(stage.hub.audit.append("view.live", "user_1", {"n": n}) for n in range(300)))
    async with hub_stage(tmp_path) as stage:
        monkeypatch.setattr("secrets.randbelow", lambda size: 5)
        tile = tmp_path / "hub" / "log" / "tile" / "0" / "000"
        for kept in stage.hub.audit._tree._full:
            kept.clear()
        data = bytearray(tile.read_bytes())
        data[6 * 32] ^= 1
        tile.write_bytes(data)
        found = {one.what for one in await asyncio.to_thread(stage.hub.log_watch.look)}
        assert found == {"entry", "path"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"expires_us": 1 << 61}, "another end or purpose"),
        ({"purpose": "other"}, "another end or purpose"),
        ({"account_id": "*"}, "never given to this person"),
        ({"audit_index": 0}, "never given to this person"),
        ({"audit_index": 1 << 40}, "not there"),
        ({"wire": b"{}"}, "does not say what was logged"),
        ({"wire": "*"}, "does not say what was logged"),
        ({"ended_us": None}, "the log says that it was ended"),
    ],
)
async def test_an_edited_access_is_noticed_and_opens_nothing_at_the_site(
    tmp_path: Path, values: dict[str, Any], said: str
) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as ann, stage.signed_in("bob") as bob:
        given = (await ann.post("/api/grants", json={"purpose": "duty"})).json()["id"]
        assert await alarms(stage, bob) == []
        public_key, row = stage.hub.key.public_key().public_bytes_raw(), access_grant.c.id == given
        with reading(stage.hub.engine) as connection:
            wire = bytes(connection.scalar(select(access_grant.c.wire).where(row)) or b"")
        assert GrantOpener(public_key, stage.clock).open(wire).id == given
        if "ended_us" in values:
            await ann.delete(f"/api/grants/{given}")
        if values.get("account_id") == "*":
            values = {"account_id": stage.hub.users.by_name("bob").id}
        if values.get("wire") == "*":
            values = {"wire": wire.replace(b"gate", b"door", 1)}
        edit(stage, update(access_grant).where(row).values(**values))
        found = await alarms(stage, bob)
        assert [what for what, _ in found] == ["grant"] and said in found[0][1]
        if "wire" in values:  # the site has the hub's key and needs nobody to tell it
            with pytest.raises(Refused):
                GrantOpener(public_key, stage.clock).open(values["wire"])


async def test_contents_are_erased_when_their_time_is_up_and_everything_still_verifies(tmp_path: Path) -> None:
    async with hub_stage(tmp_path / "hub") as stage:
        log, erasure = stage.hub.audit, stage.hub.log_erasure
        for n in range(6):
            await log.append("view.live", "user_secret", {"camera": f"cam-{n}"})
            stage.clock.advance(10 * DAY_US)
        stage.hub.log_search.catch_up()
        assert await erasure.turn() == 0
        stage.clock.advance(6 * YEAR_US)
        assert await erasure.turn() == 4, "a month's worth a night, whatever the clock says"
        assert await erasure.turn() == 0
        stage.clock.advance(DAY_US)
        assert await erasure.turn() == 2 and log.erased_end >= 6
        assert log.stored(2).record == b"" and log.stored(2).actor == ""
        assert stage.hub.log_search.find(LogFilter(camera="cam-1")) == []
        assert await stage.hub.log_watch.turn() == [] and log.check() == log.checkpoint().size
        said = [entry.facts for entry in log.entries(limit=99) if entry.kind == "log.erased"]
        assert (said[-1]["first"], said[-1]["end"]) == (0, 4)
        everything = b"".join(path.read_bytes() for path in (tmp_path / "hub" / "hub").glob("hub.db*"))
        assert b"user_secret" not in everything
        async with stage.signed_in("dora", "dpo") as dora:
            line = (await dora.get("/api/audit/entries", params={"to_us": said[-1]["before_us"]})).json()["entries"][-1]
            assert line["erased"] and line["facts"] == {} and "Erased" in line["summary"]
            proof = (await dora.get("/api/audit/entries/2/proof")).json()
        file = tmp_path / "belvedere-entry-2.json"
        file.write_text(json.dumps(proof))
        key = stage.hub.key.public_key().public_bytes_raw().hex()
        shown = CliRunner().invoke(app, ["verify", "--entry", str(file), "--key", key])
        assert shown.exit_code == 0 and "its content erased" in shown.output
    verified = CliRunner().invoke(
        app, ["verify", "--folder", str(tmp_path / "hub" / "hub" / "log"), "--key", key, "--entry", str(file)]
    )
    assert verified.exit_code == 0 and "Entry 2 is in the log, its content erased" in verified.output
    async with hub_stage(tmp_path / "hub") as stage:
        assert stage.hub.audit.check() == stage.hub.audit.checkpoint().size, "the log itself says what was erased"
        edit(stage, update(audit_entry).where(audit_entry.c.kind == "log.erased").values(salt=None, body=None))
    with pytest.raises(StorageFault, match="altered"):
        async with hub_stage(tmp_path / "hub"):
            pass


async def test_an_erasure_cut_short_is_finished(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage:
        for n in range(4):
            await stage.hub.audit.append("view.live", "user_1", {"n": n})
        await stage.hub.audit.append("log.erased", "hub", {"first": 0, "end": 3})
    async with hub_stage(tmp_path) as stage:
        assert stage.hub.audit.erased_end == 3
        await stage.hub.log_erasure.turn()
        assert [bool(stage.hub.audit.stored(n).record) for n in range(4)] == [False, False, False, True]
        stage.settings.hub.log_years = 0
    shutil.rmtree(tmp_path)


async def test_a_published_log_names_nobody(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage:
        facts = {"camera": "gate", "reason": "saw Ann's car AB12 CDE", "case": "CCTV/7", "grant": "grant_1"}
        for actor in ("user_1", "user_2", "user_1", "site:main"):
            await stage.hub.audit.append("view.playback", actor, facts)

        async def export(*more: str) -> Any:
            words = ["export", "--data", str(tmp_path), "--pseudonymous", *more]
            return await asyncio.to_thread(lambda: CliRunner().invoke(app, words))

        out = (await export()).stdout
        lines = [json.loads(line) for line in out.splitlines()]
        assert [line["actor"] for line in lines[:3]] == [lines[0]["actor"], lines[1]["actor"], lines[0]["actor"]]
        assert lines[0]["actor"].startswith("person-") and lines[0]["actor"] != lines[1]["actor"]
        assert lines[3]["actor"] == "site:main" and lines[0]["facts"] == {"camera": "gate"}
        assert not any(word in out for word in ("user_1", "AB12", "CCTV/7", "grant_1"))
        assert lines[0]["entry"] == stage.hub.audit.entry(0).hash.hex()
        assert (await export("--salts")).exception is not None
