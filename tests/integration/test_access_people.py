"""The People page: adding, changing, closing accounts; lists; what runs out; what roles may do. Who does it sees no pictures."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from authenticator import Authenticator
from belvedere.foundation.clock import DAY_US
from belvedere.hub.access.people import warnings
from passkey_stage import add, confirm, stage_of

LIST = "name,display,roles,leaves\nann,Ann,operator,yes\ncarol,Carol,dpo,\nroot,root,administrator,\n"
YEAR_US = 366 * DAY_US


async def confirmed(
    browser: httpx.AsyncClient, key: Authenticator, method: str, path: str, body: Any = None
) -> httpx.Response:
    """The call, confirmed with the passkey as the hub asks; without that it is refused and changes nothing."""
    first = await browser.request(method, path, json=body)
    assert first.status_code == 403 and first.json()["error"]["code"] == "step_up_needed", first.text
    assert (await confirm(browser, key, first.json()["error"]["act"])).status_code == 200
    return await browser.request(method, path, json=body)


async def test_an_administrator_gives_access_and_sees_nothing(tmp_path: Path) -> None:
    async with stage_of(tmp_path) as stage, stage.signed_in() as ann, stage.signed_in("root", "administrator") as root:
        key = Authenticator()
        await add(root, key)
        given = await confirmed(
            root, key, "POST", "/api/people", {"name": "Bob", "display": "Bob B", "roles": ["operator"]}
        )
        assert given.status_code == 201 and given.json()["name"] == "bob"
        assert (
            await root.post("/api/people", json={"name": "bob", "display": "B", "roles": ["dpo"]})
        ).status_code == 409
        async with stage.browser() as bob:
            signed = await bob.post("/api/session", json={"username": "bob", "password": given.json()["code"]})
            assert signed.status_code == 200
            listed = (await root.get("/api/people")).json()["people"]
            about = next(each for each in listed if each["name"] == "bob")
            assert (about["sessions"], about["passkeys"], about["has_passkey"]) == (1, 0, False)
            assert about["warnings"] == ["Training not known", "SPSS licence not known"]
            assert not any("hash" in name or "code" in name or "password" in name for name in about)
            assert (await root.post("/api/people/bob/sessions/end")).status_code == 204
            assert (await bob.get("/api/session")).status_code == 401
        new = {"display": "Bob B", "team": "nights", "sites": ["main"], "trained_us": stage.clock.now_us()}
        assert (await confirmed(root, key, "PUT", "/api/people/bob", new)).status_code == 204
        assert (await root.put("/api/people/bob", json=new)).status_code == 204, "nothing changes, nothing to confirm"
        bobs = stage.hub.users.by_name("bob")
        assert (bobs.team, bobs.sites) == ("nights", ("main",))
        assert (await confirmed(root, key, "POST", "/api/people/bob/leave")).status_code == 204
        assert stage.hub.users.by_name("bob").disabled
        kinds = [kind for kind in stage.kinds() if kind.startswith(("account.", "session.revoked"))]
        assert kinds == ["account.created", "session.revoked", "account.changed", "account.disabled"]
        # An administrator has no access of any purpose, and no way to one.
        for ask in ({"purpose": "duty"}, {"purpose": "investigation", "case": "C/1", "cameras": ["gate"]}):
            assert (await root.post("/api/grants", json=ask)).status_code == 403
        for path in (
            "/api/timeline?grant=g&cameras=gate&from_us=0&to_us=1",
            "/api/play/gate/main.m3u8?grant=g&from_us=0&to_us=1",
        ):
            assert (await root.get(path)).status_code == 403
        assert (await root.get("/api/audit/entries")).status_code == 403
        assert (await ann.get("/api/people")).status_code == 403 and (
            await ann.post("/api/people", json={})
        ).status_code == 403


async def test_unknown_fields_and_ones_own_account_are_refused(tmp_path: Path) -> None:
    async with stage_of(tmp_path) as stage, stage.signed_in("root", "administrator") as root:
        key = Authenticator()
        await add(root, key)
        extra = {"name": "eve", "display": "Eve", "roles": ["dpo"], "password_hash": "x"}
        assert (await root.post("/api/people", json=extra)).status_code in (400, 422)
        for method, path, body in (
            ("PUT", "/api/people/root/roles", {"roles": ["dpo"]}),
            ("PUT", "/api/people/root", {"display": "Root", "spss_number": "SIA-9"}),
            ("POST", "/api/people/root/leave", None),
            ("POST", "/api/people/list", {"csv": "name,roles\nroot,dpo\n"}),
        ):
            answer = await root.request(method, path, json=body)
            assert answer.status_code == 403 and "their own" in answer.json()["error"]["message"], (path, answer.text)
        both = {"name": "eve", "display": "Eve", "roles": ["administrator", "operator"]}
        assert "sees none" in (await root.post("/api/people", json=both)).json()["error"]["message"]
        assert {each.name for each in stage.hub.users.all()} == {"ann", "root"}


async def test_a_list_is_tried_first_and_then_done_as_a_whole(tmp_path: Path) -> None:
    async with stage_of(tmp_path) as stage, stage.signed_in() as ann, stage.signed_in("root", "administrator") as root:
        key = Authenticator()
        await add(root, key)
        tried = (await root.post("/api/people/list/try", json={"csv": LIST})).json()["changes"]
        assert [(each["turn"], each["name"]) for each in tried] == [
            ("leaves", "ann"),
            ("joins", "carol"),
            ("stays", "root"),
        ]
        assert (await ann.get("/api/session")).status_code == 200 and stage.hub.users.find("carol") is None
        done = await confirmed(root, key, "POST", "/api/people/list", {"csv": LIST})
        assert [each["name"] for each in done.json()["codes"]] == ["carol"]
        assert (await ann.get("/api/session")).status_code == 401
        again = await root.post("/api/people/list", json={"csv": LIST})
        assert again.json() == {"changes": [], "codes": []}
        wrong = await root.post("/api/people/list/try", json={"csv": "name,roles\nx,king\n"})
        assert wrong.status_code == 400 and "line 2" in wrong.json()["error"]["message"]


async def test_what_roles_may_do_is_shown_from_the_table(tmp_path: Path) -> None:
    async with stage_of(tmp_path) as stage, stage.signed_in("ivan", "installer") as ivan:
        shown = (await ivan.get("/api/roles")).json()
        assert shown["version"] == stage.hub.grants.table.version
        by_role = {each["role"]: each for each in shown["roles"]}
        for role in ("administrator", "dpo", "auditor", "installer"):
            assert not by_role[role]["sees_pictures"], role
        assert by_role["operator"]["sees_pictures"] and by_role["operator"]["people"] == 1
        rows = [row for row in stage.hub.grants.table.rows if "operator" in row.roles]
        assert [row["act"] for row in by_role["operator"]["may"]] == [row.act for row in rows]


async def test_what_runs_out_is_said_in_time(tmp_path: Path) -> None:
    async with stage_of(tmp_path) as stage:
        user, now_us = stage.hub.users.by_name("ann"), stage.clock.now_us()

    def said(trained_us: int | None, licence_us: int | None, role: str = "operator") -> list[str]:
        return warnings(replace(user, trained_us=trained_us, spss_expires_us=licence_us), [role], now_us, YEAR_US)

    assert said(now_us, now_us + 61 * DAY_US) == []
    assert said(now_us - YEAR_US, now_us + 59 * DAY_US) == ["Training has run out", "SPSS licence runs out in 59 days"]
    assert said(now_us - YEAR_US + DAY_US, now_us) == ["Training runs out in 1 day", "SPSS licence has run out"]
    assert said(None, None, "installer") == []
