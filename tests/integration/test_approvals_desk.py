"""Asking for access and deciding on it, over the real hub: four eyes, a passkey over exactly what is approved, no way round."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import update

from approvals_stage import Council, Somebody, council, weighed
from belvedere.foundation.clock import HOUR_US, MINUTE_US
from belvedere.foundation.errors import Conflict, Refused
from belvedere.hub.approvals.call import OnCallHook
from belvedere.hub.approvals.tables import access_request
from belvedere.hub.storage.engine import writing
from belvedere.policy.ask import ask_words, words_digest
from belvedere.policy.grant import Action
from belvedere.policy.signed import GrantOpener
from hub_stage import served
from passkey_stage import confirm


async def asked(found: Council, person: Somebody, **more: Any) -> dict[str, Any]:
    """A request of theirs that waits."""
    case = await found.case_of(person)
    request: dict[str, Any] = await person.post("/api/requests", found.wish(case, **more), 201)
    return request


async def test_ask_narrow_approve_use_and_revoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with council(tmp_path, monkeypatch) as found:
        ivy, sam, _ = await found.come("ivy"), await found.come("sam"), await found.come("max", passkey=False)
        request = await asked(found, ivy)
        assert request["state"] == "waiting" and request["rule"] == "approval.needed"
        assert request["approvers_text"] == "Sam can decide now." and not request["may_decide"]
        assert request["in_case"] == ["court", "gate", "yard"] and request["camera_hours"] == 6
        news = asyncio.create_task(ivy.get("/api/requests/changes", since=request_seq(await ivy.get("/api/requests"))))
        shown = await weighed(sam, request)
        await news
        assert shown["may_decide"] and shown["team"] == "investigations" and shown["roles"] == ["investigator"]
        weighing = shown["weighing"]
        assert {each["id"]: each["moved"] for each in weighing["cameras"]} == {
            "court": "yes",
            "gate": "yes",
            "yard": "no",
        }
        assert 0 < weighing["exposure"]["low"] < weighing["exposure"]["high"] and "Nobody was counted" in str(weighing)
        ideas = {each["id"]: each for each in weighing["suggestions"]}
        assert ideas["moved"]["text"] == "These 2 of 3 cameras saw movement then"
        best = ideas["moved-and-when"]
        assert best["cameras"] == ["court", "gate"] and best["to_us"] - best["from_us"] == 14 * MINUTE_US
        body = {name: best[name] for name in ("cameras", "from_us", "to_us", "actions", "lasts_us")}
        body |= {"ask_sha256": shown["ask_sha256"], "reason": "Only what moved"}
        done = await sam.confirmed(f"/api/requests/{request['id']}/approve", body)
        assert (
            done["state"] == "narrowed" and done["given"]["cameras"] == ["court", "gate"] and done["decider"] == "Sam"
        )
        [grant] = (await ivy.get("/api/grants"))["grants"]
        assert grant["id"] == done["grant"] and grant["cameras"] == ["court", "gate"]
        assert (grant["from_us"], grant["to_us"]) == (best["from_us"], best["to_us"])
        hub = found.stage.hub
        await hub.grants.use(ivy.user, grant["id"], Action.PLAYBACK, ["gate"], best["from_us"], best["to_us"])
        with pytest.raises(Refused):
            await hub.grants.use(ivy.user, grant["id"], Action.PLAYBACK, ["yard"], best["from_us"], best["to_us"])
        revoked = await sam.browser.post(f"/api/grants/{grant['id']}/revoke", json={"reason": "The door was mended"})
        assert revoked.status_code == 204
        with pytest.raises(Refused):
            await hub.grants.use(ivy.user, grant["id"], Action.PLAYBACK, ["gate"], best["from_us"], best["to_us"])
        kinds = [kind for kind in found.stage.kinds() if kind.split(".")[0] in ("access", "grant", "step_up")]
        assert kinds[-4:] == ["step_up.proven", "access.approved", "grant.issued", "grant.revoked"]


def request_seq(listed: dict[str, Any]) -> int:
    return int(listed["seq"])


async def test_the_signature_is_over_exactly_what_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with council(tmp_path, monkeypatch) as found:
        ivy, sam = await found.come("ivy"), await found.come("sam")
        request = await asked(found, ivy)
        path, body = f"/api/requests/{request['id']}/approve", {"ask_sha256": request["ask_sha256"]}
        first = await sam.browser.post(path, json=body)
        act = first.json()["error"]["act"]
        assert act["do"] == "access.approve" and act["ask"]["cameras"] == ["court", "gate", "yard"]
        assert (await confirm(sam.browser, sam.key, act)).status_code == 200
        other = await sam.browser.post(path, json=body | {"cameras": ["gate"], "reason": "Only the gate"})
        assert other.json()["error"]["code"] == "step_up_needed"  # that proof was for something else
        done = await sam.post(path, body)
        assert done["state"] == "approved"
        again = await sam.browser.post(path, json=body)
        assert again.status_code == 409
        [approved] = found.facts("access.approved")
        wanted = found.desk.store.get(request["id"]).wanted
        assert approved["ask_sha256"] == words_digest(ask_words(ivy.user.id, wanted.policy_ask()))
        [issued] = [each for each in found.facts("grant.issued") if each["purpose"] == "investigation"]
        assert issued["approver"] == sam.user.id


async def test_who_may_not_decide_does_not_and_the_log_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with council(tmp_path, monkeypatch) as found:
        una, sam, oli = await found.come("una"), await found.come("sam"), await found.come("oli")
        ivy = await found.come("ivy")
        own = await asked(found, una)  # a supervisor asks
        ivys = await asked(found, ivy)

        async def refused(
            person: Somebody, request: dict[str, Any], words: str, status: int = 403, **more: Any
        ) -> None:
            body = {"ask_sha256": request["ask_sha256"], "reason": "It is fine by me"} | more
            answer = await person.browser.post(f"/api/requests/{request['id']}/approve", json=body)
            assert answer.status_code == status and words in answer.text, answer.text
            if "role" not in words:
                assert words in found.facts("access.decision_refused")[-1]["reason"]

        await refused(una, own, "themselves")
        await refused(una, ivys, "another team")  # una is of ivy's team
        await refused(oli, ivys, "role")  # not even through the door
        await refused(sam, ivys, "Something else was shown", ask_sha256="0" * 64)
        await refused(sam, ivys, "not widen", cameras=["gate", "elsewhere"])
        await refused(sam, ivys, "not widen", to_us=ivys["ask"]["to_us"] + 1)
        with writing(found.stage.hub.engine) as connection:  # somebody edits the row, digest and all
            changed = update(access_request).where(access_request.c.id == ivys["id"])
            connection.execute(changed.values(cameras=["gate"]))
        await refused(sam, ivys, "changed after it was asked")
        with writing(found.stage.hub.engine) as connection:
            digest = "f" * 64
            connection.execute(changed.values(ask_sha256=digest))
        await refused(sam, ivys, "changed after it was asked", ask_sha256=digest)
        seen = await ivy.get("/api/requests", which="waiting")
        assert [each["id"] for each in seen["requests"]] == [ivys["id"]]  # not una's
        assert (await oli.browser.get(f"/api/requests/{own['id']}")).status_code == 404
        assert not found.facts("access.approved") and not (await ivy.get("/api/grants"))["grants"]


async def test_refused_withdrawn_and_lapsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with council(tmp_path, monkeypatch) as found:
        ivy, sam = await found.come("ivy"), await found.come("sam")
        case = await found.case_of(ivy)
        first, second, third = [
            await ivy.post("/api/requests", found.wish(case, cameras=[name]), 201) for name in ("gate", "court", "yard")
        ]
        done = await sam.post(
            f"/api/requests/{first['id']}/refuse", {"ask_sha256": first["ask_sha256"], "reason": "The gate saw nothing"}
        )
        assert done["state"] == "refused" and done["words"] == "The gate saw nothing" and done["grant"] == ""
        assert (await ivy.post(f"/api/requests/{second['id']}/withdraw"))["state"] == "withdrawn"
        assert (await sam.browser.post(f"/api/requests/{third['id']}/withdraw")).status_code == 404
        found.stage.settings.hub.approval_hours = 0
        late = await ivy.post("/api/requests", found.wish(case), 201)
        answer = await sam.browser.post(
            f"/api/requests/{late['id']}/approve", json={"ask_sha256": late["ask_sha256"], "reason": ""}
        )
        assert answer.status_code == 403 and "lapsed" in answer.text
        await found.desk.lapse()
        assert (
            found.desk.store.get(late["id"]).state == "lapsed" and found.desk.store.get(third["id"]).state == "waiting"
        )
        found.stage.clock.advance(24 * HOUR_US)
        assert await found.desk.lapse() == 1 and await found.desk.lapse() == 0
        assert found.desk.store.get(third["id"]).state == "lapsed"
        assert [each["request"] for each in found.facts("access.lapsed")] == [late["id"], third["id"]]


async def test_an_approval_waits_for_who_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with council(tmp_path, monkeypatch) as found:
        ivy, sam = await found.come("ivy"), await found.come("sam")
        request = await asked(found, ivy)
        session = found.stage.hub.sessions.of(ivy.user.id)[0].key
        path, body = f"/api/requests/{request['id']}/approve", {"ask_sha256": request["ask_sha256"]}
        found.stage.hub.sessions.close(session)
        done = await sam.confirmed(path, body)
        assert done["state"] == "approved" and done["grant"] == ""
        code = await asyncio.to_thread(found.stage.hub.users.renew_code, "ivy")
        back = found.stage.browser()
        answer = await back.post("/api/session", json={"username": "ivy", "password": code[1]})
        back.headers["X-Belvedere-CSRF"] = answer.json()["csrf"]
        await back.post("/api/password", json={"password": "correct horse battery"})
        taken = await back.post(f"/api/requests/{request['id']}/take")
        assert taken.status_code == 200 and taken.json()["grant"], taken.text
        assert (await back.get("/api/grants")).json()["grants"][0]["id"] == taken.json()["grant"]
        await back.aclose()


async def test_what_needs_nobody_or_nobody_may_give_is_not_put_to_anybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with council(tmp_path, monkeypatch) as found:
        ivy, oli = await found.come("ivy"), await found.come("oli")
        case = await found.case_of(ivy)
        for person, wish, status in (
            (oli, found.wish(case), 403),  # the purpose is not for operators
            (ivy, found.wish("NOPE-1"), 403),
            (ivy, found.wish(case, cameras=["gate", "elsewhere"]), 403),
            (ivy, found.wish(case, reason="urgent"), 400),
            (ivy, found.wish(case, renews="grant_of_somebody"), 404),
            (ivy, found.wish(case, to_us=found.wish(case)["from_us"]), 400),
        ):
            answer = await person.browser.post("/api/requests", json=wish)
            assert answer.status_code == status, (wish, answer.text)
        assert found.facts("grant.refused") and not found.facts("access.asked")


async def test_who_is_on_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with council(tmp_path, monkeypatch) as found:
        ivy, sam, manager = await found.come("ivy"), await found.come("sam"), await found.come("max")
        turn = {"account": sam.user.id, "from_us": found.now_us - 1, "to_us": found.now_us + 8 * HOUR_US}
        for person, turns, status in (
            (sam, [turn], 403),
            (manager, [turn | {"account": ivy.user.id}], 400),
            (manager, [turn | {"to_us": turn["from_us"]}], 400),
            (manager, [turn], 200),
        ):
            answer = await person.browser.put("/api/on-call", json={"turns": turns})
            assert answer.status_code == status, answer.text
        assert (await sam.get("/api/on-call"))["turns"] == [turn | {"name": "Sam"}]
        told = await ivy.get("/api/approvers")
        assert told["text"] == "Sam and Max can decide now; Sam is on call."
        assert [each["on_call"] for each in told["approvers"] if each["name"] == "Sam"] == [True]
        assert found.facts("oncall.set")[0]["turns"] == [turn]
        found.stage.clock.advance(8 * HOUR_US)
        assert found.desk.roster.on_call() == frozenset()


async def test_more_time_is_a_new_request_and_the_old_access_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with council(tmp_path, monkeypatch) as found:
        ivy, sam = await found.come("ivy"), await found.come("sam")
        request = await asked(found, ivy)
        path, body = f"/api/requests/{request['id']}/approve", {"ask_sha256": request["ask_sha256"]}
        old = (await sam.confirmed(path, body))["grant"]
        more = {name: value for name, value in request["ask"].items() if name not in ("renews", "reason")}
        more |= {"renews": old, "reason": "Two more cameras' worth of door left"}
        second = await ivy.post("/api/requests", more, 201)
        assert [each["id"] for each in (await ivy.get("/api/grants"))["grants"]] == [old]
        path, body = f"/api/requests/{second['id']}/approve", {"ask_sha256": second["ask_sha256"]}
        new = (await sam.confirmed(path, body))["grant"]
        assert [each["id"] for each in (await ivy.get("/api/grants"))["grants"]] == [new]


async def test_busyness_is_asked_for_under_a_logged_grant_of_the_hubs_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with council(tmp_path, monkeypatch) as found:
        ivy = await found.come("ivy")
        request = await asked(found, ivy)
        shown = await weighed(ivy, request)
        [question] = found.asked
        grant = GrantOpener(found.stage.hub.key.public_key().public_bytes_raw(), found.stage.clock).open(question.grant)
        assert grant.user_id == "hub" and grant.purpose == "weighing" and grant.actions == {Action.PLAYBACK}
        assert grant.expires_us - grant.issued_us <= 2 * MINUTE_US
        with pytest.raises(Refused):  # it is nobody's to use
            await found.stage.hub.grants.use(ivy.user, grant.id, Action.PLAYBACK, ["gate"])
        [told] = found.facts("access.weighed")
        assert told["request"] == request["id"] and told["cameras"] == ["court", "gate", "yard"]
        assert shown["weighing"]["camera_hours"] == 6
        found.stage.site.status = None  # the site goes away: the figures are not known, and say so
        await found.stage.hub.link.close()
        again = await weighed(ivy, await ivy.post("/api/requests", found.wish(request["ask"]["case"]), 201))
        assert again["weighing"]["exposure"]["low"] is None
        assert {each["moved"] for each in again["weighing"]["cameras"]} == {"unknown"}


async def test_whoever_is_on_call_is_reached_through_the_councils_own_messaging(tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    heard = asyncio.Event()
    room = FastAPI()

    @room.post("/hook")
    async def hook(message: dict[str, Any]) -> None:
        told.append(message)
        heard.set()

    async with served(room) as address:
        call = OnCallHook(f"http://{address}/hook", "https://hub.test")
        task = asyncio.create_task(call.run())
        call.tell("request_1", "Investigation", ["Sam"])
        await heard.wait()
        for number in range(200):
            call.tell(f"request_{number}", "Investigation", [])
        assert call.dropped == 100
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert told[0]["page"] == "https://hub.test/approvals/request_1" and told[0]["on_call"] == ["Sam"]
    assert set(told[0]) == {"text", "request", "page", "on_call"}


async def test_an_approval_edited_in_the_database_gives_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with council(tmp_path, monkeypatch) as found:
        ivy, sam = await found.come("ivy"), await found.come("sam")
        waiting, request = await asked(found, ivy), await asked(found, ivy)
        away = found.stage.hub.grants.issue
        monkeypatch.setattr(found.stage.hub.grants, "issue", _nobody_is_there)  # as if she had signed out
        body = {"ask_sha256": request["ask_sha256"], "cameras": ["gate"], "reason": "Only the gate"}
        done = await sam.confirmed(f"/api/requests/{request['id']}/approve", body)
        assert done["state"] == "narrowed" and done["grant"] == ""
        monkeypatch.setattr(found.stage.hub.grants, "issue", away)
        wider = found.desk.store.get(request["id"]).wanted
        digest = words_digest(ask_words(ivy.user.id, wider.policy_ask()))
        forged = {"state": "approved", "given": wider.words(), "given_sha256": digest}
        by = {"decided_by": sam.user.id, "decided_us": found.now_us, "decider": "Sam"}
        for row in (request, waiting):  # what was approved is widened; what was not is approved
            with writing(found.stage.hub.engine) as connection:
                which = access_request.c.id == row["id"]
                connection.execute(update(access_request).where(which).values(**forged, **by))
            answer = await ivy.browser.post(f"/api/requests/{row['id']}/take")
            assert answer.status_code == 409 and "changed after it was approved" in answer.text
            assert found.facts("access.decision_refused")[-1]["request"] == row["id"]
        assert not (await ivy.get("/api/grants"))["grants"]


async def _nobody_is_there(*_: Any, **__: Any) -> None:
    raise Conflict("They are not signed in.")
