"""A hub that works by another action table than before says so, and shuts nobody out on the day of the change."""

from pathlib import Path

import httpx
import pytest

from belvedere.foundation.clock import DAY_US, HOUR_US
from belvedere.hub.access.table_change import GRACE_US, access_table
from belvedere.hub.storage.engine import writing
from hub_stage import CSRF, HubStage, hub_stage

ACCESS = "BELVEDERE_HUB__ACCESS"


async def code_of(stage: HubStage, name: str) -> str:
    return stage.hub.users.renew_code(name)[1]


async def enter(stage: HubStage, browser: httpx.AsyncClient, code: str) -> None:
    answer = await browser.post("/api/session", json={"username": "ann", "password": code})
    browser.headers[CSRF] = answer.json()["csrf"]


async def live(stage: HubStage, code: str) -> httpx.Response:
    async with stage.browser() as browser:
        await enter(stage, browser, code)
        return await browser.post("/api/grants", json={"purpose": "duty"})


async def test_a_new_hub_takes_second_persons_and_has_nothing_to_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ACCESS, raising=False)
    async with hub_stage(tmp_path) as stage:
        assert stage.settings.hub.access == "four_eyes"
        async with stage.browser() as browser:
            await enter(stage, browser, stage.code)
            told = (await browser.get("/api/access/table")).json()
        assert told["table"] == "four_eyes" and not told["stricter"] and told["untrained"]
        assert "access.table_changed" not in stage.kinds()
        assert (await live(stage, await code_of(stage, "ann"))).status_code == 403  # no training date, no grace


async def test_people_from_before_are_told_and_not_shut_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ACCESS, raising=False)
    async with hub_stage(tmp_path) as stage:  # as an earlier version left it: people, and no word of any table
        with writing(stage.hub.engine) as connection:
            connection.execute(access_table.delete())
    async with hub_stage(tmp_path) as stage:
        entry = next(each for each in stage.hub.audit.entries(limit=50) if each.kind == "access.table_changed")
        assert (entry.facts["before"], entry.facts["now"]) == ("open_desk", "four_eyes")
        stage.clock.advance(HOUR_US)
        code = await code_of(stage, "ann")
        async with stage.browser() as browser:
            await enter(stage, browser, code)
            told = (await browser.get("/api/access/table")).json()
            assert told["stricter"] and told["untrained"]
            assert told["grace_until_us"] == told["since_us"] + GRACE_US
            given = await browser.post("/api/grants", json={"purpose": "duty"})
        assert given.status_code == 200 and given.json()["masked"]
        late, late_code = stage.hub.users.create("bob", "operator")  # came after the change: no grace
        assert stage.hub.table_change.trained_us(late, stage.clock.now_us()) is None and late_code
        stage.clock.advance(GRACE_US)
        refused = await live(stage, await code_of(stage, "ann"))
        assert refused.status_code == 403 and "training" in refused.text
    async with hub_stage(tmp_path) as stage:  # told once
        assert stage.kinds().count("access.table_changed") == 1
        assert stage.hub.table_change.stricter


async def test_a_setting_that_names_the_table_is_no_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ACCESS, "open_desk")
    async with hub_stage(tmp_path) as stage:
        with writing(stage.hub.engine) as connection:
            connection.execute(access_table.delete())
    async with hub_stage(tmp_path) as stage:
        assert "access.table_changed" not in stage.kinds()
    monkeypatch.setenv(ACCESS, "four_eyes")
    async with hub_stage(tmp_path) as stage:  # by a person's hand: told all the same
        assert stage.kinds().count("access.table_changed") == 1
        assert stage.hub.table_change.grace_until_us - stage.hub.table_change.since_us == 30 * DAY_US
