"""Passkeys over HTTP, with a software authenticator: adding, signing in, removing, and what is refused."""

from pathlib import Path

import httpx
import pytest

from authenticator import Authenticator
from belvedere.foundation.errors import BadSettings
from belvedere.foundation.settings import HubSettings, load_settings
from belvedere.hub.access.challenges import LIFE_US
from passkey_stage import add, confirm, sign_in, stage_of

GOOD = "correct horse battery"


async def test_a_passkey_opens_the_account_and_a_password_alone_no_longer_does(tmp_path: Path) -> None:
    async with stage_of(tmp_path, password_after_code=True) as stage, stage.signed_in() as browser:
        assert (await browser.get("/api/session")).json()["must_change_password"]
        key = Authenticator()
        made = await add(browser, key)
        assert made.status_code == 200, made.text
        assert made.json()["name"] == "Blue key"
        now = (await browser.get("/api/session")).json()
        assert not now["must_change_password"] and now["has_passkey"]
        assert (await browser.post("/api/password", json={"password": GOOD})).status_code == 204
        async with stage.browser() as other:
            shut = await other.post("/api/session", json={"username": "ann", "password": GOOD})
            assert shut.status_code == 403 and "passkey" in shut.json()["error"]["message"]
            assert (await sign_in(other, key)).json()["user"]["name"] == "ann"
            assert (await other.get("/api/passkeys")).json()["passkeys"][0]["this"]
            # A one-time code still brings one back who lost the key.
            _, code = stage.hub.users.renew_code("ann")
            assert (await other.post("/api/session", json={"username": "ann", "password": code})).status_code == 200
        opened = [entry.facts["by"] for entry in stage.hub.audit.entries() if entry.kind == "session.opened"]
        assert opened == ["code", "passkey", "code"]
        refused = next(entry for entry in stage.hub.audit.entries() if entry.kind == "session.refused")
        assert refused.facts["reason"] == "a password alone"


async def test_where_settings_allow_it_a_password_goes_on_opening(tmp_path: Path) -> None:
    async with stage_of(tmp_path, password_after_passkey=True) as stage, stage.signed_in() as browser:
        await add(browser, Authenticator())
        await browser.post("/api/password", json={"password": GOOD})
        async with stage.browser() as other:
            assert (await other.post("/api/session", json={"username": "ann", "password": GOOD})).status_code == 200


@pytest.mark.parametrize(
    "wrong", ["origin", "unverified", "rollback", "same_count", "party", "replay", "late", "user", "key", "garbage"]
)
async def test_what_is_not_this_passkey_in_this_place_now_is_refused(tmp_path: Path, wrong: str) -> None:
    async with stage_of(tmp_path) as stage, stage.signed_in() as browser, stage.browser() as other:
        key = Authenticator(count=10)
        await add(browser, key)
        begun = (await other.post("/api/session/passkey/begin")).json()
        options, change = begun["options"], {"late": 0}
        match wrong:
            case "origin":
                key.origin = "https://hub.test.evil.example"
            case "unverified":
                key.verifies = False
            case "rollback":
                key.count = 3
            case "same_count":
                key.step = 0
            case "party":
                options["rpId"] = "evil.example"
            case "replay":
                again = (await other.post("/api/session/passkey/begin")).json()
                options["challenge"] = again["options"]["challenge"]
            case "late":
                change["late"] = LIFE_US
            case "user":
                key.user = "dXNlcl9zb21lYm9keQ"
            case "key":
                key.key = Authenticator().key
        credential = key.get(options)
        if wrong == "garbage":
            credential["response"] = {"clientDataJSON": "e30", "authenticatorData": "AAAA", "signature": None}
        stage.clock.advance(change["late"])
        answer = await other.post("/api/session/passkey", json={"id": begun["id"], "credential": credential})
        assert answer.status_code == 403, answer.text
        assert (await other.get("/api/session")).status_code == 401
        assert stage.kinds()[-1] == "session.refused"


async def test_an_answer_counts_once(tmp_path: Path) -> None:
    async with stage_of(tmp_path) as stage, stage.signed_in() as browser, stage.browser() as other:
        key = Authenticator(step=0)  # keys that do not count rely on this alone
        await add(browser, key)
        begun = (await other.post("/api/session/passkey/begin")).json()
        body = {"id": begun["id"], "credential": key.get(begun["options"])}
        assert (await other.post("/api/session/passkey", json=body)).status_code == 200
        async with stage.browser() as third:
            assert (await third.post("/api/session/passkey", json=body)).status_code == 403
        register = (await browser.post("/api/passkeys/begin")).json()
        assert register["error"]["code"] == "step_up_needed"


