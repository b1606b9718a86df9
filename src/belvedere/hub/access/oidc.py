"""Signing in with the council's account: OpenID Connect, authorization code with PKCE, as a client.

The provider says who somebody is, never what they may do. No account is made by it, no role comes from it, no token is kept.
"""

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from belvedere.foundation.clock import MINUTE_US, Clock
from belvedere.foundation.errors import Refused, Unavailable
from belvedere.foundation.settings import HubSettings
from belvedere.hub.access.oidc_logout_token import bad_token, end_url, logout_subject
from belvedere.hub.access.oidc_provider import Description, Provider
from belvedere.hub.access.oidc_token import Expected, checked_claims, key_name, named, second_factor

if TYPE_CHECKING:
    import httpx

# What Authlib, joserfc and httpx do is imported where it is used: 0.2 s of each start, and most hubs have no provider.
LIFE_US = 10 * MINUTE_US  # people look for their phones
RETURN_PATH = "/council"  # page of the control room to which the provider sends people back
_LONGEST_HEAD = 4096  # signs of a token in which its header ends
_KEPT = 4096  # sign-ins under way; the oldest goes first


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send a browser, and the secret that it keeps in a cookie: only that browser can come back with the answer."""

    url: str
    state: str
    browser: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the browser brought back. `error` instead of `code` where the provider said no; `issuer` is RFC 9207's `iss`."""

    state: str
    code: str = ""
    issuer: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Proven:
    """Who the provider says it was."""

    issuer: str
    subject: str
    name: str  # of an account here, by the claim `[hub] oidc_match`; "" where the provider does not tell it
    second_factor: bool


@dataclass(frozen=True, slots=True)
class _Under:
    """A sign-in under way. Invariant: each is taken once at most."""

    browser_hash: str
    nonce: str
    verifier: str
    redirect: str
    begun_us: int
    expires_us: int  # by the monotonic clock


