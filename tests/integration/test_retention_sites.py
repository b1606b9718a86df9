"""Retention at sites that are not on the hub's machine: each hears its own orders, keeps them while away, and is certified."""

import json
from pathlib import Path
from typing import Any

from belvedere.foundation.clock import SECOND_US
from belvedere.hub.retention.certificate import verify_certificate
from belvedere.hub.retention.desk import RetentionDesk
from belvedere.hub.retention.store import HoldRow
from belvedere.link.retention import ClassOrder
from retention_stage import RetentionStage, retention_stage


def by_site(words: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["site"]: each for each in words["sites"]}


async def settled(stage: RetentionStage) -> None:
    """Until every site that answers has heard everything, however slow this machine is."""
    for site in stage.hub.fleet.asked():
        await stage.desk.look_at(site)


async def test_a_hold_reaches_a_remote_camera_and_outlives_the_line_and_the_hub_that_placed_it(tmp_path: Path) -> None:
    async with retention_stage(tmp_path) as stage, stage.signed_in("dpo") as dpo:
        rowan, elm = await stage.let_in("rowan", "Rowan Court"), await stage.let_in("elm", "Elm House")
        start = rowan.rig.footage_of(40)
        await settled(stage)
        await stage.cut("rowan")
        asked = stage.hold_words(start, start + 3 * SECOND_US, cameras=["rowan-01"])
        held = await dpo.post("/api/holds", json=asked)
        assert held.status_code == 201, held.text
        (at_rowan,) = held.json()["holds"][0]["sites"]
        assert at_rowan["site"] == "rowan" and not at_rowan["here"], "said to be on its way"
        assert rowan.rig.rows("SELECT count(*) FROM hold") == [(0,)]
        rowan.away = False
        await settled(stage)
        assert rowan.rig.rows("SELECT camera FROM hold_camera") == [("rowan-01",)]
        words = (await dpo.get("/api/retention")).json()
        assert words["holds"][0]["sites"][0]["here"] and words["holds"][0]["segments"] == 1
        assert elm.rig.rows("SELECT count(*) FROM hold") == [(0,)], "it is none of Elm House's business"
        await stage.cut("rowan")
        rowan.rig.pass_days(35)
        assert rowan.rig.seconds() == [(start, start + 4 * SECOND_US)], "kept without the hub"


async def test_a_site_that_is_away_is_said_with_what_it_told_last_even_after_a_restart_of_the_hub(
    tmp_path: Path,
) -> None:
    async with retention_stage(tmp_path) as stage, stage.signed_in("dpo") as dpo:
        await stage.let_in("rowan", "Rowan Court")
        await settled(stage)
        heard_us = stage.rig.clock.now_us()
        await stage.cut("rowan")
        await settled(stage)
        stage.rig.clock.advance(3 * 60 * SECOND_US)
        words = by_site((await dpo.get("/api/retention")).json())
        assert words["main"]["state"] == "ok" and words["main"]["heard_us"] > heard_us
        rowan = words["rowan"]
        assert (rowan["name"], rowan["state"], rowan["heard_us"]) == ("Rowan Court", "away", heard_us)
        assert rowan["default_days"] == 31 and rowan["disks"][0]["name"]
        hub = stage.hub
        again = RetentionDesk(hub.engine, hub.clock, hub.key, hub.audit, hub.fleet, 31)
        await again.start()
        try:
            told = {each.site: each for each in await again.look()}["rowan"]
            assert (told.word, told.heard_us) == ("away", heard_us) and told.state is not None
        finally:
            await again.stop()


async def test_what_each_site_destroys_is_certified_with_its_name(tmp_path: Path) -> None:
    async with retention_stage(tmp_path) as stage, stage.signed_in("dpo") as dpo:
        rowan = await stage.let_in("rowan", "Rowan Court")
        rowan.rig.footage_of(20)
        stage.rig.footage_of(20)
        await settled(stage)
        rowan.rig.pass_days(33)
        stage.rig.keeper.tick()
        await stage.sign_in(dpo, "dpo")
        await settled(stage)
        found = (await dpo.get("/api/certificates")).json()["certificates"]
        (one,) = [each for each in found if each["site"] == "rowan"]
        assert one["site_name"] == "Rowan Court" and one["segments"] > 0
        file = (await dpo.get(f"/api/certificates/{one['id']}")).content
        verdict = verify_certificate(file, stage.public_key())
        assert verdict.valid and "of the site rowan" in verdict.facts[0]
        assert {line["camera"] for line in json.loads(file)["certificate"]["lines"]} == {"rowan-01"}
        entries = [entry for entry in stage.hub.audit.entries(limit=100) if entry.kind == "deletion.certified"]
        assert ("site:rowan", "rowan") in [(entry.actor, entry.facts["site"]) for entry in entries]
        await settled(stage)
        assert len((await dpo.get("/api/certificates")).json()["certificates"]) == len(found), "told once"


async def test_a_night_is_answered_for_its_own_site_alone(tmp_path: Path) -> None:
    async with retention_stage(tmp_path) as stage, stage.signed_in("dpo") as dpo:
        rowan, elm = await stage.let_in("rowan", "Rowan Court"), await stage.let_in("elm", "Elm House")
        for site in (rowan, elm):
            for _ in range(4):
                site.rig.footage_of(20)
        rowan.rig.pass_days(4)
        elm.rig.keeper.tick()
        store = stage.desk.store
        store.put_classes([ClassOrder("street", 1, "")], {"rowan-01": "street", "elm-01": "street"})
        await settled(stage)
        for site in (rowan, elm):
            site.rig.keeper.tick()
        rowan.rig.pass_days(1)
        elm.rig.keeper.tick()
        await stage.sign_in(dpo, "dpo")
        await settled(stage)
        words = by_site((await dpo.get("/api/retention")).json())
        stopped = words["rowan"]["stopped"]
        assert stopped["night"] == words["elm"]["stopped"]["night"], "both stopped the same night"
        answer = {"night": stopped["night"], "bytes": stopped["bytes"], "answer": "no", "reason": "look first"}
        assert (await dpo.post("/api/retention/decision", json=answer | {"site": "nowhere"})).status_code == 404
        assert (await dpo.post("/api/retention/decision", json=answer | {"site": "rowan"})).status_code == 200
        await settled(stage)
        words = by_site((await dpo.get("/api/retention")).json())
        assert words["rowan"]["stopped"] is None and words["elm"]["stopped"] is not None
        decided = [entry.facts for entry in stage.hub.audit.entries(limit=50) if entry.kind == "retention.decided"]
        assert decided[0]["site"] == "rowan"


async def test_a_hub_that_was_set_back_begins_above_what_its_sites_have_heard(tmp_path: Path) -> None:
    async with retention_stage(tmp_path) as stage:
        rowan = await stage.let_in("rowan", "Rowan Court")
        store = stage.desk.store
        store.raise_to(40)
        await settled(stage)
        assert rowan.desk.state().revision == store.revision() == 41
        with stage.hub.engine.begin() as connection:  # as after a restored backup
            connection.exec_driver_sql("UPDATE retention_revision SET revision = 7")
        now_us = stage.rig.clock.now_us()
        row = HoldRow("hold_9", ("rowan-01",), 0, now_us, "a", "Ada", "why", "", now_us, now_us + 10**12, None, "")
        store.add_hold(row)
        await settled(stage)
        assert rowan.rig.rows("SELECT id FROM hold") == [("hold_9",)] and store.revision() > 41
