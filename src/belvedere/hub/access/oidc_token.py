"""ID tokens of the council's provider: what makes one true for this sign-in, and whether it proves a second factor.

OpenID Connect Core 1.0, section 3.1.3.7; RFC 8725 for algorithms. joserfc checks signatures, Authlib the claims' shapes.
"""

import base64
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import Refused

if TYPE_CHECKING:
    from joserfc import jwk

ALGORITHMS = ("RS256", "ES256")
SKEW_S = 60  # between the provider's clock and ours
OLDEST_S = 600  # since it was issued: a sign-in is over within minutes
_LONGEST = 32_768  # signs of a token
_MOST_KEYS = 64
_LEAST_RSA_BITS = 2048
_LONGEST_SUBJECT = 255  # OpenID Connect Core, section 2


@dataclass(frozen=True, slots=True)
class Expected:
    """What the token of one sign-in has to say."""

    issuer: str
    client_id: str
    nonce: str
    begun_us: int
    max_age_s: int


def verifying_keys(document: Any) -> "list[jwk.Key]":
    """The RSA and P-256 keys of a JWK set that verify signatures; others are left out, short ones too."""
    from joserfc import jwk
    from joserfc.errors import JoseError

    found: list[jwk.Key] = []
    entries = document.get("keys") if isinstance(document, dict) else None
    for entry in (entries if isinstance(entries, list) else [])[:_MOST_KEYS]:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        public = {name: value for name, value in entry.items() if name in ("kty", "kid", "n", "e", "crv", "x", "y")}
        try:
            key: jwk.RSAKey | jwk.ECKey
            if public.get("kty") == "RSA":
                key = jwk.RSAKey.import_key(public)
                if key.raw_value.key_size < _LEAST_RSA_BITS:
                    continue
            elif public.get("kty") == "EC" and public.get("crv") == "P-256":
                key = jwk.ECKey.import_key(public)
            else:
                continue
        except (JoseError, ValueError, TypeError, KeyError):  # a key that is none; others may be good
            continue
        found.append(key)
    return found


def key_name(token: str) -> str:
    """The name (`kid`) of the key that a token says it is signed with, "" without one. Unchecked."""
    try:
        return str(jwt_header(token).get("kid", ""))
    except ValueError:
        return ""


def jwt_header(token: str) -> dict[str, Any]:
    """The unchecked header of a token. Raises ValueError."""
    part = token.split(".", 1)[0]
    header = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if not isinstance(header, dict):
        raise ValueError("the header is no mapping")
    return header


def checked_claims(
    token: str, keys: "Collection[jwk.Key]", algorithms: Collection[str], expected: Expected, now_us: int
) -> dict[str, Any]:
    """The claims of a token that is signed by the provider, meant for us, fresh and of this very sign-in. Raises Refused."""
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwk, jwt
    from joserfc.errors import JoseError

    if len(token) > _LONGEST:
        raise _wrong("it is too long")
    allowed = [name for name in ALGORITHMS if name in algorithms]
    now_s = now_us // SECOND_US
    try:
        decoded = jwt.decode(token, jwk.KeySet(list(keys)), algorithms=allowed)
        options = {"iss": {"essential": True, "value": expected.issuer}, "aud": {"essential": True}}
        shape = CodeIDToken(decoded.claims, decoded.header, options, {"client_id": expected.client_id})
        shape.validate(now=now_s, leeway=SKEW_S)
    except JoseError as error:
        raise _wrong(error.error) from error
    except (ValueError, TypeError, KeyError) as error:  # not a token at all, or of shapes that nobody sends
        raise _wrong("it can't be read") from error
    claims = dict(decoded.claims)
    if claims["aud"] not in (expected.client_id, [expected.client_id]):
        raise _wrong("it is meant for others too")
    if claims.get("nonce") != expected.nonce:
        raise _wrong("it belongs to another sign-in")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise _wrong("it names nobody")
    if not now_s - OLDEST_S <= _seconds(claims, "iat") <= now_s + SKEW_S:
        raise _wrong("it is not of now")
    if _seconds(claims, "auth_time") < expected.begun_us // SECOND_US - expected.max_age_s - SKEW_S:
        raise _wrong("the person proved too long ago who they are")
    return claims


def _seconds(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**40:
        raise _wrong(f"it lacks {name}")
    return int(value)


def second_factor(claims: Mapping[str, Any], methods: Collection[str], levels: Collection[str]) -> bool:
    """Whether checked claims prove a second factor: one of `methods` in `amr`, or `acr` one of `levels`."""
    used = claims.get("amr")
    by_method = isinstance(used, list) and any(isinstance(one, str) and one in methods for one in used)
    level = claims.get("acr")
    return by_method or (isinstance(level, str) and level in levels)


def named(claims: Mapping[str, Any], match: str) -> str:
    """The account name that claims give, "" for none. An e-mail address counts only where the provider verified it."""
    value = claims.get(match)
    if not isinstance(value, str) or (match == "email" and claims.get("email_verified") is not True):
        return ""
    return value.strip() if match == "sub" else value.strip().lower()


def _wrong(what: str) -> Refused:
    return Refused(
        f"The answer of the council's sign-in does not hold: {what}.",
        advice="Start again. If it stays, tell whoever looks after the council's accounts.",
    )
