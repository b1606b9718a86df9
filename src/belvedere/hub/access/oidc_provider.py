"""The council's OpenID provider as the hub meets it over HTTP: its description, keys, tokens and what it tells about a person."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlsplit

import msgspec

from belvedere.foundation.clock import HOUR_US, MINUTE_US, SECOND_US, Clock
from belvedere.foundation.errors import Refused, Unavailable
from belvedere.foundation.settings import HubSettings
from belvedere.hub.access.oidc_token import ALGORITHMS, verifying_keys

if TYPE_CHECKING:
    import httpx
    from joserfc import jwk

_KEPT_US = HOUR_US  # description and keys
_AGAIN_US = MINUTE_US  # keys are fetched again for an unknown name no more often than this
_REST_US = 5 * SECOND_US  # after it did not answer; who asks meanwhile is told at once
_STEP_S = 5.0  # connecting, and each wait for bytes
_WHOLE_S = 10.0  # one request
_LONGEST = 1 << 20  # bytes of an answer


@dataclass(frozen=True, slots=True)
class Description:
    """What the provider's discovery document says, as far as we use it (OpenID Connect Discovery 1.0)."""

    # Invariant: exactly the configured address.
    issuer: str
    authorize: str
    token: str
    keys: str
    userinfo: str  # "" where there is none
    algorithms: tuple[str, ...]  # of ALGORITHMS, at least one
    names_itself: bool  # its answers carry `iss` (RFC 9207)
    secret_in_body: bool  # takes the client secret in the body only
    end_session: str = ""  # where people log out (RP-Initiated Logout 1.0); "" where there is no such page


