"""Signing in and out, passwords and grants, over HTTP, against the real log."""

from pathlib import Path

import httpx
import pytest

from belvedere.foundation.clock import HOUR_US, MINUTE_US
from belvedere.foundation.errors import Refused
from belvedere.hub.access import grants as grant_desk
from belvedere.hub.access import sessions, tries
from belvedere.hub.access.grants import GrantAsk
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.access.users import SignIn
from belvedere.policy.grant import Action
from belvedere.policy.signed import GrantOpener
from hub_stage import CSRF, HubStage, gate, hub_stage

GOOD = "correct horse battery"


def error_of(answer: httpx.Response) -> dict[str, str]:
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "advice"}
    assert isinstance(error, dict)
    return error


async def a_session(stage: HubStage, name: str = "ann") -> SignedIn:
    return stage.hub.sessions.open(SignIn(stage.hub.users.by_name(name), by_code=False), "")[1]


async def test_the_first_log_in(tmp_path: Path) -> None:
    async with hub_stage(tmp_path, password_after_code=True) as stage, stage.browser() as browser:
        before = await browser.get("/api/session")
        assert before.status_code == 401 and error_of(before)["code"] == "not_signed_in"
        answer = await browser.post("/api/session", json={"username": "Ann", "password": stage.code})
        told = answer.json()
        assert answer.status_code == 200 and told["must_change_password"]
        own = {"id": told["user"]["id"], "name": "ann", "display": "Ann Operator"}
        assert told["user"] == own | {"role": "operator", "roles": ["operator"]}
        assert (await browser.get("/api/grants")).status_code == 403, "the hub itself insists on a password"
        cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("belvedere="))
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Path=/" in cookie and "Max-Age" not in cookie
        assert answer.headers["cache-control"] == "no-store"
        again = (await browser.get("/api/session")).json()
        assert again == told
        browser.headers[CSRF] = told["csrf"]
        assert (await browser.post("/api/password", json={"password": "short"})).status_code == 400
        assert (await browser.post("/api/password", json={"password": GOOD})).status_code == 204
        assert not (await browser.get("/api/session")).json()["must_change_password"]
        assert (await browser.delete("/api/session")).status_code == 204
        assert (await browser.get("/api/session")).status_code == 401
        del browser.headers[CSRF]
        assert (await browser.post("/api/session", json={"username": "ann", "password": stage.code})).status_code == 401
        assert (await browser.post("/api/session", json={"username": "ann", "password": GOOD})).status_code == 200
        assert stage.kinds() == [
            "session.opened",
            "password.changed",
            "session.closed",
            "session.refused",
            "session.opened",
        ]


