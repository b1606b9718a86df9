"""Doors: who may call a route. Every route declares one, below its path; the hub refuses to start with one that does not.

    @router.get("/api/timeline")
    @granted(Action.PLAYBACK)
    async def timeline(request: Request, user: CurrentUser, grant: str, ...) -> ...:
        usable = await hub_of(request).grants.use(user, grant, Action.PLAYBACK, cameras)

The declaration is also what is enforced: `enforce` runs before every route of every room (`app.py` sees to it).
`granted` asks for a session; which cameras and which span only the route knows, so it calls `grants.use` itself.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from anyio import from_thread
from fastapi import Depends
from starlette.requests import HTTPConnection, Request
from starlette.websockets import WebSocket

from belvedere.foundation.errors import NotSignedIn, Refused
from belvedere.hub.access import devices
from belvedere.hub.access.entering import must_add_passkey, must_change_password
from belvedere.hub.access.sessions import Moved, SignedIn
from belvedere.hub.access.users import User
from belvedere.hub.reach import hub_of
from belvedere.policy.grant import Action

COOKIE = "belvedere"
SECURE_COOKIE = "__Host-belvedere"
CSRF_HEADER = "X-Belvedere-CSRF"
AWAY_HEADER = "X-Belvedere-Away"  # a page asks by itself, nobody touched it for a minute: no use of the session
SESSION_MOVED = "session.moved"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_ATTRIBUTE = "belvedere_door"
_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])


class DoorKind(StrEnum):
    PUBLIC = "public"
    ENTERING = "entering"
    SIGNED_IN = "signed_in"
    ROLES = "roles"
    GRANTED = "granted"


@dataclass(frozen=True, slots=True)
class Door:
    """Who may call one route."""

    kind: DoorKind
    roles: frozenset[str] = frozenset()
    action: Action | None = None

    def __str__(self) -> str:
        detail = ", ".join(sorted(self.roles)) if self.roles else (self.action or "")
        return f"{self.kind} ({detail})" if detail else str(self.kind)


def _attach(endpoint: _Endpoint, door: Door) -> _Endpoint:
    setattr(endpoint, _ATTRIBUTE, door)
    return endpoint


def public(endpoint: _Endpoint) -> _Endpoint:
    """Anybody, signed in or not."""
    return _attach(endpoint, Door(DoorKind.PUBLIC))


def entering(endpoint: _Endpoint) -> _Endpoint:
    """Everybody with an account, also one who signed in by a one-time code and has yet to choose a way in of their own."""
    return _attach(endpoint, Door(DoorKind.ENTERING))


def signed_in(endpoint: _Endpoint) -> _Endpoint:
    """Everybody with an account. Nothing behind it shows a picture."""
    return _attach(endpoint, Door(DoorKind.SIGNED_IN))


def roles(*names: str) -> Callable[[_Endpoint], _Endpoint]:
    """Users with one of these roles. Nothing behind it shows a picture."""
    return lambda endpoint: _attach(endpoint, Door(DoorKind.ROLES, roles=frozenset(str(name) for name in names)))


def granted(action: Action) -> Callable[[_Endpoint], _Endpoint]:
    """Users who name a grant for `action`; the route passes it to `grants.use` before it reads anything."""
    return lambda endpoint: _attach(endpoint, Door(DoorKind.GRANTED, action=action))


def door_of(endpoint: object) -> Door | None:
    """The declaration of a route's function, None when it has none."""
    door = getattr(endpoint, _ATTRIBUTE, None)
    return door if isinstance(door, Door) else None


def undeclared(routes: Iterable[tuple[str, object]]) -> list[str]:
    """Paths of the routes (path, function) that declare no door."""
    return [path for path, endpoint in routes if door_of(endpoint) is None]


def cookie_name(connection: HTTPConnection) -> str:
    """Over TLS only the name that browsers refuse to take from another host (RFC 6265bis, cookie prefixes)."""
    return SECURE_COOKIE if connection.url.scheme in ("https", "wss") else COOKIE


