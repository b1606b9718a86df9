"""Retention at sites that are not on the hub's machine: each hears its own orders, keeps them while away, and is certified."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from belvedere.foundation.clock import SECOND_US
from belvedere.hub.retention.certificate import verify_certificate
from belvedere.hub.retention.desk import RetentionDesk
from belvedere.hub.retention.lost import lost_holds
from belvedere.hub.retention.places import Standing
from belvedere.hub.retention.store import HoldRow
from belvedere.link.retention import ClassOrder, HeldState, HoldOrder
from fleet_stage import Confirming
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


async def test_a_box_that_was_replaced_is_certified_from_its_first_line_though_its_count_is_the_lower(
    tmp_path: Path,
) -> None:
    async with retention_stage(tmp_path) as stage, stage.signed_in("dpo") as dpo:
        rowan = await stage.let_in("rowan", "Rowan Court")
        rowan.rig.footage_of(20)
        await settled(stage)
        rowan.rig.pass_days(33)
        await stage.sign_in(dpo, "dpo")
        await settled(stage)

        def told() -> list[int]:
            return [row.last_line for row in stage.desk.store.certificates() if row.site == "rowan"]

        (before,) = told()
        with rowan.rig.index.write() as db:  # what a new box's index says: nothing destroyed yet, under another name
            db.execute("DELETE FROM destruction")
            db.execute("DELETE FROM sqlite_sequence WHERE name = 'destruction'")
            db.execute("UPDATE destruction_series SET id = 'another'")
        await settled(stage)
        assert told() == [before]
        rowan.rig.footage_of(2)
        rowan.rig.pass_days(33)
        await settled(stage)
        newest, *older = told()
        assert older == [before] and newest <= before
        await settled(stage)
        assert told() == [newest, before], "told once"


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


async def test_holds_that_a_restored_hub_lost_are_shown_and_ended_or_adopted(tmp_path: Path) -> None:
    async with retention_stage(tmp_path) as stage, stage.signed_in("dpo") as dpo:
        rowan = await stage.let_in("rowan", "Rowan Court")
        start = rowan.rig.footage_of(40)
        for reason in ("the broken door", "the burnt car"):
            asked = stage.hold_words(start, start + 3 * SECOND_US, cameras=["rowan-01"], reason=reason)
            assert (await dpo.post("/api/holds", json=asked)).status_code == 201
        await settled(stage)
        with stage.hub.engine.begin() as connection:  # as after a restored backup
            connection.exec_driver_sql("DELETE FROM hold")
            connection.exec_driver_sql("UPDATE retention_revision SET revision = 1")
        await settled(stage)
        words = (await dpo.get("/api/retention")).json()
        ended, kept = sorted(words["lost"], key=lambda each: str(each["reason"]))
        assert words["holds"] == [] and (ended["reason"], kept["reason"]) == ("the broken door", "the burnt car")
        assert kept["sites"] == ["Rowan Court"] and kept["cameras"] == ["rowan-01"] and kept["segments"] == 1
        assert rowan.rig.rows("SELECT count(*) FROM hold WHERE ended_us IS NULL") == [(2,)], "they stay in force"

        async def answer(hold: str, how: str) -> int:
            body = {"answer": how, "reason": "looked at with the police"}
            return (await dpo.post(f"/api/holds/{hold}/found", json=body)).status_code

        assert await answer(ended["id"], "end") == 200
        assert await answer(kept["id"], "adopt") == 200
        assert await answer(kept["id"], "adopt") == 404, "once"
        await settled(stage)
        words = (await dpo.get("/api/retention")).json()
        assert words["lost"] == [] and [each["id"] for each in words["holds"]] == [kept["id"]]
        live = rowan.rig.rows("SELECT id FROM hold WHERE ended_us IS NULL")
        assert live == [(kept["id"],)], "the site heard of it"
        facts = {entry.kind: entry.facts for entry in stage.hub.audit.entries(limit=50)}
        assert facts["hold.adopted"]["hold"] == kept["id"] and facts["hold.ended"]["sites"] == ["rowan"]


async def test_a_lost_hold_is_ended_by_two_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELVEDERE_HUB__ACCESS", "four_eyes")
    async with retention_stage(tmp_path) as stage, stage.signed_in("dpo") as dpo, stage.signed_in("supervisor") as sam:
        stage.hub.step_up.require = Confirming().require  # type: ignore[method-assign,assignment]
        rowan = await stage.let_in("rowan", "Rowan Court")
        start = rowan.rig.footage_of(40)
        asked = stage.hold_words(start, start + 3 * SECOND_US, cameras=["rowan-01"])
        assert (await dpo.post("/api/holds", json=asked)).status_code == 201
        await settled(stage)
        with stage.hub.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM hold")
        await settled(stage)
        (lost,) = (await dpo.get("/api/retention")).json()["lost"]
        said = await dpo.post(f"/api/holds/{lost['id']}/found", json={"answer": "end", "reason": "not needed any more"})
        assert said.status_code == 202, said.text
        assert (await dpo.get("/api/retention")).json()["lost"], "one person alone changes nothing"
        (waits,) = (await sam.get("/api/proposals?which=waiting")).json()["proposals"]
        assert waits["title"] == "End a hold of before"
        done = await sam.post(f"/api/proposals/{waits['id']}/confirm", json={"sha256": waits["sha256"]})
        assert done.status_code == 200, done.text
        await settled(stage)
        assert (await dpo.get("/api/retention")).json()["lost"] == []
        assert rowan.rig.rows("SELECT count(*) FROM hold WHERE ended_us IS NULL") == [(0,)]


def test_what_a_site_says_of_lost_holds_counts_for_its_own_cameras_alone() -> None:
    def order(**changes: Any) -> HoldOrder:
        plain = HoldOrder("hold_1", ("elm-01", "rowan-01"), 1, 9, "Ada", "why", "", 5, 10**12, None, "")
        return msgspec.structs.replace(plain, **changes)

    def standing(site: str, *orders: HoldOrder) -> Standing:
        state: Any = SimpleNamespace(holds=(HeldState("hold_1", 2, 10, 0),), in_force=orders)
        return Standing(site, True, 1, state, False)

    elsewhere = {"rowan": {"elm-01"}, "elm": {"rowan-01"}}
    both = [standing("rowan", order()), standing("elm", order())]
    (found,) = lost_holds(both, set(), elsewhere)
    assert found.row.cameras == ("elm-01", "rowan-01") and found.sites == ("rowan", "elm") and found.segments == 4
    assert lost_holds(both, {"hold_1"}, elsewhere) == []
    (mine,) = lost_holds(both[:1], set(), elsewhere)
    assert mine.row.cameras == ("rowan-01",), "Rowan holds nothing of Elm House"
    odd = (order(id="hold_2"), order(from_us=9), order(from_us=-1), order(cameras=("elm-01",)))
    assert lost_holds([standing("rowan", *odd), Standing("oak", False, None, None, True)], set(), elsewhere) == []
