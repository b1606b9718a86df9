"""Partners over HTTP, under the whole action table: two people add one, two let it ask, one ends it; people ask and decide."""

from pathlib import Path
from typing import Any, cast

import pytest

from approvals_stage import PEOPLE, Somebody
from approvals_stage import Council as People
from belvedere.foundation.clock import MINUTE_US
from belvedere.hub.federation.dossier import QuestionRow, RequestRow
from belvedere.hub.federation.signing import read_document
from federation_stage import Council, two_councils, until
from hub_stage import HubStage, hub_stage
from proposals_stage import agree, put

PEOPLE |= {"kim": ("case_approver", "disclosure"), "root": ("administrator", "platform")}
POLICY = {
    "answers": True,
    "reasons": ["crime"],
    "bases": ["dpa2018_part3"],
    "cameras": ["gate"],
    "longest_minutes": 60,
    "widest_m": 150,
    "questions_a_day": 20,
    "hold_days": 30,
    "tells_count": True,
}


def people_of(council: Council) -> People:
    council.hub.settings.hub.origin = "https://hub.test"
    stage = HubStage(council.hub.settings, cast(Any, council.clock), council.site, council.app, council.hub, "")
    return People(stage)


async def _added(one: Council, other: Council, by: Somebody, second: Somebody) -> None:
    own = (await by.get("/api/partners"))["own"]
    assert own["controller"] == one.hub.settings.hub.controller
    document = other.desk.document().decode()
    heard = read_document(other.desk.document())[1]
    body = {"document": document, "fingerprint": "0" * 32, "reason": "sharing agreement 12"}
    refused = await by.post("/api/partners", body, 400)
    assert "fingerprint is not that" in refused["error"]["message"]
    proposal = await put(by, "POST", "/api/partners", body | {"fingerprint": heard.upper()})
    assert {line["what"]: line["after"] for line in proposal["lines"]}["Fingerprint"] == heard
    assert (await by.get("/api/partners"))["partners"] == []
    first = await second.browser.post(f"/api/proposals/{proposal['id']}/confirm", json={"sha256": proposal["sha256"]})
    assert first.json()["error"]["code"] == "step_up_needed"
    await agree(second, proposal)


async def test_two_people_add_a_partner_and_two_let_it_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELVEDERE_HUB__ACCESS", "four_eyes")
    async with two_councils(tmp_path, partners=False) as (ashby, birch):
        theirs = people_of(birch)
        dora, max_, kim = [await theirs.come(name) for name in ("dora", "max", "kim")]
        await _added(birch, ashby, dora, max_)
        await ashby.add(birch)
        (partner,) = (await dora.get("/api/partners"))["partners"]
        assert partner["controller"] == "Ashby Council" and partner["policy"]["answers"] is False
        assert (partner["added_by"], partner["confirmed_by"]) == ("Dora", "Max")
        address = f"/api/partners/{ashby.id}/policy"
        proposal = await put(dora, "PUT", address, {"policy": POLICY, "reason": "agreed for crime"})
        no = await ashby.answered(await ashby.ask(birch))
        assert no.code == "off"  # not before the second person
        await agree(max_, proposal)
        # What opens less counts at once.
        less = POLICY | {"hold_days": 14}
        assert (await put(dora, "PUT", address, {"policy": less, "reason": "two weeks will do"}, 200))["partners"]

        ours = people_of(ashby)
        una = await ours.come("una")
        now_us = ashby.clock.now_us()
        ask = {
            "partner": birch.id,
            "place": {"shape": "circle", "lat": 51.5, "lon": -0.1, "radius_m": 50},
            "from_us": now_us - 20 * MINUTE_US,
            "to_us": now_us - 10 * MINUTE_US,
            "reason": "crime",
            "basis": "dpa2018_part3",
            "reference": "CR/2026/0113",
        }
        wrong = await una.post("/api/partner-questions", ask | {"reason": "curiosity"}, 400)
        assert "legal basis" in wrong["error"]["message"]
        made = await una.post("/api/partner-questions", ask, 201)
        assert [each["state"] for each in made["questions"]] == ["waiting"]  # nobody sees what others asked
        row = ashby.desk.dossier.find
        asked_id = made["questions"][0]["id"]
        await until(lambda: True if row(QuestionRow, birch.id, True, asked_id).state == "yes" else None)
        (question,) = (await una.get("/api/partner-questions"))["questions"]
        assert question["cameras"] == 1 and question["hold"] and question["delivery"] == ""
        request = {"partner": birch.id, "question": asked_id, "wanted": "The gate, ten minutes, please."}
        request |= {"necessity": "The only view of that door.", "officer": "Una, Ashby", "reason": "crime"}
        request |= {"basis": "dpa2018_part3", "reference": "CR/2026/0113"}
        await una.post("/api/partner-requests", request, 201)
        await until(lambda: True if birch.desk.dossier.rows(RequestRow) else None)

        (heard,) = (await kim.get("/api/partner-questions"))["requests"]
        decision = f"/api/partner-requests/{ashby.id}/{heard['id']}/decision"
        await dora.post(decision, {"approve": True, "reason": "necessary, I think"}, 403)
        done = await kim.post(decision, {"approve": False, "reason": "ask for five minutes, not ten"})
        assert done["requests"][0]["state"] == "refused"
        told = await until(lambda: f if (f := ashby.desk.dossier.rows(RequestRow)[0]).state == "refused" else None)
        assert told.told == "ask for five minutes, not ten"
        letters = (await dora.get(f"/api/partners/{ashby.id}/letters"))["letters"]
        assert {each["what"] for each in letters} == {"question", "answer", "request", "request_state"}

        gone = await max_.post(f"/api/partners/{ashby.id}/revoke", {"reason": "the agreement ended"})
        assert gone["partners"][0]["revoked_us"] is not None
        for each in (*theirs.people.values(), *ours.people.values()):
            await each.browser.aclose()


async def test_a_hub_without_federation_says_so(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in("dora", "dpo") as dora:
        shown = (await dora.get("/api/partners")).json()
        assert (shown["on"], shown["own"], shown["partners"]) == (False, None, [])
        answer = await dora.post("/api/partners", json={"document": "{}", "fingerprint": "", "reason": "why not"})
        assert answer.status_code == 409 and "switched off" in answer.json()["error"]["message"]
        assert not (stage.settings.hub_folder / "keys" / "federation").exists()
