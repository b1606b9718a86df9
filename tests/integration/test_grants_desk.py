"""The grant desk by the whole action table: cases, second persons, passkeys, renewals, and ending other people's grants."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from authenticator import Authenticator
from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US
from belvedere.foundation.errors import ApprovalNeeded, BadInput, NotFound, Refused, StepUpNeeded
from belvedere.hub.access.grants import GrantAsk
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.access.staff import StaffDesk
from belvedere.policy.ask import Approval, CaseFacts, CaseWindow
from belvedere.policy.grant import Action
from hub_stage import HubStage, gate
from passkey_stage import add, confirm, stage_of

CASE = "CR/26/1"


class Cases:
    """One case about the gate, with ann on it."""

    def __init__(self, ann: str, now_us: int) -> None:
        self.happened_us = now_us - DAY_US
        self.open = True
        self._people = frozenset({ann})
        self._windows = (CaseWindow("gate", now_us - 2 * DAY_US, now_us + DAY_US),)

    def facts(self, reference: str) -> CaseFacts | None:
        if reference != CASE:
            return None
        return CaseFacts(CASE, self.open, self._people, self._windows, self.happened_us, frozenset({"gate"}))


@asynccontextmanager
async def four_eyes(data: Path) -> AsyncIterator[HubStage]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BELVEDERE_HUB__ACCESS", "four_eyes")
        async with stage_of(data) as stage:
            yield stage


def session_of(stage: HubStage, name: str = "ann") -> SignedIn:
    user = stage.hub.users.by_name(name)
    found = stage.hub.sessions.by_key(user.id, stage.hub.sessions.of(user.id)[0].key)
    assert found is not None
    return found


async def test_a_wide_look_takes_a_second_person_and_a_near_one_a_passkey(tmp_path: Path) -> None:
    async with four_eyes(tmp_path) as stage, stage.signed_in() as browser, stage.signed_in("bob", "supervisor"):
        key, hub = Authenticator(), stage.hub
        await add(browser, key)
        ann = session_of(stage)
        cases = Cases(ann.user.id, stage.clock.now_us())
        hub.grants.look_at_cases(cases)
        near = GrantAsk(
            "investigation",
            frozenset({"gate"}),
            frozenset({Action.PLAYBACK}),
            case=CASE,
            from_us=cases.happened_us - MINUTE_US,
            to_us=cases.happened_us + MINUTE_US,
            reason="a broken door",
        )
        with pytest.raises(Refused, match="training"):
            await hub.grants.issue(ann, near)
        trained(stage)
        ann = session_of(stage)
        with pytest.raises(StepUpNeeded) as needed:
            await hub.grants.issue(ann, near)
        assert (await confirm(browser, key, needed.value.act)).status_code == 200
        for _ in range(2):  # one passkey opens for a quarter of an hour
            grant = await hub.grants.issue(ann, near)
            assert grant.masked and grant.approver == "" and grant.actions == {Action.PLAYBACK}
        wide = GrantAsk(
            "investigation",
            near.cameras,
            near.actions,
            case=CASE,
            from_us=cases.happened_us - HOUR_US,
            to_us=cases.happened_us,
            reason="a broken door",
        )
        with pytest.raises(ApprovalNeeded) as wanted:
            await hub.grants.issue(ann, wide)
        assert "supervisor" in wanted.value.approvers and wanted.value.ask["ask_sha256"] == wanted.value.digest
        body: dict[str, Any] = {"purpose": "investigation", "case": CASE, "cameras": ["gate"], "actions": ["playback"]}
        body |= {"from_us": wide.from_us, "to_us": wide.to_us, "reason": wide.reason}
        told = (await browser.post("/api/grants", json=body)).json()["error"]
        assert (told["code"], told["digest"]) == ("approval_needed", wanted.value.digest)
        bob = stage.hub.users.by_name("bob")
        approval = Approval(bob.id, "supervisors", bob.roles, wanted.value.digest, stage.clock.now_us())
        given = await hub.grants.issue(ann, wide, approval)
        assert given.approver == bob.id
        stage.clock.advance(hub.grants.table.recent_us)
        with pytest.raises(StepUpNeeded):
            await hub.grants.issue(ann, near)
        cases.open = False
        with pytest.raises(Refused, match="is closed"):
            await hub.grants.issue(ann, wide, approval)
        with pytest.raises(Refused, match="is closed"):
            await hub.grants.renew(ann, given.id, "not done yet")
        assert "grant.refused" in stage.kinds()


def trained(stage: HubStage) -> None:
    """Ann was trained today."""
    desk = StaffDesk(stage.hub.engine, stage.clock)
    desk.carry_out(desk.plan([replace(desk.of("ann"), trained_us=stage.clock.now_us())]))


async def test_sites_of_the_account_are_the_cameras_of_the_grant(tmp_path: Path) -> None:
    async with stage_of(tmp_path) as stage, stage.signed_in() as browser:
        stage.hub.register.put_site("north", "North")
        stage.hub.register.put_camera(gate(id="quay", site="north"))
        assert (await browser.post("/api/grants", json={"purpose": "duty"})).json()["cameras"] == ["gate", "quay"]
        desk = StaffDesk(stage.hub.engine, stage.clock)
        desk.carry_out(desk.plan([replace(desk.of("ann"), sites=("north",))]))
        assert (await browser.post("/api/grants", json={"purpose": "duty"})).json()["cameras"] == ["quay"]
        refused = await browser.post("/api/grants", json={"purpose": "duty", "cameras": ["gate"]})
        assert refused.status_code == 403 and "Not at your sites" in refused.text


async def test_renewed_with_a_reason_and_the_old_one_ends(tmp_path: Path) -> None:
    async with stage_of(tmp_path) as stage, stage.signed_in() as browser:
        first = (await browser.post("/api/grants", json={"purpose": "duty", "lasts_us": HOUR_US})).json()
        assert (await browser.post(f"/api/grants/{first['id']}/renew", json={"reason": " "})).status_code == 400
        stage.clock.advance(MINUTE_US)
        renewed = await browser.post(f"/api/grants/{first['id']}/renew", json={"reason": "the search goes on"})
        again = renewed.json()
        assert renewed.status_code == 200 and again["cameras"] == first["cameras"] and again["id"] != first["id"]
        listed = (await browser.get("/api/grants")).json()["grants"]
        assert [grant["id"] for grant in listed] == [again["id"]]
        issued = next(entry for entry in stage.hub.audit.entries() if entry.kind == "grant.issued")
        assert issued.facts["renews"] == first["id"] and issued.facts["words"] == "the search goes on"
        (ended,) = (await browser.get("/api/grants/ended")).json()["ended"]
        assert (ended["id"], ended["renewed"]) == (first["id"], True)
        assert (await browser.post(f"/api/grants/{first['id']}/renew", json={"reason": "more"})).status_code == 404


async def test_a_supervisor_ends_somebody_elses_grant(tmp_path: Path) -> None:
    async with (
        stage_of(tmp_path) as stage,
        stage.signed_in() as ann,
        stage.signed_in("bob", "supervisor") as bob,
        stage.signed_in("eve") as eve,
    ):
        grant = (await ann.post("/api/grants", json={"purpose": "duty"})).json()["id"]
        for path, body in ((f"/api/grants/{grant}/revoke", {"reason": "x"}), ("/api/grants/all", None)):
            answer = await (eve.get(path) if body is None else eve.post(path, json=body))
            assert answer.status_code == 403
        assert [each["id"] for each in (await bob.get("/api/grants/all")).json()["grants"]] == [grant]
        assert (await bob.post(f"/api/grants/{grant}/revoke", json={"reason": " "})).status_code == 400
        assert (await bob.post(f"/api/grants/{grant}/revoke", json={"reason": "wrong place"})).status_code == 204
        assert stage.hub.grants.ended.is_set()
        assert (await bob.post(f"/api/grants/{grant}/revoke", json={"reason": "again"})).status_code == 404
        with pytest.raises(Refused):
            await stage.hub.grants.use(stage.hub.users.by_name("ann"), grant, Action.LIVE, ["gate"])
        revoked = next(entry for entry in stage.hub.audit.entries() if entry.kind == "grant.revoked")
        assert (revoked.facts["grant"], revoked.facts["reason"]) == (grant, "wrong place")
        desk, user = stage.hub.grants, stage.hub.users.by_name("eve")
        with pytest.raises(Refused):
            await desk.revoke(user, grant, "because")
        with pytest.raises(BadInput):
            await desk.revoke(stage.hub.users.by_name("bob"), grant, "")
        with pytest.raises(NotFound):
            await desk.revoke(stage.hub.users.by_name("bob"), "grant_x", "because")


@pytest.mark.parametrize("moment", ["decided", "logged"])
async def test_a_purpose_withdrawn_while_a_grant_is_issued_is_a_refusal(tmp_path: Path, moment: str) -> None:
    async with four_eyes(tmp_path) as stage, stage.signed_in():
        trained(stage)
        hub, ann = stage.hub, session_of(stage)
        duty = hub.purposes.book.of("duty")
        hub.purposes.book.load()
        written = hub.purposes.book._written

        def withdraw() -> None:
            gone = replace(duty, withdrawn_us=stage.clock.now_us())
            hub.purposes.book._written = {**written, "duty": gone}

        if moment == "decided":
            decided = hub.grants._decide

            async def decide_and_withdraw(*args: Any) -> Any:
                found = await decided(*args)
                withdraw()
                return found

            hub.grants._decide = decide_and_withdraw  # type: ignore[method-assign, assignment]
        else:
            append = hub.audit.append

            async def append_and_withdraw(kind: str, actor: str, facts: Any) -> Any:
                entry = await append(kind, actor, facts)
                if kind == "grant.issued":
                    withdraw()
                return entry

            hub.audit.append = append_and_withdraw  # type: ignore[method-assign]
        with pytest.raises(Refused, match="withdrawn just now"):
            await hub.grants.issue(ann, GrantAsk("duty"))
        assert await hub.grants.live(ann.user) == [] and hub.audit.entries(limit=1)[0].kind == "grant.refused"
