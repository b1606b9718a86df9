"""Two people for what changes the system: one proposes, another confirms exactly that with a passkey, and it is done once."""

from pathlib import Path
from typing import Any

import pytest

from approvals_stage import Somebody, council
from belvedere.foundation.clock import HOUR_US
from belvedere.link.messages import Answer, Reply, Request
from belvedere.link.sound import SetSound
from proposals_stage import agree, put, staffed

NEW = {"display": "Bob Baker", "team": "nights", "sites": [], "roles": ["operator"], "name": "bob"}
WHY = "He begins on Monday"


async def test_roles_change_once_another_person_has_confirmed_exactly_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with council(tmp_path, monkeypatch) as found:
        root, dora, max_, oli = await staffed(found, "root", "dora", "max", "oli")
        users = found.stage.hub.users
        path, more = "/api/people/oli/roles", {"roles": ["operator", "investigator"]}
        assert (await put(root, "PUT", path, more, 403))["error"]["message"].endswith("a reason in your own words.")
        waits = await put(root, "PUT", path, more | {"reason": "Helps with cases in December"})
        assert users.by_name("oli").roles == {"operator"}, "nothing has changed yet"
        assert waits["lines"] == [{"what": "Roles", "before": "Operator", "after": "Operator, Investigator"}]
        assert waits["lapses_us"] - waits["made_us"] == 72 * HOUR_US
        assert {each["name"] for each in waits["approvers"]} == {"Dora", "Max"} and "can decide now" in waits[
            "approvers_text"
        ]
        again = await put(root, "PUT", path, more | {"reason": "Helps with cases in December"}, 409)
        assert "already" in again["error"]["message"]
        # The proposer and the person concerned can't; those who may see it listed.
        assert (await root.get("/api/proposals"))["proposals"][0]["mine"]
        listed = (await dora.get("/api/proposals", which="waiting"))["proposals"]
        assert [each["id"] for each in listed] == [waits["id"]] and listed[0]["may_decide"]
        assert (await oli.get("/api/proposals", which="waiting"))["proposals"] == []
        one = f"/api/proposals/{waits['id']}"
        assert (await root.browser.post(f"{one}/confirm", json={"sha256": waits["sha256"]})).status_code == 403
        await dora.post(f"{one}/confirm", {"sha256": "0" * 64}, 403)
        # A passkey over something else does not count; over exactly this it does, and only once.
        done = (await agree(dora, waits))["proposal"]
        assert (done["state"], done["done"], done["decider"]) == ("confirmed", True, "Dora")
        assert users.by_name("oli").roles == {"operator", "investigator"}
        await max_.post(f"{one}/confirm", {"sha256": waits["sha256"]}, 409)
        (made,), (confirmed,) = found.facts("proposal.made"), found.facts("proposal.confirmed")
        (changed,) = found.facts("account.changed")
        assert made["sha256"] == confirmed["sha256"] == waits["sha256"] and confirmed["step_up"]
        assert changed["confirmed_by"] == dora.user.id and changed["step_up"] == confirmed["step_up"]
        assert changed["proposal"] == waits["id"]
        assert [kind for kind in found.stage.kinds() if kind.startswith(("proposal.", "account.changed"))] == [
            "proposal.not_taken",
            "proposal.second_there",
            "proposal.made",
            "proposal.decision_refused",
            "proposal.confirmed",
            "account.changed",
            "proposal.done",
            "proposal.decision_refused",
        ]


async def test_refused_withdrawn_lapsed_and_stale_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with council(tmp_path, monkeypatch) as found:
        root, rita, dora, _ = await staffed(found, "root", "rita", "dora", "oli")
        desk = found.stage.app.state.proposals
        users, path = found.stage.hub.users, "/api/people/oli/roles"

        async def ask(roles: list[str], who: Somebody = root) -> Any:
            return await put(who, "PUT", path, {"roles": roles, "reason": "As the board decided"})

        first = await ask(["supervisor"])
        refused = {"sha256": first["sha256"], "reason": "The board has not met yet"}
        assert (await dora.post(f"/api/proposals/{first['id']}/refuse", refused))["state"] == "refused"
        second = await ask(["supervisor"])
        await rita.post(f"/api/proposals/{second['id']}/withdraw", status=404)
        assert (await root.post(f"/api/proposals/{second['id']}/withdraw"))["state"] == "withdrawn"
        third, fourth = await ask(["supervisor"]), await ask(["investigator"], rita)
        await agree(dora, fourth)
        stale = await dora.post(f"/api/proposals/{third['id']}/confirm", {"sha256": third["sha256"]}, 409)
        assert "changed since" in stale["error"]["message"] and users.by_name("oli").roles == {"investigator"}
        assert (await root.get(f"/api/proposals/{third['id']}"))["state"] == "stale"
        fifth = await ask(["operator"])
        found.stage.clock.advance(72 * HOUR_US)
        assert await desk.lapse() == 1 and await desk.lapse() == 0
        assert desk.store.get(fifth["id"]).state == "lapsed"
        assert users.by_name("oli").roles == {"investigator"}
        kinds = found.stage.kinds()
        assert all(f"proposal.{each}" in kinds for each in ("refused", "withdrawn", "stale", "lapsed"))