async def test_https_gets_the_strict_cookie(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.browser() as browser:
        answer = await browser.post("https://hub.test/api/session", json={"username": "ann", "password": stage.code})
        kept = answer.headers.get_list("set-cookie")
        assert {each.split("=")[0] for each in kept} == {"__Host-belvedere", "__Host-belvedere-device"}
        assert all("Secure" in each and "HttpOnly" in each and "SameSite=strict" in each for each in kept)
        assert "strict-transport-security" in answer.headers
        token, device = browser.cookies["__Host-belvedere"], browser.cookies["__Host-belvedere-device"]
        for name, status in (("__Host-belvedere", 200), ("belvedere", 401)):
            headers = {"Cookie": f"{name}={token}; __Host-belvedere-device={device}"}
            async with stage.browser(**headers) as other:
                assert (await other.get("https://hub.test/api/session")).status_code == status


async def test_wrong_password_and_unknown_name_get_the_same_answer(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.browser() as browser:
        wrong = await browser.post("/api/session", json={"username": "ann", "password": "wrong"})
        unknown = await browser.post("/api/session", json={"username": "my secret password", "password": "x"})
        assert (wrong.status_code, wrong.json()) == (unknown.status_code, unknown.json())
        facts = [entry.facts for entry in stage.hub.audit.entries()]
        assert facts[0]["account"] == "" and facts[1]["account"].startswith("user_")
        assert "my secret password" not in str(facts)


async def test_too_many_tries_are_turned_away_before_hashing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with hub_stage(tmp_path) as stage, stage.browser() as browser:
        for _ in range(tries.PER_NAME_AND_ADDRESS):
            assert (await browser.post("/api/session", json={"username": "ann", "password": "no"})).status_code == 401
        monkeypatch.setattr(type(stage.hub.users), "check", lambda *_: pytest.fail("hashed all the same"))
        answer = await browser.post("/api/session", json={"username": "ann", "password": stage.code})
        assert answer.status_code == 403 and "Wait" in error_of(answer)["advice"]


async def test_the_present_password_is_asked_for(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        assert (await browser.post("/api/password", json={"password": GOOD})).status_code == 204
        stolen = await browser.post("/api/password", json={"password": "another good password"})
        assert stolen.status_code == 403
        changed = await browser.post("/api/password", json={"password": "another good password", "current": GOOD})
        assert changed.status_code == 204


async def test_a_new_password_ends_other_sessions(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        other = await a_session(stage)
        await browser.post("/api/password", json={"password": GOOD})
        assert not stage.hub.sessions.alive(other.key)
        assert (await browser.get("/api/session")).status_code == 200


async def test_unsafe_requests_need_the_token_and_the_same_site(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        token = browser.headers.pop(CSRF)
        assert (await browser.post("/api/grants", json={"purpose": "duty"})).status_code == 403
        assert (await browser.delete("/api/session")).status_code == 403
        browser.headers[CSRF] = token[:-1] + "x"
        assert (await browser.post("/api/grants", json={"purpose": "duty"})).status_code == 403
        browser.headers[CSRF] = token
        for foreign in ({"Origin": "http://evil.test"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = await browser.post("/api/grants", json={"purpose": "duty"}, headers=foreign)
            assert answer.status_code == 403, foreign
        async with stage.browser(Origin="http://evil.test") as evil:
            assert (await evil.post("/api/session", json={"username": "ann", "password": "x"})).status_code == 403
        same = {"Origin": "http://hub.test", "Sec-Fetch-Site": "same-origin"}
        assert (await browser.post("/api/grants", json={"purpose": "duty"}, headers=same)).status_code == 200


async def test_idle_sessions_end(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        stage.clock.advance(sessions.IDLE_US - MINUTE_US)
        assert (await browser.get("/api/grants")).status_code == 200
        stage.clock.advance(sessions.IDLE_US)
        assert (await browser.get("/api/grants")).status_code == 401


async def test_a_duty_grant_covers_the_estate_until_the_shift_ends(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        grant = (await browser.post("/api/grants", json={"purpose": "duty", "reason": "Evening shift"})).json()
        assert grant["cameras"] == ["gate"] and grant["actions"] == ["export", "live", "playback", "ptz"]
        assert grant["expires_us"] == stage.clock.now_us() + sessions.LONGEST_US
        assert grant["from_us"] == stage.clock.now_us() - 31 * 24 * HOUR_US and grant["user_name"] == "Ann Operator"
        assert (await browser.get("/api/grants")).json() == {"grants": [grant]}
        entry = stage.hub.audit.entries()[0]
        assert entry.kind == "grant.issued" and entry.facts["grant"] == grant["id"]
        assert entry.facts["words"] == "Evening shift"
        await browser.delete("/api/session")
        assert "grant.ended" in stage.kinds()


async def test_refusals_tell_why_and_are_logged(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in("dora", "dpo") as browser:
        answer = await browser.post("/api/grants", json={"purpose": "duty"})
        assert answer.status_code == 403 and error_of(answer)["advice"]
        assert stage.kinds()[-1] == "grant.refused"
        bad = await browser.post("/api/grants", json={"purpose": "duty", "actions": ["fly"], "password": "hush"})
        assert bad.status_code == 400 and "hush" not in bad.text and "fly" not in bad.text


async def test_the_site_opens_what_the_desk_hands_out(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage:
        session = await a_session(stage)
        grant = await stage.hub.grants.issue(session, GrantAsk("duty"))
        usable = await stage.hub.grants.use(session.user, grant.id, Action.LIVE, ["gate"])
        site = GrantOpener(stage.settings.hub_public_key_file.read_bytes(), stage.clock)
        assert site.open(usable.wire) == grant == usable.grant


async def test_what_a_grant_does_not_cover_is_refused_and_logged(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage:
        stage.hub.register.put_camera(gate(id="court", name="Court"))
        stage.hub.users.create("bob", "operator")
        ann, bob = await a_session(stage), await a_session(stage, "bob")
        desk, now_us = stage.hub.grants, stage.clock.now_us()
        ask = GrantAsk("duty", cameras=frozenset({"gate"}), actions=frozenset({Action.PLAYBACK}))
        grant = await desk.issue(ann, ask)
        long_ago = now_us - 40 * 24 * HOUR_US
        cases: list[tuple[SignedIn, str, Action, list[str], int | None]] = [
            (ann, grant.id, Action.PLAYBACK, ["court"], None),
            (ann, grant.id, Action.PLAYBACK, ["gate", "court"], None),
            (ann, grant.id, Action.LIVE, ["gate"], None),
            (ann, grant.id, Action.LIVE, [], None),
            (ann, grant.id, Action.PLAYBACK, ["gate"], long_ago),
            (ann, "grant_unknown", Action.PLAYBACK, ["gate"], None),
            (bob, grant.id, Action.PLAYBACK, ["gate"], None),
        ]
        for session, grant_id, action, cameras, start_us in cases:
            with pytest.raises(Refused):
                await desk.use(session.user, grant_id, action, cameras, start_us, now_us if start_us else None)
        assert stage.kinds() == ["grant.issued", *["view.refused"] * len(cases)]
        assert desk.refused == len(cases)
        await desk.use(ann.user, grant.id, Action.PLAYBACK, ["gate"], now_us - HOUR_US, now_us)
        await desk.use(ann.user, grant.id, Action.PLAYBACK, [])


async def test_an_ended_grant_is_shut_at_once(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        grant_id = (await browser.post("/api/grants", json={"purpose": "duty"})).json()["id"]
        user = stage.hub.users.by_name("ann")
        await stage.hub.grants.use(user, grant_id, Action.LIVE, ["gate"])
        async with stage.signed_in("bob") as other:
            assert (await other.delete(f"/api/grants/{grant_id}")).status_code == 404
        assert (await browser.delete(f"/api/grants/{grant_id}")).status_code == 204
        assert (await browser.delete(f"/api/grants/{grant_id}")).status_code == 204
        with pytest.raises(Refused):
            await stage.hub.grants.use(user, grant_id, Action.LIVE, ["gate"])
        assert (await browser.get("/api/grants")).json() == {"grants": []}
        assert stage.kinds().count("grant.ended") == 1


async def test_grants_survive_a_restart_and_expire(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage:
        session = await a_session(stage)
        grant = await stage.hub.grants.issue(session, GrantAsk("duty"))
    async with hub_stage(tmp_path) as stage:
        assert await stage.hub.grants.live(session.user) == [grant]
        stage.clock.advance(sessions.LONGEST_US)
        assert await stage.hub.grants.live(session.user) == []
        with pytest.raises(Refused):
            await stage.hub.grants.use(session.user, grant.id, Action.LIVE, ["gate"])


async def test_nobody_hoards_grants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grant_desk, "MOST_LIVE", 2)
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        for status in (200, 200, 409):
            assert (await browser.post("/api/grants", json={"purpose": "duty"})).status_code == status


async def test_a_grant_that_can_not_be_logged_is_not_given(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        await stage.hub.audit.stop()
        answer = await browser.post("/api/grants", json={"purpose": "duty"})
        assert answer.status_code == 503 and error_of(answer)["code"] == "storage_fault"
        assert (await browser.get("/api/grants")).json() == {"grants": []}


async def test_acts_of_the_command_line_reach_the_log(tmp_path: Path) -> None:
    from belvedere.cli.users import add_user, disable_user, list_users, new_code

    async with hub_stage(tmp_path) as stage:
        settings = stage.settings
    code = add_user(settings, "carol", "investigator", "Carol")
    assert code != new_code(settings, "carol")
    disable_user(settings, "carol")
    assert [(user.name, user.disabled) for user in list_users(settings)] == [("ann", False), ("carol", True)]
    async with hub_stage(tmp_path) as stage:
        assert stage.kinds() == ["account.created", "account.code_renewed", "account.disabled"]
        entry = stage.hub.audit.entries()[0]
        assert entry.actor == "command line" and entry.facts["name"] == "carol"
    async with hub_stage(tmp_path) as stage:
        assert len(stage.kinds()) == 3