def device_cookie_name(connection: HTTPConnection) -> str:
    """The cookie of the browser's own id."""
    return devices.SECURE_COOKIE if cookie_name(connection) == SECURE_COOKIE else devices.COOKIE


def signed_in_of(connection: HTTPConnection) -> SignedIn:
    """The session of a request or WebSocket, extended by this use. Raises NotSignedIn.

    Blocking at its first call, which has to be made in a worker thread of the event loop.
    """
    known = getattr(connection.state, "signed_in", None)
    if isinstance(known, SignedIn):
        return known
    hub = hub_of(connection)
    device = devices.device_of(connection, device_cookie_name(connection))
    used = AWAY_HEADER not in connection.headers
    found = hub.sessions.find(connection.cookies.get(cookie_name(connection), ""), device, used=used)
    if isinstance(found, Moved):
        facts = {"session": found.key[:16], "opened_in": found.opened_in, "seen_in": found.seen_in}
        from_thread.run(hub.audit.append, SESSION_MOVED, found.user_id, facts)
        raise NotSignedIn("Your session was opened in another browser, so it has ended.", advice="Sign in again.")
    if found is None:
        raise NotSignedIn("You are not signed in, or were away for too long.", advice="Sign in.")
    connection.state.signed_in = found
    return found


def enforce(connection: HTTPConnection) -> None:
    """Let through who may call the route matched, raise NotSignedIn or Refused for the rest."""
    door = door_of(connection.scope.get("endpoint"))
    if door is None:
        raise Refused("Nobody may call this address.", advice="This is a fault in the software: report it.")
    unsafe = connection.scope["type"] == "websocket" or connection.scope["method"] not in _SAFE
    if unsafe:
        _require_same_origin(connection)
    if door.kind is DoorKind.PUBLIC:
        return
    session = signed_in_of(connection)
    if unsafe and connection.scope["type"] == "http" and connection.headers.get(CSRF_HEADER) != session.csrf:
        raise Refused("This page is out of date.", advice="Reload the page and try again.")
    if door.kind is not DoorKind.ENTERING:
        settings = hub_of(connection).settings.hub
        if must_add_passkey(settings, session):
            raise Refused("Add a passkey first: your role works with one only.", advice="The log-in page leads you.")
        if must_change_password(settings, session):
            raise Refused("Add a passkey or choose a password first.", advice="The log-in page leads you.")
    if door.kind is DoorKind.ROLES and not session.user.roles & door.roles:
        raise Refused(
            f"Your role ({', '.join(sorted(session.user.roles))}) may not do this.",
            advice=f"Ask a colleague: {', '.join(sorted(door.roles))}.",
        )


def _require_same_origin(connection: HTTPConnection) -> None:
    """Browsers say where a request came from; another site's pages get nothing, whatever cookies travel along."""
    origin = connection.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != connection.headers.get("host", ""):
        raise Refused("This request came from another site's page.", advice="Open the control room itself.")
    if connection.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Refused("This request came from another site's page.", advice="Open the control room itself.")


async def current_session(request: Request) -> SignedIn:
    """The session of a request behind a door, as a dependency. Raises NotSignedIn."""
    return _known(request)


async def current_user(request: Request) -> User:
    """The user of a request behind a door, as a dependency. Raises NotSignedIn."""
    return _known(request).user


def user_of(websocket: WebSocket) -> User:
    """The user of a WebSocket behind a door. Raises NotSignedIn."""
    return _known(websocket).user


def session_key_of(websocket: WebSocket) -> str:
    """What `hub.sessions.alive` wants to hear every few seconds while a WebSocket stays open."""
    return _known(websocket).key


def _known(connection: HTTPConnection) -> SignedIn:
    """The session that `enforce` found; never asks the database, so it is fit for the event loop."""
    known = getattr(connection.state, "signed_in", None)
    if not isinstance(known, SignedIn):
        raise NotSignedIn("You are not signed in.", advice="Sign in.")
    return known


CurrentUser = Annotated[User, Depends(current_user)]
CurrentSession = Annotated[SignedIn, Depends(current_session)]
