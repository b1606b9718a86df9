"""Cases: opened in one step, seen by who is in them, and the end of access that rests on them."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US
from belvedere.foundation.errors import BadInput
from belvedere.hub.cases import rules
from hub_stage import HubStage, gate, hub_stage


def new_case(stage: HubStage, **more: Any) -> dict[str, Any]:
    now_us = stage.clock.now_us()
    span = {"from_us": now_us - 2 * HOUR_US, "to_us": now_us - HOUR_US}
    incident = {"place": "Alder House, north door", "lat": 51.5, "lon": -0.1, **span}
    footage = [{"camera": "gate", **span}]
    return {
        "kind": "damage",
        "title": "Broken door",
        "incident": incident,
        "footage": footage,
        "reason": "Call 17",
    } | more


async def opened(browser: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = await browser.post("/api/cases", json=body)
    assert answer.status_code == 201, answer.text
    case: dict[str, Any] = answer.json()
    return case


@pytest.mark.parametrize(
    "title",
    ["Mr Smith's door", "Door, call ann@example.org", "Door of 07700 900123", "Boy, dob 01/02/2012", "x", "y" * 121],
)
def test_titles_name_nobody(title: str) -> None:
    with pytest.raises(BadInput) as error:
        rules.require_title(title)
    assert error.value.advice


def test_titles_and_references_that_are_fine() -> None:
    assert rules.require_title("  Broken door,  Alder House  ") == "Broken door, Alder House"
    assert rules.require_reference("ASB/2026 0113") == "ASB/2026 0113"
    for wrong in ("", "a" * 49, "-x", "x\n", "<b>"):
        with pytest.raises(BadInput):
            rules.require_reference(wrong.replace("\n", "\x00"))


@pytest.mark.both_engines
async def test_a_case_is_opened_in_one_step_and_says_what_the_policy_needs(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in("ivy", "investigator") as ivy:
        stage.hub.register.put_camera(gate(id="far", name="Far", lat=51.6))
        case = await opened(ivy, new_case(stage))
        assert case["reference"] == "CCTV-2026-0001" and case["owner"] == "ivy" and case["state"] == "open"
        assert [(each["name"], each["part"]) for each in case["people"]] == [("ivy", "lead")]
        assert case["near"] == ["gate"] and case["may_work"] and case["may_close"]
        assert stage.kinds()[-1] == "case.opened"
        facts = stage.hub.cases.book.facts("cctv-2026-0001")
        user = stage.hub.users.by_name("ivy")
        assert facts is not None and facts.open and facts.people == {user.id} and facts.near == {"gate"}
        assert [each.camera for each in facts.windows] == ["gate"]
        incident = case["incident"]
        assert facts.happened_us == (incident["from_us"] + incident["to_us"]) // 2
        own = await opened(ivy, new_case(stage, reference="ASB/7", incident={}, footage=[]))
        bare = stage.hub.cases.book.facts("asb/7")
        assert own["reference"] == "ASB/7" and bare is not None and bare.happened_us is None and not bare.near
        again = await ivy.post("/api/cases", json=new_case(stage, reference="asb/7"))
        assert again.status_code == 409 and again.json()["error"]["advice"]
        assert stage.hub.cases.book.facts("nothing") is None
        assert (await opened(ivy, new_case(stage)))["reference"] == "CCTV-2026-0003"


async def test_what_a_case_can_not_be(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in("ivy", "investigator") as ivy, stage.signed_in() as ann:
        now_us = stage.clock.now_us()
        future = {"from_us": now_us + 2 * HOUR_US, "to_us": now_us + 3 * HOUR_US}
        for wrong in (
            {"title": "Mrs Jones"},
            {"kind": "fun"},
            {"regime": "part_9"},
            {"reference": "<b>"},
            {"review_us": now_us},
            {"review_us": now_us + 400 * DAY_US},
            {"incident": {"lat": 51.5}},
            {"incident": {"from_us": 1}},
            {"incident": future},
            {"incident": {"from_us": 1, "to_us": 10 * DAY_US}},
            {"footage": [{"camera": "moon", "from_us": 1, "to_us": 2}]},
            {"footage": [{"camera": "gate", **future}]},
            {"footage": [{"camera": "gate", "from_us": 2, "to_us": 1}]},
            {"footage": [{"camera": "gate", "from_us": 1, "to_us": 40 * DAY_US}]},
        ):
            answer = await ivy.post("/api/cases", json=new_case(stage, **wrong))
            assert answer.status_code == 400 and answer.json()["error"]["message"], wrong
        assert "case.opened" not in stage.kinds()
        async with stage.signed_in("alan", "auditor") as alan:
            assert (await alan.post("/api/cases", json=new_case(stage))).status_code == 403
        assert (await ann.get("/api/cases")).json()["cases"] == []


async def test_who_sees_it_and_who_works_on_it(tmp_path: Path) -> None:
    async with (
        hub_stage(tmp_path) as stage,
        stage.signed_in("ivy", "investigator") as ivy,
        stage.signed_in("ian", "investigator") as ian,
        stage.signed_in("sue", "supervisor") as sue,
        stage.signed_in("alan", "auditor") as alan,
    ):
        case = await opened(ivy, new_case(stage))
        path = f"/api/cases/{case['id']}"
        assert (await ian.get("/api/cases")).json()["cases"] == [] and (await ian.get(path)).status_code == 404
        assert (await ian.get("/api/cases/nothing")).json() == (await ian.get(path)).json(), "no telling which is there"
        for part in ("/history", "/grants"):
            assert (await ian.get(path + part)).status_code == 404
        assert (await sue.get(path)).json()["may_work"] and not (await alan.get(path)).json()["may_work"]
        assert [each["id"] for each in (await alan.get("/api/cases")).json()["cases"]] == [case["id"]]
        assert (await sue.get("/api/cases?mine=true")).json()["cases"] == []

        people = (await ivy.get("/api/cases/colleagues")).json()["people"]
        assert {each["name"] for each in people} == {"ann", "ivy", "ian", "sue"}, "not the auditor"
        ask = {"name": "ian", "part": "advises", "reason": "Knows the estate"}
        assert (await alan.post(path + "/people", json=ask)).status_code == 403
        assert (await ivy.post(path + "/people", json=ask | {"name": "alan"})).status_code == 400
        assert (await ivy.post(path + "/people", json=ask | {"name": "nobody"})).status_code == 404
        assert (await ivy.post(path + "/people", json=ask)).status_code == 200
        assert (await ivy.post(path + "/people", json=ask)).status_code == 409
        assert (await ian.get(path)).json()["may_work"] is False
        span = {"camera": "gate", "from_us": 1, "to_us": MINUTE_US}
        assert (await ian.post(path + "/footage", json={"footage": [span], "reason": "Wider"})).status_code == 403
        facts = stage.hub.cases.book.facts(case["reference"])
        ian_id = stage.hub.users.by_name("ian").id
        assert facts is not None and ian_id not in facts.people, "who advises has no access"
        assert (await ivy.post(path + "/people", json=ask | {"part": "works"})).status_code == 200
        facts = stage.hub.cases.book.facts(case["reference"])
        assert facts is not None and ian_id in facts.people

        incident = {"incident": {"place": "Elsewhere"}, "reason": "It was elsewhere"}
        for browser in (ivy, ian):
            refused = await browser.put(path + "/incident", json=incident)
            assert refused.status_code == 403 and "second person" in refused.json()["error"]["message"]
        assert (await sue.put(path + "/incident", json=incident)).json()["incident"]["place"] == "Elsewhere"

        assert (await ian.put(path + "/owner", json={"name": "ian", "reason": "Mine"})).status_code == 403
        given = (await ivy.put(path + "/owner", json={"name": "ian", "reason": "Away"})).json()
        assert given["owner"] == "ian" and {each["name"]: each["part"] for each in given["people"]} == {
            "ivy": "works",
            "ian": "lead",
        }
        assert (await ivy.post(path + "/people/ian/remove", json={"reason": "Out"})).status_code == 409
        assert (await ivy.post(path + "/people/ivy/remove", json={"reason": "Leaving"})).status_code == 200
        assert (await ivy.get(path)).status_code == 404
        words = {"kind": "asb", "regime": "uk_gdpr", "title": "Door", "review_us": given["review_us"]}
        changed = await ian.put(path, json=words | {"reason": "Not damage after all"})
        assert changed.json()["kind_text"] == "Anti-social behaviour"
        assert (await ian.put(path, json=words | {"reason": "Again"})).status_code == 400
        past = (await ian.get(path + "/history")).json()["acts"]
        assert [each["kind"] for each in past][-1] == "case.opened" and past[0]["reason"] == "Not damage after all"
        assert all(stage.hub.audit.entry(each["audit_index"]).kind == each["kind"] for each in past)


async def test_closing_ends_the_access_that_rests_on_it(tmp_path: Path) -> None:
    async with (
        hub_stage(tmp_path) as stage,
        stage.signed_in("ivy", "investigator") as ivy,
        stage.signed_in("sue", "supervisor") as sue,
    ):
        case = await opened(ivy, new_case(stage))
        path = f"/api/cases/{case['id']}"
        ask = {"purpose": "investigation", "case": case["reference"], "cameras": ["gate"]}
        span = case["footage"][0]
        ask |= {"from_us": span["from_us"], "to_us": span["to_us"]}
        for browser in (ivy, sue):
            assert (await browser.post("/api/grants", json=ask)).status_code == 200
        assert (await sue.post("/api/grants", json={"purpose": "duty"})).status_code == 200
        rows = (await ivy.get(path + "/grants")).json()["grants"]
        assert {each["by"] for each in rows} == {"ivy", "sue"} and rows[0]["purpose_text"] == "Investigation"
        assert (await ivy.post(path + "/close", json={"reason": ""})).status_code == 400
        closed = (await ivy.post(path + "/close", json={"reason": "Passed to the police"})).json()
        assert closed["state"] == "closed" and closed["grants_ended"] == 2 and not closed["may_work"]
        assert (await ivy.get("/api/grants")).json()["grants"] == []
        assert [each["purpose"] for each in (await sue.get("/api/grants")).json()["grants"]] == ["duty"]
        facts = stage.hub.cases.book.facts(case["reference"])
        assert facts is not None and not facts.open
        late = await ivy.post(path + "/footage", json={"footage": new_case(stage)["footage"], "reason": "More"})
        assert late.status_code == 409 and "closed" in late.json()["error"]["message"]
        assert (await ivy.post(path + "/reopen", json={"reason": "Again"})).status_code == 403
        assert (await sue.post(path + "/reopen", json={"reason": "New witness"})).json()["state"] == "open"
        ended = [entry for entry in stage.hub.audit.entries(limit=20) if entry.kind == "grant.ended"]
        assert len(ended) == 2 and all("was closed" in entry.facts["reason"] for entry in ended)


async def test_footage_and_people_that_leave_take_their_access_along(tmp_path: Path) -> None:
    async with (
        hub_stage(tmp_path) as stage,
        stage.signed_in("ivy", "investigator") as ivy,
        stage.signed_in("ian", "investigator") as ian,
    ):
        stage.hub.register.put_camera(gate(id="yard", name="Yard"))
        case = await opened(ivy, new_case(stage))
        path, span = f"/api/cases/{case['id']}", case["footage"][0]
        times = {"from_us": span["from_us"], "to_us": span["to_us"]}
        wider = {"footage": [{"camera": "yard", **times}], "reason": "They left that way"}
        assert len((await ivy.post(path + "/footage", json=wider)).json()["footage"]) == 2
        assert (await ivy.post(path + "/footage", json=wider)).status_code == 409
        await ivy.post(path + "/people", json={"name": "ian", "reason": "Helps"})
        ask = {"purpose": "investigation", "case": case["reference"], **times}
        assert (await ivy.post("/api/grants", json=ask | {"cameras": ["gate"]})).status_code == 200
        assert (await ivy.post("/api/grants", json=ask | {"cameras": ["yard"]})).status_code == 200
        assert (await ian.post("/api/grants", json=ask | {"cameras": ["gate"]})).status_code == 200
        gone = (await ivy.post(f"{path}/footage/{span['id']}/remove", json={"reason": "Wrong door"})).json()
        assert gone["grants_ended"] == 2 and [each["camera"] for each in gone["footage"]] == ["yard"]
        assert (await ian.post("/api/grants", json=ask | {"cameras": ["yard"]})).status_code == 200
        out = (await ivy.post(f"{path}/people/ian/remove", json={"reason": "Left the team"})).json()
        assert out["grants_ended"] == 1 and (await ian.get("/api/grants")).json()["grants"] == []
        assert len((await ivy.get("/api/grants")).json()["grants"]) == 1


async def test_lists_are_paged_and_filtered(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in("ivy", "investigator") as ivy:
        made, words = [], ("alpha", "bravo", "delta", "kilo", "zulu")
        for number in range(5):
            stage.clock.advance(1_000_000)
            kind = "asb" if number % 2 else "damage"
            made.append((await opened(ivy, new_case(stage, title=f"Door {words[number]} 100%", kind=kind)))["id"])
        first = (await ivy.get("/api/cases?limit=3")).json()
        assert [each["id"] for each in first["cases"]] == made[:1:-1] and first["next"] == made[2]
        rest = (await ivy.get(f"/api/cases?limit=3&after={first['next']}")).json()
        assert [each["id"] for each in rest["cases"]] == made[1::-1] and rest["next"] is None
        assert len((await ivy.get("/api/cases?kind=asb")).json()["cases"]) == 2
        found = (await ivy.get("/api/cases", params={"find": "DOOR kilo"})).json()["cases"]
        assert [each["title"] for each in found] == ["Door kilo 100%"]
        assert (await ivy.get("/api/cases", params={"find": "5%"})).json()["cases"] == []
        assert (await ivy.get("/api/cases?state=closed")).json()["cases"] == []
        path = f"/api/cases/{made[0]}"
        for number in range(4):
            stage.clock.advance(1_000_000)
            span = {"camera": "gate", "from_us": number, "to_us": number + 1}
            await ivy.post(path + "/footage", json={"footage": [span], "reason": "More of it"})
        page = (await ivy.get(path + "/history?limit=3")).json()
        older = (await ivy.get(f"{path}/history?limit=3&before={page['next']}")).json()
        assert len(page["acts"]) == 3 and len(older["acts"]) == 2 and older["next"] is None