class Provider:
    """Fetches and remembers. For the event loop. Every method raises Unavailable when the provider is away or not usable."""

    def __init__(
        self, settings: HubSettings, clock: Clock, transport: "httpx.AsyncBaseTransport | None" = None
    ) -> None:
        """`settings` are read at each use. `transport` is for tests."""
        self._settings = settings
        self._clock = clock
        self._transport = transport
        self._lock = asyncio.Lock()
        self._description: tuple[int, Description] | None = None
        self._keys: tuple[int, list[jwk.Key]] | None = None
        self._away: tuple[int, Unavailable] | None = None

    async def description(self) -> Description:
        """The provider's description, an hour old at most."""
        async with self._lock:
            now_us = self._clock.monotonic_us()
            known = self._description
            if known and known[1].issuer == self._settings.oidc_issuer and now_us - known[0] < _KEPT_US:
                return known[1]
            if self._away and now_us - self._away[0] < _REST_US:
                raise self._away[1].with_traceback(None)
            from authlib.oidc.discovery import get_well_known_url

            issuer = self._settings.oidc_issuer
            try:
                found = described(issuer, await self._ask("GET", get_well_known_url(issuer, external=True)))
            except Unavailable as error:
                self._away = self._clock.monotonic_us(), error
                raise
            self._description, self._keys, self._away = (now_us, found), None, None
            return found

    async def keys(self, description: Description, name: str) -> "list[jwk.Key]":
        """Its keys, an hour old at most; fetched anew when the one called `name` is not among them."""
        async with self._lock:
            now_us = self._clock.monotonic_us()
            if self._keys is not None:
                age_us = now_us - self._keys[0]
                if age_us < (_KEPT_US if any(key.kid == name for key in self._keys[1]) else _AGAIN_US):
                    return self._keys[1]
            found = verifying_keys(await self._ask("GET", description.keys))
            self._keys = now_us, found
            return found

    async def tokens(self, description: Description, code: str, verifier: str, redirect: str) -> tuple[str, str]:
        """The ID token and access token of a code, which is spent by this. Raises Refused when the provider says no."""
        settings, secret = self._settings, await asyncio.to_thread(self._secret)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": verifier,
        }
        headers = {}
        if secret and not description.secret_in_body:
            headers["Authorization"] = basic(settings.oidc_client_id, secret)
        else:
            form["client_id"] = settings.oidc_client_id
            if secret:
                form["client_secret"] = secret
        told = await self._ask("POST", description.token, headers=headers, form=form)
        if not isinstance(told.get("id_token"), str):
            raise _not_usable("it gave no ID token")
        access = told.get("access_token")
        return told["id_token"], access if isinstance(access, str) else ""

    async def userinfo(self, description: Description, access: str) -> dict[str, Any]:
        """What it tells about the person whom the access token is of; nothing where it has no such address."""
        if not description.userinfo or not access:
            return {}
        return await self._ask("GET", description.userinfo, headers={"Authorization": f"Bearer {access}"})

    def _secret(self) -> str:
        file = self._settings.oidc_client_secret_file
        if not file:
            return ""
        try:
            return Path(file).read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            raise _not_usable("the hub can't read the file with its client secret") from error

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The JSON mapping at an address: no redirects followed, bounded in time and size."""
        import httpx

        try:
            async with (
                asyncio.timeout(_WHOLE_S),
                httpx.AsyncClient(timeout=_STEP_S, transport=self._transport, trust_env=False) as client,
                client.stream(
                    method, url, headers={"Accept": "application/json", **(headers or {})}, data=form
                ) as answer,
            ):
                status, body = answer.status_code, bytearray()
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > _LONGEST:
                        raise _not_usable("its answer is too long")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise Unavailable(
                "The council's sign-in does not answer.",
                advice="Try again in a minute. Until then sign in with your passkey, or ask for a one-time code.",
            ) from error
        try:
            told = msgspec.json.decode(bytes(body))
        except msgspec.DecodeError:
            told = None
        if status == 400 and method == "POST" and isinstance(told, dict) and told.get("error") == "invalid_grant":
            raise Refused(
                "The council's sign-in does not know this answer, or it was used already.", advice="Start again."
            )
        if status != 200 or not isinstance(told, dict):
            raise _not_usable(f"it answered {status}")
        return told


def described(issuer: str, document: Mapping[str, Any]) -> Description:
    """The description in a discovery document. Raises Unavailable where it is another's, or can't do what we ask for."""
    if document.get("issuer") != issuer:
        raise _not_usable("it calls itself by another name than [hub] oidc_issuer")
    methods = document.get("code_challenge_methods_supported", ["S256"])
    if not isinstance(methods, list) or "S256" not in methods:
        raise _not_usable("it does not know PKCE with S256")
    offered = document.get("id_token_signing_alg_values_supported")
    algorithms = tuple(name for name in ALGORITHMS if isinstance(offered, list) and name in offered)
    if not algorithms:
        raise _not_usable(f"it signs with none of {', '.join(ALGORITHMS)}")
    authentications = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    in_body = isinstance(authentications, list) and "client_secret_basic" not in authentications
    return Description(
        issuer=issuer,
        authorize=_address(issuer, document, "authorization_endpoint"),
        token=_address(issuer, document, "token_endpoint"),
        keys=_address(issuer, document, "jwks_uri"),
        userinfo=_address(issuer, document, "userinfo_endpoint") if "userinfo_endpoint" in document else "",
        algorithms=algorithms,
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
        secret_in_body=in_body,
        end_session=_address(issuer, document, "end_session_endpoint") if "end_session_endpoint" in document else "",
    )


def basic(client_id: str, secret: str) -> str:
    """The Authorization header of a client: both are form-encoded first (RFC 6749, section 2.3.1)."""
    from authlib.oauth2.auth import ClientAuth

    _uri, headers, _body = ClientAuth(quote_plus(client_id), quote_plus(secret)).prepare("POST", "", {}, "")
    return str(headers["Authorization"])


def _address(issuer: str, document: Mapping[str, Any], name: str) -> str:
    """An address of the document: encrypted, unless the provider is on this very machine."""
    value = document.get(name)
    if isinstance(value, str):
        ours, theirs = urlsplit(issuer), urlsplit(value)
        if theirs.scheme == "https" or (ours.scheme == "http" and ours.netloc == theirs.netloc):
            return value
    raise _not_usable(f"its {name} is missing, or not encrypted")


def _not_usable(what: str) -> Unavailable:
    return Unavailable(
        f"The council's sign-in can't be used: {what}.",
        advice="Tell whoever looks after the control room. Until then sign in with your passkey, or ask for a one-time code.",
    )
