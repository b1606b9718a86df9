"""A hub that knows the council's accounts, people's browsers, and two providers: a certified one in Node, and one that lies."""

import hashlib
import hmac
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urljoin, urlsplit

import httpx
import pytest
from joserfc import jwk, jwt
from joserfc.util import urlsafe_b64encode

from belvedere.foundation.clock import SystemClock
from hub_stage import CSRF, HubStage
from passkey_stage import stage_of

FOLDER = Path(__file__).with_name("oidc_provider")
CLIENT, SECRET = "belvedere", "a secret of the test"
_INSTALL_S = 120


def install(cache: Path) -> Path:
    """The folder that holds the provider's packages, fetched once. Skips the test where npm can't."""
    wanted = (FOLDER / "package.json").read_bytes()
    folder = cache / hashlib.sha256(wanted).hexdigest()[:16]
    if (folder / "node_modules" / "oidc-provider").is_dir():
        return folder
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("the provider needs Node.js with npm, which is not here")
    fresh = cache / f"{folder.name}.{os.getpid()}"
    fresh.mkdir(parents=True, exist_ok=True)
    (fresh / "package.json").write_bytes(wanted)
    command = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        subprocess.run(command, cwd=fresh, check=True, capture_output=True, timeout=_INSTALL_S)
    except (OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(fresh)
        pytest.skip(f"npm can't fetch the provider: {error}")
    try:
        fresh.rename(folder)
    except OSError:  # another run was quicker
        shutil.rmtree(fresh)
    return folder


@contextmanager
def provider(folder: Path, origin: str = "https://hub.test", told_at: str = "") -> Iterator[str]:
    """The real provider on a free port, for the hub at `origin`; gives its issuer. It tells log-outs at the address `told_at`."""
    command = [shutil.which("node") or "node", str(FOLDER / "server.mjs"), str(folder), f"{origin}/council", told_at]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stderr is not None
            issuer = process.stdout.readline().strip()
            if not issuer:
                pytest.skip(f"this Node.js can't run the provider: {process.stderr.read()[-300:]}")
            yield issuer
        finally:
            process.kill()


@asynccontextmanager
async def council_stage(data: Path, issuer: str, **settings: object) -> AsyncIterator[HubStage]:
    """A hub at https://hub.test whose people have council accounts at `issuer`, by today's clock."""
    secret = data / "client.secret"
    data.mkdir(exist_ok=True)
    secret.write_text(f"{SECRET}\n")
    ours: dict[str, object] = {"oidc_issuer": issuer, "oidc_client_id": CLIENT, "oidc_client_secret_file": str(secret)}
    async with stage_of(data, **(ours | {"oidc_require_amr": ["mfa"]} | settings)) as stage:
        stage.clock.step(SystemClock().now_us() - stage.clock.now_us())
        _, stage.code = stage.hub.users.renew_code("ann")
        yield stage


async def begin(browser: httpx.AsyncClient) -> str:
    answer = await browser.post("/api/session/council/begin")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["url"])


async def at_provider(url: str, **form: object) -> dict[str, str]:
    """What a person does at the real provider: its log-in form, filled in. Returns the query it sends them back with."""
    async with httpx.AsyncClient(trust_env=False) as person:
        page = await person.get(url)
        if page.status_code != 303 or "/interaction/" not in page.headers["location"]:
            return back(page)
        form_at = urljoin(url, page.headers["location"])
        answer = await person.post(form_at, data=form)
        return back(await person.get(urljoin(url, answer.headers["location"])))


