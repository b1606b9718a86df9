"""Originals of a camera with permanent masks leave only when the data protection officer approved the access."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from belvedere.foundation.errors import Refused
from belvedere.hub.masks.master import require_master
from belvedere.policy.decision import Ask, Asker, decide
from belvedere.policy.grant import Action, Grant
from belvedere.policy.table import TABLE
from hub_stage import HubStage, hub_stage

DOOR = (((0.1, 0.1), (0.3, 0.1), (0.3, 0.4)),)


def grant_of(stage: HubStage, *, originals: bool) -> Grant:
    now_us = stage.clock.now_us()
    asker = Asker("user_1", "Ann", frozenset({"operator"}), frozenset({"gate"}), now_us + 3_600_000_000)
    made = decide(asker, Ask("grant_1", "duty", frozenset({"gate"})), TABLE, now_us).granted()
    assert Action.EXPORT in made.actions
    return msgspec.structs.replace(made, originals=originals)


async def test_originals_of_a_masked_camera_need_the_dpo(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage:
        hub = stage.hub
        dora, _ = await asyncio.to_thread(hub.users.create, "dora", "dpo")
        require_master(hub, grant_of(stage, originals=False), ["gate"])
        await hub.masks.put(dora, "gate", 0, DOOR, "The door of number 3")
        with pytest.raises(Refused, match="permanent masks"):
            require_master(hub, grant_of(stage, originals=False), ["gate"])
        require_master(hub, grant_of(stage, originals=True), ["gate"])
        assert hub.grants._asking.veiled() == {"gate"}  # so that the policy asks the DPO
        async with stage.signed_in() as ann:
            held = (await ann.post("/api/grants", json={"purpose": "duty"})).json()
            now_us = stage.clock.now_us()
            wanted = {"name": "x", "cameras": ["gate"], "start_us": now_us - 60_000_000, "end_us": now_us - 1}
            refused = await ann.post("/api/exports", json={"grant": held["id"], "note": "", **wanted})
            assert refused.status_code == 403 and "permanent masks" in refused.text, refused.text
