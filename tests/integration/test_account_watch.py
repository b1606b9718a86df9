"""Somebody with access to the database edits an account: it is noticed, told, and the account opens nothing."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from approvals_stage import Council, council
from belvedere.cli.users import add_user
from belvedere.hub.local import log_local_acts
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import account
from belvedere.hub.watchers.tables import dpo_item
from hub_stage import hub_stage
from proposals_stage import agree, put, staffed


def edit(found: Council, statement: Any) -> None:
    with writing(found.stage.hub.engine) as connection:
        connection.execute(statement)


def told(found: Council) -> list[str]:
    with reading(found.stage.hub.engine) as connection:
        return list(connection.scalars(select(dpo_item.c.rule).where(dpo_item.c.rule == "account.altered_outside")))


async def test_a_role_given_by_hand_is_noticed_and_opens_nothing_until_it_is_set_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with council(tmp_path, monkeypatch) as found:
        root, dora, oli = await staffed(found, "root", "dora", "oli")
        hub = found.stage.hub
        await hub.accounts.note(user.id for user in hub.users.all())
        assert await hub.accounts.look() == frozenset()
        assert len((await oli.post("/api/grants", {"purpose": "duty"}))["cameras"]) == 3
        edit(found, update(account).where(account.c.name == "oli").values(role="supervisor"))
        assert await hub.accounts.look() == {oli.user.id}
        assert await hub.accounts.look() == {oli.user.id}, "said once"
        (fact,) = found.facts("account.altered_outside")
        assert fact["account"] == oli.user.id and fact["how"] == "altered" and len(told(found)) == 1
        assert (await oli.get("/api/grants"))["grants"] == [] and found.facts("grant.ended")
        refused = await oli.post("/api/grants", {"purpose": "duty"}, 403)
        assert "behind the hub" in refused["error"]["message"]
        # An administrator and a second person set it right: it is noted anew.
        body = {"roles": ["operator"], "reason": "As it was before the edit"}
        await agree(dora, await put(root, "PUT", "/api/people/oli/roles", body))
        assert hub.accounts.altered == frozenset() and found.facts("account.as_noted")
        await oli.post("/api/grants", {"purpose": "duty"})


async def test_accounts_made_and_taken_out_by_hand_are_noticed_at_the_start_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with council(tmp_path, monkeypatch) as found:
        await staffed(found, "dora")
    async with council(tmp_path, monkeypatch) as found:
        assert found.stage.hub.accounts.altered == frozenset(), "nothing was touched"
        with reading(found.stage.hub.engine) as connection:
            row = dict(connection.execute(select(account).where(account.c.name == "dora")).mappings().one())
        edit(found, delete(account).where(account.c.name == "dora"))
        edit(found, insert(account).values(**row | {"id": "user_9", "name": "eve"}))
        monkeypatch.setattr(found.stage.hub.accounts, "note", nothing)  # the stage takes in what a test did
    async with council(tmp_path, monkeypatch) as found:
        how = {each["account"]: each["how"] for each in found.facts("account.altered_outside")}
        assert how == {row["id"]: "taken out", "user_9": "made"}


async def nothing(_ids: object) -> None:
    return None


async def test_what_the_command_line_does_is_no_edit(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage:
        hub = stage.hub
        await hub.accounts.note(user.id for user in hub.users.all())
        add_user(stage.settings, "dan", "dpo")
        assert await hub.accounts.look() == frozenset(), "before the log has heard of it"
        await log_local_acts(hub.engine, hub.audit)
        assert await hub.accounts.look() == frozenset()
