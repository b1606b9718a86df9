"""Purposes: what a council begins with, who changes them, and what a change ends."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authenticator import Authenticator
from belvedere.foundation.clock import DAY_US, HOUR_US
from belvedere.foundation.errors import BadInput
from belvedere.hub.purposes.rules import ACTIONS, KINDS, NEVER_PICTURES, Terms, changes, require_sound
from belvedere.policy.grant import Action
from belvedere.policy.table import PurposeKind
from hub_stage import gate, hub_stage
from passkey_stage import add, confirm, stage_of

SOUND: dict[str, Any] = {
    "text": "Lost property",
    "wording": "Finding what somebody left behind in a public place of the estate.",
    "kind": "incident",
    "regime": "uk_gdpr",
    "basis": "UK GDPR Art. 6(1)(e)",
    "condition": "",
    "actions": ["playback"],
    "roles": ["investigator"],
    "longest_us": HOUR_US,
    "usual_reach_us": HOUR_US,
    "longest_reach_us": DAY_US,
    "longest_span_us": None,
    "most_cameras": 4,
    "needs_case": False,
    "ends_with_shift": False,
    "masked": True,
    "for_new_cameras": True,
}


def terms(**more: Any) -> Terms:
    values = SOUND | more
    return Terms(**values | {name: tuple(values[name]) for name in ("actions", "roles")})


def test_names_are_those_of_the_policy() -> None:
    assert set(ACTIONS) == {str(each) for each in Action} and set(KINDS) == {str(each) for each in PurposeKind}
    require_sound(terms())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"text": "x"}, "name has"),
        ({"wording": "because"}, "wording has"),
        ({"basis": ""}, "lawful basis has"),
        ({"regime": "part_9"}, "no regime"),
        ({"kind": "fun"}, "no kind"),
        ({"actions": ["fly"]}, "no action"),
        ({"actions": ["playback", "playback"]}, "named twice"),
        ({"roles": ["king"]}, "no role"),
        ({"roles": []}, "Nobody may use"),
        ({"roles": ["investigator", "administrator"]}, "sees no pictures"),
        ({"actions": ["search"]}, "needs a case"),
        ({"longest_us": 13 * HOUR_US}, "12 hours"),
        ({"longest_us": 0}, "a minute"),
        ({"usual_reach_us": 400 * DAY_US}, "366 days"),
        ({"longest_reach_us": None}, "limit to how far back"),
        ({"longest_reach_us": 1}, "not shorter"),
        ({"longest_span_us": 1}, "longest piece"),
        ({"most_cameras": 0}, "most cameras"),
    ],
)
def test_what_no_purpose_may_be(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said) as error:
        require_sound(terms(**wrong))
    assert error.value.advice


@given(st.permutations(ACTIONS[:4]), st.permutations(["operator", "supervisor"]))
def test_the_order_of_a_list_is_no_change(actions: list[str], roles: list[str]) -> None:
    before = terms(actions=ACTIONS[:4], roles=["operator", "supervisor"], needs_case=True)
    assert changes(before, terms(actions=actions, roles=roles, needs_case=True)) == {}


@pytest.mark.both_engines
async def test_what_a_council_begins_with(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as ann:
        answer = (await ann.get("/api/purposes")).json()
        found = {each["code"]: each for each in answer["purposes"]}
        assert not answer["asked"], "the small table has purposes of its own"
        assert {"duty", "investigation", "crime", "request", "subject", "break_glass", "training", "review"} <= set(
            found
        )
        assert found["crime"]["regime"] == "part_3" and "s.35" in found["crime"]["basis"]
        assert found["training"]["state"] == "draft" and found["training"]["masked"], "until masked pictures are on"
        assert found["duty"]["mine"] and not found["review"]["mine"] and not found["training"]["mine"]
        book = stage.hub.purposes.book
        for each in book.all():
            require_sound(each.terms)
            assert not (each.terms.actions and NEVER_PICTURES & set(each.terms.roles))
        assert "training" not in book.purposes() and book.purposes()["duty"].ends_with_shift
        assert "duty" in book.camera_purposes()["gate"] and "training" not in book.camera_purposes()["a new camera"]


async def test_only_the_dpo_changes_them_with_a_passkey_and_a_reason(tmp_path: Path) -> None:
    async with (
        stage_of(tmp_path) as stage,
        stage.signed_in() as ann,
        stage.signed_in("dora", "dpo") as dora,
        stage.signed_in("alan", "auditor") as alan,
    ):
        before = (await dora.get("/api/purposes/duty")).json()
        names = set(SOUND)
        changed = {name: before[name] for name in names} | {"longest_us": 8 * HOUR_US}
        body = {"version": 1, "terms": changed, "reason": "Shifts are eight hours"}
        for browser in (ann, alan):
            assert (await browser.put("/api/purposes/duty", json=body)).status_code == 403
        key = Authenticator()
        await add(dora, key)
        assert (await dora.put("/api/purposes/duty", json=body | {"reason": ""})).status_code == 400
        needed = await dora.put("/api/purposes/duty", json=body)
        act = needed.json()["error"]["act"]
        assert act["changes"] == {"longest_us": [12 * HOUR_US, 8 * HOUR_US]} and act["reason"] == body["reason"]
        assert "purpose.changed" not in stage.kinds(), "nothing before the passkey"
        assert (await confirm(dora, key, act)).status_code == 200
        other = {**body, "reason": "Another reason"}
        assert (await dora.put("/api/purposes/duty", json=other)).status_code == 403, "confirmed was another act"
        done = (await dora.put("/api/purposes/duty", json=body)).json()
        assert done["version"] == 2 and stage.hub.purposes.book.purposes()["duty"].longest_us == 8 * HOUR_US
        assert stage.kinds()[-1] == "purpose.changed"
        assert (await dora.put("/api/purposes/duty", json=body)).status_code == 409, "version 1 was read"
        same = await dora.put("/api/purposes/duty", json=body | {"version": 2})
        assert same.status_code == 400 and "Nothing is different" in same.json()["error"]["message"]
        past = (await alan.get("/api/purposes/duty/history")).json()["changes"]
        assert [each["by"] for each in past] == ["dora"] and past[0]["reason"] == "Shifts are eight hours"
        entry = stage.hub.audit.entry(past[0]["audit_index"])
        assert entry.kind == "purpose.changed" and entry.facts["step_up"]
        assert (await ann.get("/api/purposes/duty/history")).status_code == 403
        assert (await dora.get("/api/purposes/nothing")).status_code == 404


async def test_a_withdrawn_purpose_ends_its_grants_and_no_other(tmp_path: Path) -> None:
    async with stage_of(tmp_path) as stage, stage.signed_in() as ann, stage.signed_in("dora", "dpo") as dora:
        key = Authenticator()
        await add(dora, key)
        assert (await ann.post("/api/grants", json={"purpose": "duty"})).status_code == 200

        async def act(path: str, body: dict[str, Any], method: str = "POST") -> dict[str, Any]:
            needed = await dora.request(method, path, json=body)
            assert needed.status_code == 403, needed.text
            assert (await confirm(dora, key, needed.json()["error"]["act"])).status_code == 200
            stage.clock.advance(1_000_000)
            done = await dora.request(method, path, json=body)
            assert done.status_code in (200, 201), done.text
            answer: dict[str, Any] = done.json()
            return answer

        claim = await act("/api/purposes/claim/withdraw", {"version": 1, "reason": "Not done here"})
        assert claim["state"] == "withdrawn" and claim["grants_ended"] == 0
        duty = await act("/api/purposes/duty/withdraw", {"version": 1, "reason": "Live view stops"})
        assert duty["grants_ended"] == 1 and (await ann.get("/api/grants")).json()["grants"] == []
        assert "duty" not in stage.hub.purposes.book.purposes()
        ended = stage.hub.audit.entries(limit=1)[0]
        assert ended.kind == "grant.ended" and "withdrawn" in ended.facts["reason"]
        again = await dora.post("/api/purposes/duty/withdraw", json={"version": 2, "reason": "Once more"})
        assert again.status_code == 409
        back = await act("/api/purposes/duty/in-force", {"version": 2, "reason": "Live view is back"})
        assert back["state"] == "in_force" and back["version"] == 3

        new = {"code": "lost", "terms": SOUND, "reason": "People ask for it"}
        assert (await dora.post("/api/purposes", json=new | {"code": "Lost!"})).status_code == 400
        made = await act("/api/purposes", new)
        assert made["state"] == "draft" and "lost" not in stage.hub.purposes.book.purposes()
        assert (await dora.post("/api/purposes", json=new)).status_code == 409
        await act("/api/purposes/lost/in-force", {"version": 1, "reason": "Agreed in the board"})
        assert stage.hub.purposes.book.purposes()["lost"].most_cameras == 4
    async with hub_stage(tmp_path) as stage:
        assert stage.hub.purposes.book.of("lost").version == 2, "it is in the database"


async def test_what_a_camera_accepts(tmp_path: Path) -> None:
    async with stage_of(tmp_path) as stage, stage.signed_in() as ann, stage.signed_in("dora", "dpo") as dora:
        stage.hub.register.put_camera(gate(id="yard", name="Yard"))
        key = Authenticator()
        await add(dora, key)
        both = (await ann.post("/api/grants", json={"purpose": "duty"})).json()
        assert both["cameras"] == ["gate", "yard"]
        one = {"cameras": ["yard"], "purposes": ["investigation"], "reason": "Looks into a school"}
        wrongs: tuple[dict[str, Any], ...] = ({"cameras": ["moon"]}, {"purposes": ["fun"]}, {"cameras": []})
        for wrong in wrongs:
            assert (await dora.put("/api/camera-purposes", json=one | wrong)).status_code in (400, 404), wrong
        assert (await ann.put("/api/camera-purposes", json=one)).status_code == 403
        needed = (await dora.put("/api/camera-purposes", json=one)).json()["error"]["act"]
        assert needed == {"do": "purpose.cameras", **one}
        await confirm(dora, key, needed)
        done = (await dora.put("/api/camera-purposes", json=one)).json()
        assert done["grants_ended"] == 1 and (await ann.get("/api/grants")).json()["grants"] == []
        assert [each["purposes"] for each in done["cameras"]] == [["investigation"]]
        lists = stage.hub.purposes.book.camera_purposes()
        assert lists["yard"] == {"investigation"} and "duty" in lists["gate"]
        past = (await dora.get("/api/camera-purposes/yard/history")).json()["changes"]
        assert past[0]["changes"]["purposes"][1] == ["investigation"] and past[0]["reason"] == one["reason"]
        back = {"cameras": ["yard"], "purposes": None, "reason": "The school moved"}
        await confirm(dora, key, (await dora.put("/api/camera-purposes", json=back)).json()["error"]["act"])
        assert (await dora.put("/api/camera-purposes", json=back)).json()["cameras"] == []
        assert "duty" in stage.hub.purposes.book.camera_purposes()["yard"]