class CouncilDesk:
    """Sign-ins with the council's account that are under way, and who has yet to add a passkey to one. For the event loop."""

    def __init__(
        self, settings: HubSettings, clock: Clock, transport: "httpx.AsyncBaseTransport | None" = None
    ) -> None:
        """`settings` are read at each use. `transport` is for tests."""
        self._settings = settings
        self._clock = clock
        self._provider = Provider(settings, clock, transport)
        self._under: OrderedDict[str, _Under] = OrderedDict()
        self._logged_out: OrderedDict[str, None] = OrderedDict()  # logout tokens that counted, by name
        self._half: OrderedDict[str, tuple[int, str, Proven]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def configured(self) -> bool:
        """Whether people can sign in so: there is a provider, and an address to come back to."""
        return bool(self._settings.oidc_issuer and self._settings.oidc_client_id and self._settings.origin)

    async def begin(self) -> Begun:
        """A fresh sign-in. Raises Unavailable when the provider is away, or none is set."""
        if not self.configured:
            raise Unavailable("This control room knows no council accounts.", advice="Sign in with your passkey.")
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
        from authlib.oauth2.rfc7636 import create_s256_code_challenge

        settings, about = self._settings, await self._provider.description()
        state, browser, verifier, nonce = (secrets.token_urlsafe(32) for _ in range(4))
        redirect = settings.origin.rstrip("/") + RETURN_PATH
        with self._lock:
            self._under[state] = _Under(
                _hash(browser),
                nonce,
                verifier,
                redirect,
                self._clock.now_us(),
                self._clock.monotonic_us() + LIFE_US,
            )
            while len(self._under) > _KEPT:
                self._under.popitem(last=False)
        asked = {
            "scope": "openid email" if settings.oidc_match == "email" else "openid profile",
            "redirect_uri": redirect,
            "nonce": nonce,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
            "max_age": str(settings.oidc_max_age_minutes * 60),
        }
        if settings.oidc_max_age_minutes == 0:
            asked["prompt"] = "login"
        if settings.oidc_require_acr:
            asked["acr_values"] = " ".join(settings.oidc_require_acr)
        url = prepare_grant_uri(about.authorize, settings.oidc_client_id, "code", state=state, **asked)
        return Begun(str(url), state, browser)

    async def finish(self, answer: Answer, browser: str) -> Proven:
        """Who came back, after everything about the answer held. Raises Refused, Unavailable."""
        with self._lock:
            under = self._under.pop(answer.state, None)
        if (
            under is None
            or under.expires_us <= self._clock.monotonic_us()
            or not hmac.compare_digest(under.browser_hash, _hash(browser))
        ):
            raise Refused("That took too long, was used already, or began in another browser.", advice="Start again.")
        about = await self._provider.description()
        if (answer.issuer or about.names_itself) and answer.issuer != about.issuer:
            raise Refused("The answer is of another provider than the council's.", advice="Start again.")
        if answer.error or not answer.code:
            raise Refused(
                f"The council's sign-in said no ({_word(answer.error)}).",
                advice="Start again, or sign in with your passkey.",
            )
        return await self._prove(about, under, answer.code)

    async def _prove(self, about: Description, under: _Under, code: str) -> Proven:
        settings = self._settings
        token, access = await self._provider.tokens(about, code, under.verifier, under.redirect)
        keys = await self._provider.keys(about, key_name(token))
        max_age_s = settings.oidc_max_age_minutes * 60
        expected = Expected(about.issuer, settings.oidc_client_id, under.nonce, under.begun_us, max_age_s)
        claims = checked_claims(token, keys, about.algorithms, expected, self._clock.now_us())
        name = named(claims, settings.oidc_match)
        if not name:
            told = await self._provider.userinfo(about, access)
            if told.get("sub") == claims["sub"]:  # OpenID Connect Core, section 5.3.2: else it is of somebody else
                name = named(told, settings.oidc_match)
        strong = second_factor(claims, settings.oidc_require_amr, settings.oidc_require_acr)
        return Proven(about.issuer, claims["sub"], name, strong)

    async def logged_out(self, token: str) -> str:
        """The subject whose logout token this is; each token counts once. Raises BadInput, Unavailable."""
        settings, about = self._settings, await self._provider.description()
        keys = await self._provider.keys(about, key_name(token[:_LONGEST_HEAD]))
        now_us = self._clock.now_us()
        subject, name = logout_subject(token, keys, about.algorithms, about.issuer, settings.oidc_client_id, now_us)
        with self._lock:
            if name in self._logged_out:
                raise bad_token("it was used already")
            self._logged_out[name] = None
            while len(self._logged_out) > _KEPT:
                self._logged_out.popitem(last=False)
        return subject

    async def way_out(self) -> str:
        """The provider's log-out page, "" where it has none or is away."""
        try:
            about = await self._provider.description()
        except Unavailable:
            return ""
        return end_url(about.end_session, self._settings.oidc_client_id, self._settings.origin)

    def wait_for_passkey(self, question: str, account_id: str, proven: Proven) -> None:
        """Remember that this account's passkey has to answer `question` before it is let in."""
        with self._lock:
            self._half[question] = self._clock.monotonic_us() + LIFE_US, account_id, proven
            while len(self._half) > _KEPT:
                self._half.popitem(last=False)

    def waited_for(self, question: str) -> tuple[str, Proven]:
        """The account whose passkey has to answer, once. Raises Refused."""
        with self._lock:
            expires_us, account_id, proven = self._half.pop(question, (0, "", None))
        if proven is None or expires_us <= self._clock.monotonic_us():
            raise Refused("That took too long, or was answered already.", advice="Start again.")
        return account_id, proven


def _hash(browser: str) -> str:
    return hashlib.sha256(browser.encode()).hexdigest()


def _word(error: str) -> str:
    """An error code as OAuth 2.0 has them; a stranger's other words are not repeated."""
    plain = error.replace("_", "")
    return error if 0 < len(error) <= 40 and plain.isascii() and plain.isalpha() else "no answer"
