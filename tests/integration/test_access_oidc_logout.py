"""Logging out at the council ends the sessions here, and logging out here leads to the council's log-out page."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt

from belvedere.foundation.clock import SystemClock
from belvedere.hub.access.oidc import CouncilDesk
from belvedere.hub.access.oidc_logout_token import EVENT
from hub_stage import HubStage
from oidc_stage import CLIENT, Liar, begin, by_hand, council_stage, finish, install, provider, sign_in


def browser_of(stage: HubStage) -> httpx.AsyncClient:
    browser = stage.browser()
    browser.base_url = httpx.URL("https://hub.test")
    return browser


@pytest.fixture
def told() -> Iterator[tuple[str, "Queue[bytes]"]]:
    """An address where the provider tells of log-outs, and what it told."""
    bodies: Queue[bytes] = Queue()

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Ear)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/logout", bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def meet(stage: HubStage, liar: Liar) -> None:
    """Let the hub meet this provider at its address."""
    object.__setattr__(stage.hub, "council", CouncilDesk(stage.settings.hub, stage.clock, liar))


async def tell(browser: httpx.AsyncClient, body: bytes) -> httpx.Response:
    """What the provider's request is to the hub."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return await browser.post("/api/session/council/logout", content=body, headers=headers)


async def test_who_logs_out_at_the_council_is_logged_out_here(
    tmp_path: Path, request: pytest.FixtureRequest, told: tuple[str, "Queue[bytes]"]
) -> None:
    cache = request.config.cache
    assert cache is not None
    where, bodies = told
    with provider(install(cache.mkdir("oidc-provider")), told_at=where) as issuer:
        async with (
            council_stage(tmp_path, issuer) as stage,
            browser_of(stage) as ann,
            browser_of(stage) as other,
            httpx.AsyncClient(trust_env=False) as person,
        ):
            # The person's own browser keeps the provider's session.
            url = await begin(ann)
            page = await person.get(url)
            form_at = httpx.URL(url).join(page.headers["location"])
            done = await person.post(form_at, data={"login": "ann", "amr": ["pwd", "mfa"]})
            back = await person.get(httpx.URL(url).join(done.headers["location"]))
            query = {name: words[0] for name, words in parse_qs(urlsplit(back.headers["location"]).query).items()}
            assert (await finish(ann, query)).status_code == 200
            assert (await sign_in(other, "bea")).status_code == 403  # no account here; nothing of hers ends below
            grant = await ann.post("/api/grants", json={"purpose": "duty"})
            assert grant.status_code in (200, 201), grant.text

            left = await ann.get("/api/session/council/leave")
            assert left.status_code == 200
            way_out = left.json()["url"]
            assert way_out.startswith(issuer) and "client_id=belvedere" in way_out
            assert (await ann.delete("/api/session")).status_code == 204
            assert (await ann.get("/api/session")).status_code == 401
            assert (await finish(ann, await _again(ann, person))).status_code == 200

            asked = await person.get(way_out)
            secret = re.search(r'name="xsrf" value="([^"]+)"', asked.text)
            assert secret is not None, asked.text
            confirm = re.search(r'action="([^"]+)"', asked.text)
            assert confirm is not None
            gone = await person.post(confirm[1], data={"xsrf": secret[1], "logout": "yes"})
            assert gone.status_code == 303 and gone.headers["location"].startswith("https://hub.test/")

            body = bodies.get(timeout=60)
            assert (await ann.get("/api/session")).status_code == 200
            answer = await tell(other, body)
            assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store", answer.text
            assert (await ann.get("/api/session")).status_code == 401
            entry = stage.hub.audit.entries(limit=1)[0]
            assert entry.kind == "session.ended_by_council" and entry.facts["sessions"] == 1
            assert (await tell(other, body)).status_code == 400  # a token counts once


async def _again(browser: httpx.AsyncClient, person: httpx.AsyncClient) -> dict[str, str]:
    """Sign in anew: the provider asks for the name again, and remembers the browser."""
    url = await begin(browser)
    page = await person.get(url)
    if "/interaction/" in page.headers["location"]:
        form_at = httpx.URL(url).join(page.headers["location"])
        done = await person.post(form_at, data={"login": "ann", "amr": ["pwd", "mfa"]})
        page = await person.get(httpx.URL(url).join(done.headers["location"]))
    return {name: words[0] for name, words in parse_qs(urlsplit(page.headers["location"]).query).items()}


async def test_a_logout_token_that_does_not_hold_ends_nothing(tmp_path: Path) -> None:
    liar = Liar(document={"end_session_endpoint": "https://login.council.test/tenant/out?x=1"})
    async with council_stage(tmp_path, liar.issuer) as stage, browser_of(stage) as ann, browser_of(stage) as stranger:
        meet(stage, liar)
        assert (await liar.sign_in(ann)).status_code == 200
        now = SystemClock().now_us() // 1_000_000
        good: dict[str, Any] = {
            "iss": liar.issuer,
            "aud": CLIENT,
            "sub": "s-1",
            "iat": now,
            "exp": now + 120,
            "jti": "1",
        }
        good["events"] = {EVENT: {}}

        async def say(token: str) -> int:
            return (await tell(stranger, f"logout_token={token}".encode())).status_code

        changes: tuple[dict[str, Any], ...] = (
            {"iss": "https://evil.test"},
            {"aud": "another"},
            {"sub": None, "sid": "abc"},
            {"iat": now - 3600},
            {"exp": now - 3600},
            {"jti": None},
            {"events": {}},
            {"events": None},
            {"nonce": "n"},
        )
        for wrong in changes:
            claims = {name: value for name, value in (good | wrong).items() if value is not None}
            assert await say(liar.sign(claims)) == 400, wrong
        assert await say(by_hand({"alg": "none"}, good)) == 400
        assert await say(by_hand({"alg": "HS256", "kid": "k"}, good, b"guess")) == 400
        id_token = jwt.encode({"alg": "RS256", "kid": "k", "typ": "at+jwt"}, good, liar.key, algorithms=["RS256"])
        assert await say(id_token) == 400
        assert await say("") == 400 and await say("a.b.c") == 400 and await say("x" * 40_000) == 400
        assert (await ann.get("/api/session")).status_code == 200
        assert await say(liar.sign(good | {"sub": "somebody-else"})) == 200  # nobody here
        assert (await ann.get("/api/session")).status_code == 200
        assert await say(liar.sign(good | {"jti": "2"})) == 200
        assert (await ann.get("/api/session")).status_code == 401
        assert (await liar.sign_in(ann)).status_code == 200
        url = (await ann.get("/api/session/council/leave")).json()["url"]
        assert url.startswith("https://login.council.test/tenant/out?x=1&client_id=belvedere&post_logout")


async def test_who_signed_in_by_other_means_is_led_nowhere(tmp_path: Path) -> None:
    liar = Liar()
    async with council_stage(tmp_path, liar.issuer) as stage, stage.signed_in("sue", "supervisor") as sue:
        left = await sue.get("/api/session/council/leave")
        assert left.status_code == 200 and left.json() == {"url": ""}