def back(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 303, answer.text
    address = answer.headers["location"]
    assert address.startswith("https://hub.test/council?"), address
    return dict(parse_qsl(urlsplit(address).query))


def changed(url: str, **values: str) -> str:
    """The address with other values in its query."""
    parts = urlsplit(url)
    return parts._replace(query=urlencode(dict(parse_qsl(parts.query)) | values)).geturl()


async def finish(browser: httpx.AsyncClient, query: Mapping[str, str]) -> httpx.Response:
    """What the page does with the answer."""
    body = {name: value for name, value in query.items() if name in ("state", "code", "iss", "error")}
    answer = await browser.post("/api/session/council", json=body)
    if answer.status_code == 200 and answer.json()["session"]:
        browser.headers[CSRF] = answer.json()["session"]["csrf"]
    return answer


async def sign_in(browser: httpx.AsyncClient, login: str = "ann", **form: object) -> httpx.Response:
    query = await at_provider(await begin(browser), login=login, **({"amr": ["pwd", "mfa"]} | form))
    return await finish(browser, query)


@dataclass
class Liar(httpx.AsyncBaseTransport):
    """A provider in this process that answers every code with a token of one's choice. Its keys: one RSA key called `k`."""

    issuer: str = "https://login.council.test/tenant"
    key: jwk.RSAKey = field(default_factory=lambda: jwk.RSAKey.generate_key(2048, {"kid": "k", "use": "sig"}))
    document: dict[str, Any] = field(default_factory=dict)  # changes to the description
    claims: dict[str, Any] = field(default_factory=dict)  # changes to the token; None leaves one out
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256", "kid": "k"})
    told: dict[str, Any] = field(default_factory=dict)  # at userinfo
    forge: Callable[[dict[str, Any]], str] | None = None  # makes a token of its claims, instead of an honest one
    nonce: str = ""
    asked: list[str] = field(default_factory=list)

    def make(self) -> str:
        """An honest token but for `claims`, `header` and `forge`, of the sign-in under way."""
        now = SystemClock().now_us() // 1_000_000
        claims: dict[str, Any] = {"iss": self.issuer, "aud": CLIENT, "sub": "s-1", "iat": now, "exp": now + 300}
        claims |= {"auth_time": now, "nonce": self.nonce, "preferred_username": "ann", "amr": ["mfa"]} | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        return self.forge(claims) if self.forge else self.sign(claims)

    def sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(self.header, claims, self.key, algorithms=[self.header["alg"]])

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        match request.url.path.rpartition("/")[2]:
            case "openid-configuration":
                words: dict[str, Any] = {
                    "issuer": self.issuer,
                    "id_token_signing_alg_values_supported": ["RS256", "HS256"],
                }
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
                    words[name] = f"{self.issuer}/{name}"
                return httpx.Response(200, json=words | self.document)
            case "jwks_uri":
                return httpx.Response(200, json={"keys": [self.key.as_dict(private=False)]})
            case "token_endpoint":
                return httpx.Response(200, json={"id_token": self.make(), "access_token": "opens-userinfo"})
            case "userinfo_endpoint":
                assert request.headers["Authorization"] == "Bearer opens-userinfo"
                return httpx.Response(200, json=self.told)
        return httpx.Response(404, json={})

    async def sign_in(self, browser: httpx.AsyncClient) -> httpx.Response:
        query = parse_qs(urlsplit(await begin(browser)).query)
        self.nonce = query["nonce"][0]
        return await finish(browser, {"state": query["state"][0], "code": "any"})


def by_hand(header: dict[str, Any], claims: dict[str, Any], secret: bytes = b"") -> str:
    """A token that no library makes: signed by HMAC-SHA-256 with `secret`, or not at all without one."""
    signed = b".".join(urlsafe_b64encode(json.dumps(part).encode()) for part in (header, claims))
    mark = urlsafe_b64encode(hmac.digest(secret, signed, "sha256")) if secret else b""
    return (signed + b"." + mark).decode()


def refusals(stage: HubStage) -> list[dict[str, Any]]:
    """Facts of the refused sign-ins in the log, oldest first."""
    entries = reversed(stage.hub.audit.entries(limit=1000))
    return [dict(entry.facts) for entry in entries if entry.kind == "session.refused"]
