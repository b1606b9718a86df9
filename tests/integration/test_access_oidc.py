"""Signing in with the council's account, at a certified OpenID provider (npm `oidc-provider`) on this machine."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from authenticator import Authenticator
from belvedere.foundation.clock import MINUTE_US
from belvedere.hub.access.tries import PER_ADDRESS
from hub_stage import HubStage
from oidc_stage import (
    at_provider,
    begin,
    changed,
    council_stage,
    finish,
    install,
    provider,
    refusals,
    sign_in,
)
from passkey_stage import add


@pytest.fixture(scope="module")
def issuer(request: pytest.FixtureRequest) -> Iterator[str]:
    cache = request.config.cache
    assert cache is not None
    with provider(install(cache.mkdir("oidc-provider"))) as started:
        yield started


def browser_of(stage: HubStage) -> httpx.AsyncClient:
    browser = stage.browser()
    browser.base_url = httpx.URL("https://hub.test")
    return browser


async def test_the_whole_way_in(tmp_path: Path, issuer: str) -> None:
    async with council_stage(tmp_path, issuer) as stage, browser_of(stage) as browser:
        assert (await browser.get("/api/session/council")).json() == {"configured": True}
        url = await begin(browser)
        for part in (
            "code_challenge_method=S256",
            "response_type=code",
            "nonce=",
            "state=",
            "prompt=login",
            "max_age=0",
        ):
            assert part in url
        answer = await finish(browser, await at_provider(url, login="ann", amr=["pwd", "mfa"]))
        assert answer.status_code == 200, answer.text
        told = answer.json()["session"]
        assert told["user"]["name"] == "ann" and not told["must_change_password"]
        assert (await browser.get("/api/cameras")).status_code == 200
        password = await browser.post("/api/password", json={"password": "correct horse battery"})
        assert password.status_code == 403 and "second factor" in password.json()["error"]["message"]
        listed = (await browser.get("/api/sessions")).json()["sessions"]
        assert [each["by"] for each in listed] == ["council"]
        assert stage.kinds()[-2:] == ["council.bound", "session.opened"]
        # Known by subject from now on: the second time nothing is bound.
        assert (await sign_in(browser)).status_code == 200
        assert stage.kinds().count("council.bound") == 1


async def test_an_answer_counts_once_and_only_in_the_browser_that_asked(tmp_path: Path, issuer: str) -> None:
    async with council_stage(tmp_path, issuer) as stage, browser_of(stage) as browser, browser_of(stage) as thief:
        query = await at_provider(await begin(browser), login="ann", amr="mfa")
        assert (await finish(browser, query | {"state": "x" * 43})).status_code == 403
        await begin(thief)  # has a cookie of its own
        assert (await finish(thief, query)).status_code == 403
        assert (await finish(browser, query)).status_code == 403  # the thief's try has used it up

        query = await at_provider(await begin(browser), login="ann", amr="mfa")
        assert (await finish(browser, query)).status_code == 200
        again = dict(query, state=(await _state(browser)))
        refused = await finish(browser, again)  # a code that was used, under a new state
        assert refused.status_code == 403 and "used already" in refused.json()["error"]["message"]

        query = await at_provider(await begin(browser), login="ann", amr="mfa")
        stage.clock.advance(11 * MINUTE_US)
        assert (await finish(browser, query)).status_code == 403
        assert len(refusals(stage)) == 5


async def _state(browser: httpx.AsyncClient) -> str:
    return httpx.URL(await begin(browser)).params["state"]


async def test_another_nonce_verifier_issuer_or_address_is_refused(tmp_path: Path, issuer: str) -> None:
    async with council_stage(tmp_path, issuer) as stage, browser_of(stage) as browser:
        query = await at_provider(changed(await begin(browser), nonce="mine"), login="ann", amr="mfa")
        refused = await finish(browser, query)
        assert refused.status_code == 403 and "another sign-in" in refused.json()["error"]["message"]
        query = await at_provider(changed(await begin(browser), code_challenge="A" * 43), login="ann", amr="mfa")
        assert (await finish(browser, query)).status_code == 403
        for wrong in ({"iss": "https://evil.test"}, {"iss": ""}):
            query = await at_provider(await begin(browser), login="ann", amr="mfa")
            assert "another provider" in (await finish(browser, query | wrong)).json()["error"]["message"]
        async with httpx.AsyncClient(trust_env=False) as person:
            moved = changed(await begin(browser), redirect_uri="https://evil.test/council")
            assert (await person.get(moved)).status_code == 400  # the provider knows one address only


async def test_who_is_unknown_closed_or_somebody_else_now_is_refused(tmp_path: Path, issuer: str) -> None:
    async with council_stage(tmp_path, issuer) as stage, browser_of(stage) as browser:
        unknown = await sign_in(browser, "stranger")
        assert unknown.status_code == 403 and "no account here" in unknown.json()["error"]["message"]
        assert await asyncio.to_thread(stage.hub.users.find, "stranger") is None
        assert refusals(stage)[-1]["told"] == "stranger"
        called_off = await at_provider(await begin(browser), refuse="yes")
        assert "access_denied" in (await finish(browser, called_off)).json()["error"]["message"]

        assert (await sign_in(browser)).status_code == 200
        await browser.delete("/api/session")
        other = await sign_in(browser, "ann|2")  # the name was given to somebody else
        assert other.status_code == 403 and "somebody else" in other.json()["error"]["message"]
        await asyncio.to_thread(stage.hub.users.disable, "ann")
        closed = await sign_in(browser)
        assert closed.status_code == 403 and "closed" in closed.json()["error"]["message"]
        assert (await browser.get("/api/session")).status_code == 401


async def test_without_a_proven_second_factor_the_passkey_is_asked_for(tmp_path: Path, issuer: str) -> None:
    async with council_stage(tmp_path, issuer) as stage, browser_of(stage) as browser, stage.signed_in() as own:
        none = await sign_in(browser, amr="pwd")
        assert none.status_code == 403 and "no second factor" in none.json()["error"]["message"]
        assert "council.bound" not in stage.kinds()
        key = Authenticator()
        assert (await add(own, key)).status_code == 200
        async with stage.signed_in("bob") as colleague:
            stolen = Authenticator()
            assert (await add(colleague, stolen)).status_code == 200
        body: dict[str, object] = {}
        for used, status in ((stolen, 403), (key, 200)):
            asked = (await sign_in(browser, amr="pwd")).json()
            assert asked["session"] is None
            body = {"id": asked["question"]["id"], "credential": used.get(asked["question"]["options"])}
            assert (await browser.post("/api/session/council/passkey", json=body)).status_code == status
            assert (await browser.get("/api/session")).status_code == (200 if status == 200 else 401)
        assert (await browser.post("/api/session/council/passkey", json=body)).status_code == 403
        stage.settings.hub.oidc_require_amr = []  # nothing said that proves one: never taken for granted
        assert (await sign_in(browser)).json()["session"] is None
        stage.settings.hub.oidc_require_acr = ["urn:council:mfa"]
        assert (await sign_in(browser, acr="urn:council:mfa")).json()["session"]["user"]["name"] == "ann"


async def test_strangers_can_not_fill_the_log(tmp_path: Path) -> None:
    async with council_stage(tmp_path, "http://127.0.0.1:9") as stage, browser_of(stage) as browser:
        for number in range(PER_ADDRESS + 5):
            await finish(browser, {"state": f"guess-{number}", "code": "any"})
        assert len(refusals(stage)) == PER_ADDRESS


async def test_the_provider_is_away(tmp_path: Path) -> None:
    async with council_stage(tmp_path, "http://127.0.0.1:9") as stage, browser_of(stage) as browser:
        away = await browser.post("/api/session/council/begin")
        assert away.status_code == 503 and "does not answer" in away.json()["error"]["message"]
        assert (await browser.post("/api/session/council/begin")).json() == away.json()  # told at once for a while
        answer = await browser.post("/api/session", json={"username": "ann", "password": stage.code})
        assert answer.status_code == 200
        stage.settings.hub.oidc_issuer = ""
        assert (await browser.get("/api/session/council")).json() == {"configured": False}
        assert (await browser.post("/api/session/council/begin")).status_code == 503
