"""Where passkeys belong. A passkey works for one host name only (WebAuthn level 3, section 5.1.3), which the hub has to know."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from belvedere.foundation.errors import Refused

_USUAL_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The host name that passkeys are made for, and the one origin that may use them."""

    id: str
    origin: str


def relying_party(configured: str, connection: HTTPConnection) -> RelyingParty:
    """That of `[hub] origin`; without one, of this very machine as `localhost`. Raises Refused where there is neither.

    An address in numbers can't have passkeys: browsers refuse. The port of a Host header counts only where it is the hub's own.
    """
    if configured:
        return RelyingParty(urlsplit(configured).hostname or "", configured.rstrip("/"))
    asked = urlsplit(f"//{connection.headers.get('host', '')}")
    port = (connection.scope.get("server") or ("", None))[1] or _USUAL_PORTS.get(connection.url.scheme)
    try:
        same_port = (asked.port or _USUAL_PORTS.get(connection.url.scheme)) == port
    except ValueError:  # not a number
        same_port = False
    if asked.hostname == "localhost" and same_port:
        return RelyingParty("localhost", f"{connection.url.scheme}://{asked.netloc}")
    raise Refused(
        "Passkeys need the control room's own name, and this address is not it.",
        advice=f"On this machine open http://localhost:{port}; elsewhere somebody has to set [hub] origin.",
    )