async def test_the_first_administrator_is_not_locked_out_and_later_nobody_is_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with council(tmp_path, monkeypatch) as found:
        (root,) = await staffed(found, "root")
        person = NEW | {"name": "dan", "roles": ["dpo"], "team": "legal"}
        made = await root.confirmed("/api/people", person | {"reason": WHY}, 201)
        assert found.facts("proposal.alone")[0]["title"] == "joins dan" and found.facts("account.created")[0]["alone"]
        async with found.stage.browser() as dan:
            assert (
                await dan.post("/api/session", json={"username": "dan", "password": made["code"]})
            ).status_code == 200
        assert not found.facts("proposal.second_there"), "without a passkey nobody confirms"
        dora = await found.come("dora")
        waits = await put(root, "POST", "/api/people", NEW | {"reason": WHY})
        assert found.stage.hub.users.find("bob") is None and len(found.facts("proposal.second_there")) == 1
        agreed = await agree(dora, waits)
        assert [each["name"] for each in agreed["codes"]] == ["bob"] and agreed["codes"][0]["code"]
        # Nobody is left to confirm: it stays so all the same.
        found.stage.hub.users.disable("dora")
        left = await put(root, "POST", "/api/people/bob/leave", {"reason": "He went back home"})
        assert left["approvers"] == [] and not found.stage.hub.users.by_name("bob").disabled


async def test_an_altered_row_is_not_confirmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy import update

    from belvedere.hub.proposals.tables import proposal
    from belvedere.hub.storage.engine import writing

    async with council(tmp_path, monkeypatch) as found:
        root, dora, _ = await staffed(found, "root", "dora", "oli")
        body = {"roles": ["supervisor"], "reason": "As the board decided"}
        waits = await put(root, "PUT", "/api/people/oli/roles", body)
        desk = found.stage.app.state.proposals
        change = desk.store.get(waits["id"]).change
        change["people"][0]["roles"] = ["manager"]
        with writing(found.stage.hub.engine) as connection:
            connection.execute(update(proposal).values(change=change))
        said = await dora.post(f"/api/proposals/{waits['id']}/confirm", {"sha256": waits["sha256"]}, 403)
        assert "changed after it was made" in said["error"]["message"]
        assert found.stage.hub.users.by_name("oli").roles == {"operator"}


async def test_purposes_open_with_two_people_and_close_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with council(tmp_path, monkeypatch) as found:
        dora, max_ = await staffed(found, "dora", "max")
        book = found.stage.hub.purposes.book
        before = await dora.get("/api/purposes/investigation")
        extra = ("code", "state", "in_force_us", "withdrawn_us", "version", "changed_us", "mine")
        terms = {name: value for name, value in before.items() if name not in extra} | {"longest_us": HOUR_US}
        body = {"version": before["version"], "terms": terms, "reason": "Shorter is enough"}
        waits = await put(dora, "PUT", "/api/purposes/investigation", body)
        assert book.of("investigation").version == before["version"]
        assert [each["what"] for each in waits["lines"]] == ["longest_us"]
        await agree(max_, waits)
        assert book.of("investigation").terms.longest_us == HOUR_US
        why = {"version": before["version"] + 1, "reason": "No longer wanted"}
        assert (await dora.confirmed("/api/purposes/investigation/withdraw", why))["state"] == "withdrawn"
        waits = await put(dora, "POST", "/api/purposes/investigation/in-force", why | {"version": why["version"] + 1})
        await agree(max_, waits)
        assert found.stage.hub.purposes.in_force(book.of("investigation"))
        cameras = {"cameras": ["gate"], "purposes": ["duty"], "reason": "A quiet place"}
        first = await dora.browser.put("/api/camera-purposes", json=cameras)
        assert first.json()["error"]["code"] == "step_up_needed", "it takes away only"
        assert found.facts("purpose.changed")[0]["confirmed_by"] == max_.user.id