async def test_making_one_needs_the_right_page_and_a_verified_person(tmp_path: Path) -> None:
    async with stage_of(tmp_path) as stage, stage.signed_in() as browser:
        for bad in (Authenticator(origin="https://evil.test"), Authenticator(verifies=False)):
            assert (await add(browser, bad)).status_code == 403
        begun = (await browser.post("/api/passkeys/begin")).json()
        made = Authenticator().create(begun["options"])
        async with stage.signed_in("bob") as bob:
            stolen = await bob.post("/api/passkeys", json={"id": begun["id"], "credential": made, "name": "x"})
            assert stolen.status_code == 403
        assert (await add(browser, Authenticator(), "")).status_code == 400
        assert (await browser.get("/api/passkeys")).json()["passkeys"] == []
        assert "passkey.added" not in stage.kinds()


async def test_several_named_listed_and_removed_but_never_the_only_way_in(tmp_path: Path) -> None:
    async with stage_of(tmp_path) as stage, stage.signed_in() as browser:
        blue, green = Authenticator(), Authenticator()
        await add(browser, blue)
        assert (await browser.get("/api/session")).status_code == 200
        needed = await add(browser, green)
        assert needed.status_code == 403 and needed.json()["error"]["act"]["do"] == "passkey.add"
        assert (await confirm(browser, blue, needed.json()["error"]["act"])).status_code == 200
        second = (await add(browser, green, "Green key")).json()
        first = next(k for k in (await browser.get("/api/passkeys")).json()["passkeys"] if k["id"] != second["id"])
        assert (await browser.put(f"/api/passkeys/{first['id']}", json={"name": "Desk"})).status_code == 204
        async with stage.browser() as other:
            await sign_in(other, green)
            remove = {"do": "passkey.remove", "passkey": second["id"]}
            assert (await browser.delete(f"/api/passkeys/{second['id']}")).json()["error"]["act"] == remove
            assert (await confirm(browser, blue, remove)).status_code == 200
            assert (await browser.delete(f"/api/passkeys/{second['id']}")).status_code == 204
            assert (await other.get("/api/session")).status_code == 401, "what the removed key opened has ended"
            assert (await sign_in(other, green)).status_code == 403
        last = {"do": "passkey.remove", "passkey": first["id"]}
        await confirm(browser, blue, last)
        kept = await browser.delete(f"/api/passkeys/{first['id']}")
        assert kept.status_code == 409 and "only way" in kept.json()["error"]["message"]
        await browser.post("/api/password", json={"password": GOOD, "current": ""})
        stage.settings.hub.passkey_only_roles = ["operator"]
        await confirm(browser, blue, last)
        assert (await browser.delete(f"/api/passkeys/{first['id']}")).status_code == 409
        stage.settings.hub.passkey_only_roles = []
        await confirm(browser, blue, last)
        removed = await browser.delete(f"/api/passkeys/{first['id']}")
        assert removed.status_code == 204
        async with stage.signed_in("bob") as bob:
            assert (await bob.put(f"/api/passkeys/{first['id']}", json={"name": "Mine"})).status_code == 404


async def test_roles_whose_passwords_are_off_add_a_passkey_before_anything_else(tmp_path: Path) -> None:
    async with stage_of(tmp_path, passkey_only_roles=["operator"]) as stage, stage.signed_in() as browser:
        assert (await browser.get("/api/session")).json()["must_add_passkey"]
        assert (await browser.get("/api/cameras")).status_code == 403
        assert (await add(browser, Authenticator())).status_code == 200
        assert (await browser.get("/api/cameras")).status_code == 200


async def test_addresses_that_can_have_no_passkey_say_so(tmp_path: Path) -> None:
    async with stage_of(tmp_path, origin="") as stage:
        for base, possible in (
            ("http://127.0.0.1:8710", False),
            ("http://localhost:8710", True),
            ("http://hub.test", False),
        ):
            async with stage.browser() as browser:
                browser.base_url = httpx.URL(base)
                begun = await browser.post("/api/session/passkey/begin")
                assert begun.status_code == (200 if possible else 403), base
                if possible:
                    assert begun.json()["options"]["rpId"] == "localhost"
                else:
                    assert "http://localhost:" in begun.json()["error"]["advice"]
        async with stage.browser(Host="localhost:9999") as relay:
            assert (await relay.post("/api/session/passkey/begin")).status_code == 403


def test_the_origin_is_a_name_under_tls_or_this_machine(tmp_path: Path) -> None:
    for good in ("", "https://cctv.council.example", "https://cctv.council.example:8443", "http://localhost:8710"):
        assert HubSettings.model_validate({"origin": good}).origin == good
    for bad in ("http://cctv.council.example", "https://10.0.0.1", "https://a.example/path", "cctv.council.example"):
        (tmp_path / "belvedere.toml").write_text(f'[hub]\norigin = "{bad}"\n')
        with pytest.raises(BadSettings, match="origin"):
            load_settings(tmp_path)
