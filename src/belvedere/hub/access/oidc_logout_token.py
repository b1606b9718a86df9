"""Logout tokens of the council's provider: what makes one true (OpenID Connect Back-Channel Logout 1.0, section 2.6)."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import BadInput
from belvedere.hub.access.oidc_token import ALGORITHMS, OLDEST_S, SKEW_S, jwt_header

if TYPE_CHECKING:
    from joserfc import jwk

EVENT = "http://schemas.openid.net/event/backchannel-logout"
_ADVICE = "Look into the provider's settings for this client."


def logout_subject(
    token: str, keys: "Collection[jwk.Key]", algorithms: Collection[str], issuer: str, client_id: str, now_us: int
) -> tuple[str, str]:
    """Who logged out (`sub`) and the token's own name (`jti`), of a logout token that holds (section 2.6). Raises BadInput."""
    from joserfc import jwk, jwt  # here for the reason in oidc.py
    from joserfc.errors import JoseError

    allowed = [name for name in ALGORITHMS if name in algorithms]
    try:
        kind = str(jwt_header(token).get("typ", "")).lower().removeprefix("application/")
        if kind not in ("", "jwt", "logout+jwt"):
            raise bad_token("it is a token of another kind")
        claims: Mapping[str, Any] = jwt.decode(token, jwk.KeySet(list(keys)), algorithms=allowed).claims
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise bad_token("its signature does not hold") from error
    now_s = now_us // SECOND_US
    issued, expires = _seconds(claims, "iat"), _seconds(claims, "exp")
    audience = claims.get("aud")
    events = claims.get("events")
    subject, name = claims.get("sub"), claims.get("jti")
    if claims.get("iss") != issuer:
        raise bad_token("it is of another provider")
    if audience != client_id and not (isinstance(audience, list) and client_id in audience):
        raise bad_token("it is meant for others")
    if not now_s - OLDEST_S <= issued <= now_s + SKEW_S or expires < now_s - SKEW_S:
        raise bad_token("it is not of now")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict) or "nonce" in claims:
        raise bad_token("it is not about logging out")
    if not isinstance(name, str) or not 0 < len(name) <= 255:
        raise bad_token("it has no name of its own")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise bad_token("it names a session and no person")
    return subject, name


def end_url(address: str, client_id: str, origin: str) -> str:
    """The provider's log-out page for people of this client, "" where it has none."""
    if not address:
        return ""
    words = urlencode({"client_id": client_id, "post_logout_redirect_uri": origin.rstrip("/") + "/"})
    return f"{address}{'&' if '?' in address else '?'}{words}"


def _seconds(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**40:
        raise bad_token(f"it lacks {name}")
    return int(value)


def bad_token(what: str) -> BadInput:
    """The refusal of a logout token."""
    return BadInput(f"The logout token does not hold: {what}.", advice=_ADVICE)
