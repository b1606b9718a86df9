"""Sessions belong to one browser, are listed and ended by their owner, and take their live pictures along."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from belvedere.hub.access import sessions
from belvedere.hub.access.devices import agent_of
from belvedere.hub.access.doors import AWAY_HEADER
from hub_stage import CSRF, HubStage, hub_stage, served

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
ENDED_WITHIN_S = 2.0
GOOD = "correct horse battery"
End = Callable[[HubStage, httpx.AsyncClient], Awaitable[None]]


@pytest.mark.parametrize(
    ("text", "family"),
    [
        (FIREFOX, "Firefox on Windows"),
        (CHROME, "Chrome on Linux"),
        (CHROME + " Edg/141.0.0.0", "Edge on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 16) Chrome/141.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.5.0", "Another program"),
        ("", "Another program"),
    ],
)
def test_browsers_by_family(text: str, family: str) -> None:
    assert agent_of(text) == family


@asynccontextmanager
async def second(stage: HubStage, agent: str = FIREFOX) -> AsyncIterator[httpx.AsyncClient]:
    """Another browser of ann's."""
    stage.hub.users.set_password(stage.hub.users.by_name("ann"), GOOD)
    async with stage.browser(**{"User-Agent": agent}) as other:
        answer = await other.post("/api/session", json={"username": "ann", "password": GOOD})
        assert answer.status_code == 200
        other.headers[CSRF] = answer.json()["csrf"]
        yield other


@pytest.mark.both_engines
async def test_a_copied_cookie_ends_the_session_and_is_logged(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage:
        for change in ("no device", "another device", "another family"):
            async with second(stage) as browser:
                copied, headers = dict(browser.cookies), {"User-Agent": FIREFOX}
                match change:
                    case "no device":
                        del copied["belvedere-device"]
                    case "another device":
                        copied["belvedere-device"] = "A" * 43
                    case "another family":
                        headers["User-Agent"] = CHROME
                headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in copied.items())
                async with stage.browser(**headers) as thief:
                    stolen = await thief.get("/api/session")
                    assert stolen.status_code == 401 and "another browser" in stolen.json()["error"]["message"]
                assert (await browser.get("/api/session")).status_code == 401, "it has ended for both"
        assert stage.kinds().count("session.moved") == 3
        entry = stage.hub.audit.entries()[0]
        assert entry.facts["opened_in"] == "Firefox on Windows" and entry.facts["seen_in"] == "Chrome on Linux"


async def test_a_new_version_of_the_same_browser_is_the_same(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, second(stage) as browser:
        browser.headers["User-Agent"] = FIREFOX.replace("143", "144")
        assert (await browser.get("/api/session")).status_code == 200


async def test_people_see_their_sessions_and_end_them(tmp_path: Path) -> None:
    async with (
        hub_stage(tmp_path) as stage,
        stage.signed_in() as browser,
        stage.signed_in("bob") as bob,
        second(stage) as other,
        second(stage) as third,
    ):
        listed = (await browser.get("/api/sessions")).json()["sessions"]
        assert len(listed) == 3 and [each["this"] for each in listed].count(True) == 1
        gone = next(each for each in listed if each["agent"] == "Firefox on Windows")
        assert (
            gone["by"] == "password" and gone["address"] == "127.0.0.1" and gone["created_us"] == stage.clock.now_us()
        )
        assert (await bob.delete(f"/api/sessions/{gone['id']}")).status_code == 404
        assert (await browser.delete(f"/api/sessions/{gone['id']}")).status_code == 204
        assert sorted([(await each.get("/api/session")).status_code for each in (other, third)]) == [200, 401]
        assert (await browser.delete("/api/sessions")).json() == {"ended": 1}
        assert [(await each.get("/api/session")).status_code for each in (browser, other, third)] == [200, 401, 401]
        assert (await bob.get("/api/session")).status_code == 200
        assert stage.kinds().count("session.revoked") == 2


async def test_a_page_that_nobody_touches_is_idle(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        for status in (200, 200, 401):
            stage.clock.advance(sessions.IDLE_US // 3)
            answer = await browser.get("/api/session", headers={AWAY_HEADER: "1"})
            assert answer.status_code == status


async def _idle(stage: HubStage, _browser: httpx.AsyncClient) -> None:
    stage.clock.advance(sessions.IDLE_US)


async def _revoked(stage: HubStage, browser: httpx.AsyncClient) -> None:
    async with second(stage) as other:
        assert (await other.delete("/api/sessions")).json() == {"ended": 1}


async def _disabled(stage: HubStage, _browser: httpx.AsyncClient) -> None:
    await asyncio.to_thread(stage.hub.users.disable, "ann")


async def _signed_out(_stage: HubStage, browser: httpx.AsyncClient) -> None:
    await browser.delete("/api/session")


@pytest.mark.parametrize("end", [_idle, _revoked, _disabled, _signed_out])
async def test_an_ended_session_ends_its_live_pictures(tmp_path: Path, end: End) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser, served(stage.app) as address:
        grant = (await browser.post("/api/grants", json={"purpose": "duty"})).json()["id"]
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
        async with connect(f"ws://{address}/api/live?grant={grant}", additional_headers=cookie) as live:
            await live.send(json.dumps({"op": "play", "tile": 1, "camera": "gate", "stream": "sub"}))
            await live.recv()
            await end(stage, browser)
            async with asyncio.timeout(ENDED_WITHIN_S):
                with pytest.raises(ConnectionClosed):
                    while True:
                        await live.recv()
            assert live.close_code in (4401, 4403)
