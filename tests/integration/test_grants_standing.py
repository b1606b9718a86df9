"""A grant that ended, whoever ended it and from where, opens nothing at the very next question, however often it opened before."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from belvedere.foundation.clock import HOUR_US
from belvedere.foundation.errors import Refused
from belvedere.hub.access.ending import GrantEnder, Under
from belvedere.hub.access.standing import StandingGrants
from belvedere.hub.access.users import User
from belvedere.hub.storage import open_engine, upgrade
from belvedere.hub.storage.engine import writing
from belvedere.hub.storage.metadata import access_grant, account
from belvedere.policy.grant import Action
from hub_stage import HubStage, hub_stage


async def by_itself(stage: HubStage, user: User, grant: str) -> None:
    await stage.hub.grants.end(user, grant)


async def with_the_account(stage: HubStage, user: User, grant: str) -> None:
    await asyncio.to_thread(stage.hub.users.disable, user.name)


async def with_what_it_rested_on(stage: HubStage, user: User, grant: str) -> None:
    ender = GrantEnder(stage.hub.engine, stage.clock, stage.hub.audit, stage.hub.grants.ended.set)
    assert await ender.end(Under(purposes=frozenset({"duty"})), by="user_9", reason="withdrawn") == [grant]


async def behind_the_hub(stage: HubStage, user: User, grant: str) -> None:
    """As the command line does, from a process and an engine of its own."""
    engine = open_engine(str(stage.hub.engine.url))
    with writing(engine) as connection:
        connection.execute(update(access_grant).where(access_grant.c.id == grant).values(ended_us=1))
    engine.dispose()


async def test_an_ended_grant_opens_nothing_at_the_next_question(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        user = stage.hub.users.by_name("ann")
        for end in (by_itself, with_what_it_rested_on, behind_the_hub, with_the_account):
            grant = (await browser.post("/api/grants", json={"purpose": "duty"})).json()["id"]
            for _ in range(3):
                await stage.hub.grants.use(user, grant, Action.LIVE, ["gate"])
            await end(stage, user, grant)
            for _ in range(2):
                with pytest.raises(Refused, match="ended"):
                    await stage.hub.grants.use(user, grant, Action.LIVE, ["gate"])


async def test_closing_a_case_ends_what_rests_on_it_at_the_next_question(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in("ivy", "investigator") as ivy:
        user, now_us = stage.hub.users.by_name("ivy"), stage.clock.now_us()
        span = {"from_us": now_us - 2 * HOUR_US, "to_us": now_us - HOUR_US}
        incident = {"place": "North door", "lat": 51.5, "lon": -0.1, **span}
        body = {"kind": "damage", "title": "Broken door", "incident": incident, "reason": "Call 17"}
        opened = await ivy.post("/api/cases", json=body | {"footage": [{"camera": "gate", **span}]})
        assert opened.status_code == 201, opened.text
        case = opened.json()
        ask = {"purpose": "investigation", "case": case["reference"], "cameras": ["gate"], **span}
        grant = (await ivy.post("/api/grants", json=ask)).json()["id"]
        desk, footage = stage.hub.grants, (Action.PLAYBACK, ["gate"], span["from_us"], span["to_us"])
        for _ in range(3):  # from the second on out of what is kept
            await desk.use(user, grant, *footage)
        assert desk._standing._wires
        closed = await ivy.post(f"/api/cases/{case['id']}/close", json={"reason": "Passed to the police"})
        assert closed.json()["grants_ended"] == 1
        for _ in range(2):
            with pytest.raises(Refused, match="ended"):
                await desk.use(user, grant, *footage)
        assert not desk._standing._wires
        refused = [entry for entry in stage.hub.audit.entries(limit=20) if entry.kind == "view.refused"]
        assert [entry.facts["grant"] for entry in refused] == [grant] * 2


@asynccontextmanager
async def standing(folder: Path, *grants: tuple[str, str]) -> AsyncIterator[StandingGrants]:
    """Grants by id and account, in a database of their own."""
    engine = open_engine(f"sqlite:///{folder / 'hub.db'}")
    upgrade(engine)
    told: dict[str, Any] = {
        "role": "operator",
        "password_hash": "",
        "code_hash": "",
        "code_expires_us": 0,
        "created_us": 0,
    }
    given = {"purpose": "duty", "case_ref": "", "issued_us": 0, "expires_us": 1, "audit_index": 0, "session_key": ""}
    with writing(engine) as connection:
        for user in sorted({user for _, user in grants}):
            connection.execute(insert(account).values(id=user, name=user, display=user, disabled=False, **told))
        for grant, user in grants:
            connection.execute(insert(access_grant).values(id=grant, account_id=user, wire=grant.encode(), **given))
    try:
        yield StandingGrants(engine)
    finally:
        engine.dispose()


async def test_others_grants_and_unknown_ones_are_not_found_and_few_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("belvedere.hub.access.standing._KEPT", 2)
    async with standing(tmp_path, ("a", "ann"), ("b", "ann"), ("c", "ann"), ("d", "bob")) as desk:
        for _ in range(2):
            assert [await desk.wire(each, "ann") for each in "abcdx"] == [b"a", b"b", b"c", None, None]
        assert await desk.wire("d", "bob") == b"d" and len(desk._wires) == 2


class Busy:
    """A connection of somebody whose database is held by another."""

    def execute(self, sql: str, values: tuple[str, ...], /) -> sqlite3.Cursor:
        raise sqlite3.OperationalError("database is locked")

    def close(self) -> None:
        """Nothing is open."""


async def test_while_the_database_is_held_the_question_waits_for_it_elsewhere(tmp_path: Path) -> None:
    async with standing(tmp_path, ("a", "ann")) as desk:
        assert await desk.wire("a", "ann") == b"a"
        desk._driver = Busy()
        assert await desk.wire("a", "ann") == b"a"
        with writing(desk._engine) as connection:
            connection.execute(update(access_grant).values(ended_us=1))
        assert await desk.wire("a", "ann") is None


async def test_on_another_engine_each_question_goes_to_the_database(tmp_path: Path) -> None:
    async with standing(tmp_path, ("a", "ann")) as desk:
        desk._quick = False
        assert [await desk.wire("a", "ann") for _ in range(2)] == [b"a", b"a"]
        with writing(desk._engine) as connection:
            connection.execute(update(access_grant).values(ended_us=1))
        assert await desk.wire("a", "ann") is None