async def test_footage_goes_with_two_people_and_stays_with_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with council(tmp_path, monkeypatch) as found:
        sam, dora = await staffed(found, "sam", "dora")
        now_us = found.now_us
        hold = {
            "cameras": ["gate"],
            "from_us": now_us - HOUR_US,
            "to_us": now_us,
            "expires_us": now_us + 300 * HOUR_US,
            "reason": "For the court",
        }
        held = (await sam.post("/api/holds", hold, 201))["holds"][0]
        end = f"/api/holds/{held['id']}/end"
        waits = await put(sam, "POST", end, {"reason": "The court is done with it"})
        assert (await sam.get("/api/retention"))["holds"], "held until two people agree"
        await agree(dora, waits)
        assert not (await sam.get("/api/retention"))["holds"]
        assert found.facts("hold.ended")[0]["confirmed_by"] == dora.user.id
        classes = {"classes": [{"name": "street", "days": 14, "reference": ""}], "cameras": {"gate": "street"}}
        waits = await put(dora, "PUT", "/api/retention/classes", classes | {"reason": "Decided by the board"})
        assert {(each["what"], each["after"]) for each in waits["lines"]} == {
            ("Class street", "14 days"),
            ("Camera gate", "street"),
        }
        await agree(sam, waits)
        assert (await sam.get("/api/retention"))["cameras"] == {"gate": "street"}
        night = {"night": 20_000, "bytes": 10**9, "reason": "We were away for days"}
        await put(sam, "POST", "/api/retention/decision", night | {"answer": "no"}, 200)
        went = await put(sam, "POST", "/api/retention/decision", night | {"night": 20_001, "answer": "go"})
        assert went["title"] == "Let a stopped deletion go on"


async def test_by_the_open_desk_it_takes_effect_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with council(tmp_path, monkeypatch, "open_desk") as found:
        root, _ = await staffed(found, "root", "dora")
        assert (await root.confirmed("/api/people", NEW, 201))["name"] == "bob"
        assert not any(kind.startswith("proposal.") and kind != "proposal.second_there" for kind in found.stage.kinds())


async def test_sound_is_switched_on_by_two_people_and_off_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with council(tmp_path, monkeypatch) as found:
        sam, dora = await staffed(found, "sam", "dora")
        ordered: list[SetSound] = []

        def answer(request: Request) -> Reply | None:
            if not isinstance(request, SetSound):
                return None
            ordered.append(request)
            return Answer()

        found.stage.site.answer = answer
        path, why = "/api/cameras/gate/sound", "Shouts for help at the gate are missed"
        assert (await sam.get(path))["on"] is False
        await put(sam, "PUT", path, {"on": True, "reason": "Too short"}, 400)
        waits = await put(sam, "PUT", path, {"on": True, "reason": why})
        assert ordered == []
        await agree(dora, waits)
        assert [(each.camera, each.on, each.because) for each in ordered] == [("gate", True, why)]
        assert found.facts("camera.sound_on")[0]["confirmed_by"] == dora.user.id
        await put(sam, "PUT", path, {"on": False}, 204)
        assert [each.on for each in ordered] == [True, False]


async def test_who_declared_a_conflict_decides_nothing_that_concerns_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with council(tmp_path, monkeypatch) as found:
        ivy, sam, max_, dora, root = await staffed(found, "ivy", "sam", "max", "dora", "root")
        mine = await sam.post("/api/conflicts", {"kind": "camera", "words": "gate"}, 201)
        await max_.post("/api/conflicts", {"kind": "person", "words": "Bob Baker"}, 201)
        case = await found.case_of(ivy)
        asked = await ivy.post("/api/requests", found.wish(case), 201)
        seen = await sam.get(f"/api/requests/{asked['id']}")
        assert not seen["may_decide"] and "conflict of interest" in seen["why_not"]
        answer = {"ask_sha256": asked["ask_sha256"], "reason": "It is my own door"}
        await sam.post(f"/api/requests/{asked['id']}/refuse", answer, 403)
        assert (await max_.get(f"/api/requests/{asked['id']}"))["may_decide"]
        assert (await sam.browser.delete(f"/api/conflicts/{mine['id']}")).status_code == 204
        assert (await sam.get(f"/api/requests/{asked['id']}"))["may_decide"]
        # The same holds for changes, and the DPO sees who declared how much, not what.
        waits = await put(root, "POST", "/api/people", NEW | {"reason": WHY})
        kept = await max_.get(f"/api/proposals/{waits['id']}")
        assert not kept["may_decide"] and "conflict of interest" in kept["why_not"]
        await max_.post(f"/api/proposals/{waits['id']}/confirm", {"sha256": waits["sha256"]}, 403)
        listed = (await dora.get("/api/dpo/conflicts"))["declared"]
        assert [(each["name"], each["kind"], each["count"]) for each in listed] == [("Max", "person", 1)]
