"""The DPO's desk over the real hub: findings from the log, pseudonyms, reviews, the sample, long looks, limits."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from belvedere.foundation.clock import DAY_US, HOUR_US, SECOND_US
from belvedere.foundation.errors import BadInput, QuotaReached
from belvedere.hub.dwell.guard import DwellStopped
from belvedere.hub.dwell.register import Answer
from belvedere.hub.watchers.notices import tell_dpo
from belvedere.hub.watchers.sample import is_drawn, root_at
from belvedere.policy.grant import MINT, Action, Grant
from hub_stage import HubStage, hub_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[HubStage]:
    async with hub_stage(tmp_path) as made:
        yield made


def duty(stage: HubStage, user: str = "user_x", case: str = "") -> Grant:
    now_us = stage.clock.now_us()
    cameras = frozenset({"gate", "yard", "door", "roof", "lift"})
    return Grant(
        "grant_1", user, "Ann", "duty", "Duty", case, cameras, now_us - DAY_US, now_us + DAY_US,
        frozenset(Action), now_us, now_us + DAY_US, False, "", "1", MINT,
    )  # fmt: skip


async def three_searches(stage: HubStage, person: str) -> None:
    for _ in range(3):
        await stage.hub.audit.append("search.made", person, {"words": "AB12 CDE", "case": ""})
        stage.clock.advance(HOUR_US)


async def test_a_finding_reaches_the_dpo_alone_without_a_name_and_is_reviewed_in_the_log(stage: HubStage) -> None:
    ann = stage.hub.users.find("ann")
    assert ann is not None
    await three_searches(stage, ann.id)
    async with stage.signed_in("dora", "dpo") as dpo, stage.signed_in("sue", "supervisor") as boss:
        assert (await boss.get("/api/dpo/queue")).status_code == 403
        await stage.hub.watch.refresh(at_once=True)
        answer = await dpo.get("/api/dpo/queue")
        (item,) = answer.json()["items"]
        assert item["rule"] == "repeat_subject" and item["person"].startswith("Person ")
        assert ann.id not in answer.text and "Ann" not in answer.text and "AB12" not in answer.text
        detail = (await dpo.get(f"/api/dpo/items/{item['id']}")).json()
        assert len(detail["entries"]) == 3 and detail["entries"][0]["person"] == item["person"]
        shown = await dpo.post(f"/api/dpo/items/{item['id']}/name", json={"reason": "to ask her"})
        assert shown.json()["name"] == "Ann Operator"
        short = await dpo.post(f"/api/dpo/items/{item['id']}/review", json={"outcome": "spoken", "words": "ok"})
        assert short.status_code == 400
        words = {"outcome": "spoken", "words": "A stolen van of a tenant, spoken about."}
        assert (await dpo.post(f"/api/dpo/items/{item['id']}/review", json=words)).status_code == 200
        assert (await dpo.post(f"/api/dpo/items/{item['id']}/review", json=words)).status_code == 409
        assert (await dpo.get("/api/dpo/queue")).json()["items"] == []
    kinds = stage.kinds()
    assert kinds.index("watch.found") < kinds.index("dpo.name_shown") < kinds.index("dpo.reviewed")


async def test_an_auditor_reads_and_decides_nothing(stage: HubStage) -> None:
    item = await tell_dpo(stage.hub.engine, stage.clock, "break_glass.opened", "user_q", "Used.", {}, matter="g1")
    assert (
        await tell_dpo(stage.hub.engine, stage.clock, "break_glass.opened", "user_q", "Used.", {}, matter="g1") == item
    )
    async with stage.signed_in("otto", "auditor") as auditor:
        queue = (await auditor.get("/api/dpo/queue")).json()
        assert [each["id"] for each in queue["items"]] == [item] and queue["may_decide"] is False
        review = {"outcome": "explained", "words": "All is well here."}
        assert (await auditor.post(f"/api/dpo/items/{item}/review", json=review)).status_code == 403
        assert (await auditor.post(f"/api/dpo/items/{item}/name", json={"reason": "curious"})).status_code == 403
        figures = (await auditor.get("/api/dpo/figures")).json()
        assert figures["grants"] == 0 and figures["whole"] is True


async def test_a_restart_tells_nothing_twice_and_forgets_nothing(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage:
        await stage.hub.audit.append("search.made", "user_z", {"words": "AB12 CDE"})
        await stage.hub.audit.append("search.made", "user_z", {"words": "AB12 CDE"})
        await stage.hub.watch.refresh(at_once=True)
        assert stage.hub.watch.queue.items(is_open=True) == []
    async with hub_stage(tmp_path) as stage:
        await stage.hub.audit.append("search.made", "user_z", {"words": "ab12cde"})
        await stage.hub.watch.refresh(at_once=True)
        (item,) = stage.hub.watch.queue.items(is_open=True)
        assert item.facts["searches"] == 3
    async with hub_stage(tmp_path) as stage:
        await stage.hub.watch.refresh(at_once=True)
        assert [each.id for each in stage.hub.watch.queue.items(is_open=True)] == [item.id]


async def test_the_sample_is_what_the_logs_root_says(stage: HubStage) -> None:
    await stage.hub.watch.refresh(at_once=True)
    for number in range(60):
        await stage.hub.audit.append("grant.issued", "user_z", {"grant": f"g{number}", "case": "", "cameras": []})
    stage.clock.advance(DAY_US)
    await stage.hub.audit.append("session.opened", "user_z", {})
    await stage.hub.watch.refresh(at_once=True)
    (entry,) = [each for each in stage.hub.audit.entries(limit=20) if each.kind == "sample.drawn"]
    root = root_at(entry.facts["size"], stage.hub.audit.tile)
    assert root.hex() == entry.facts["root"] and entry.facts["grants"] == 60
    issued = [each.index for each in stage.hub.audit.entries(limit=200) if each.kind == "grant.issued"]
    assert entry.facts["drawn"] == sorted(index for index in issued if is_drawn(root, index))
    assert len(stage.hub.watch.queue.items(is_open=True, kind="sample")) == len(entry.facts["drawn"])
    size = stage.hub.audit.checkpoint().size
    assert root_at(size, stage.hub.audit.tile) == stage.hub.audit.checkpoint().root


async def test_a_long_look_is_asked_about_stopped_and_answered(stage: HubStage) -> None:
    guard, grant, page = stage.hub.dwell, duty(stage), object()

    async def watch(seconds: int) -> None:
        for _ in range(seconds // 10):
            stage.clock.advance(10 * SECOND_US)
            await guard.look(page, "user_x", grant, [("gate", False)])

    await guard.look(page, "user_x", grant, [("gate", False)])
    await watch(610)
    (asked,) = guard.open_questions("user_x").asked
    assert asked.camera == "gate"
    with pytest.raises(BadInput, match="number"):
        await guard.answer("user_x", grant, "gate", Answer("ripa", ""))
    await guard.answer("user_x", grant, "gate", Answer("immediate", "Two people climb the gate, police are called."))
    await watch(600)
    assert guard.open_questions("user_x").asked == ()
    await watch(1400)  # the note ends after half an hour: asked again, not answered, stopped
    assert "gate" in guard.open_questions("user_x").stopped
    with pytest.raises(DwellStopped):
        guard.require("user_x", grant, "gate")
    with pytest.raises(DwellStopped):
        await guard.moved("user_x", grant, "gate")
    guard.require("user_x", duty(stage, case="C1"), "gate")  # a case says why
    guard.require("user_y", grant, "gate")
    until_us = stage.clock.now_us() + 30 * DAY_US
    await guard.answer("user_x", grant, "gate", Answer("ripa", "", "URN 2026/17", until_us))
    guard.require("user_x", grant, "gate")
    async with stage.signed_in("dora", "dpo") as dpo:
        notes = (await dpo.get("/api/dwell/notes")).json()
        assert [each["kind"] for each in notes["notes"]] == ["ripa", "immediate"] and notes["total"] == 2
        sheet = await dpo.get("/api/dwell/notes.csv")
        assert "URN 2026/17" in sheet.text and "user_x" not in sheet.text
        assert [each["rule"] for each in (await dpo.get("/api/dpo/queue")).json()["items"]] == ["dwell.authorised"]
        ended = await dpo.post(f"/api/dwell/notes/{notes['notes'][0]['id']}/end", json={"reason": "no such number"})
        assert ended.status_code == 204
    kinds = [kind for kind in stage.kinds() if kind.startswith("dwell.")]
    assert kinds == ["dwell.asked", "dwell.answered", "dwell.asked", "dwell.stopped", "dwell.answered", "dwell.ended"]


async def test_a_held_view_of_homes_is_a_finding(stage: HubStage) -> None:
    async with stage.signed_in("dora", "dpo") as dpo:
        put = await dpo.put("/api/dpo/dwellings", json={"views": [{"camera": "gate", "preset": "2"}]})
        assert put.status_code == 200 and put.json()["views"][0]["preset"] == "2"
        wrong = await dpo.put("/api/dpo/dwellings", json={"views": [{"camera": "nowhere"}]})
        assert wrong.status_code == 400
        grant, page = duty(stage), object()
        await stage.hub.dwell.moved("user_x", grant, "gate", "2")
        for _ in range(80):
            await stage.hub.dwell.look(page, "user_x", grant, [("gate", False)])
            stage.clock.advance(SECOND_US)
        await stage.hub.watch.refresh(at_once=True)
        items = (await dpo.get("/api/dpo/queue")).json()["items"]
        assert [each["rule"] for each in items] == ["dwelling_look"] and "Alder Way" in items[0]["text"]


async def test_limits_are_refused_plainly_logged_once_and_survive_a_restart(tmp_path: Path) -> None:
    async def open_minutes(stage: HubStage, first: int, count: int) -> None:
        for segment in range(first, first + count):
            await stage.hub.quotas.footage("user_x", "grant_1", "gate", "main", segment)

    async with hub_stage(tmp_path) as stage:
        await open_minutes(stage, 0, 600)
        for _ in range(3):
            with pytest.raises(QuotaReached, match="600 camera-minutes in this hour"):
                await open_minutes(stage, 1000, 1)
        await open_minutes(stage, 0, 600)  # seen already
        assert stage.kinds().count("quota.reached") == 1
    async with hub_stage(tmp_path) as stage:  # its clock begins in the same hour
        with pytest.raises(QuotaReached):
            await open_minutes(stage, 2000, 1)
        stage.clock.advance(HOUR_US)
        await open_minutes(stage, 2000, 1)


async def test_staff_declare_and_withdraw_and_the_words_are_kept_nowhere(stage: HubStage, tmp_path: Path) -> None:
    async with stage.signed_in() as ann:
        made = await ann.post("/api/conflicts", json={"kind": "address", "words": "14 Quillfeather Row"})
        assert made.status_code == 201
        listed = (await ann.get("/api/conflicts")).json()["conflicts"]
        assert [each["kind"] for each in listed] == ["address"]
        ann_id = (await ann.get("/api/session")).json()["user"]["id"]
        await stage.hub.audit.append("search.made", ann_id, {"words": "14 quillfeather row", "case": "C1"})
        await stage.hub.watch.refresh(at_once=True)
        assert [each.rule for each in stage.hub.watch.queue.items(is_open=True)] == ["declared_conflict"]
        assert (await ann.delete(f"/api/conflicts/{listed[0]['id']}")).status_code == 204
        assert (await ann.delete(f"/api/conflicts/{listed[0]['id']}")).status_code == 404
    declared = [each for each in stage.hub.audit.entries(limit=50) if each.kind == "conflict.declared"]
    assert declared and "uillfeather" not in repr(declared)
