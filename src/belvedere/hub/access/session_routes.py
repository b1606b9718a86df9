"""Signing in and out, one's password, one's open sessions."""

from typing import Annotated, Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from belvedere.foundation.errors import NotFound, NotSignedIn, Refused
from belvedere.hub.access.devices import keep_device
from belvedere.hub.access.doors import (
    SECURE_COOKIE,
    CurrentSession,
    CurrentUser,
    cookie_name,
    device_cookie_name,
    entering,
    public,
    signed_in,
    signed_in_of,
)
from belvedere.hub.access.entering import must_add_passkey, must_change_password, password_shut
from belvedere.hub.access.origin import relying_party
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.access.users import SignIn
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room

router = Room("access")

SESSION_OPENED = "session.opened"
SESSION_REFUSED = "session.refused"
SESSION_CLOSED = "session.closed"
SESSION_REVOKED = "session.revoked"
PASSWORD_CHANGED = "password.changed"
NOBODY = "nobody"  # actor of what a stranger did


class Body(BaseModel):
    """What a page sends: nothing that is not expected."""

    model_config = ConfigDict(extra="forbid")


class LogIn(Body):
    username: Annotated[str, Field(max_length=128)]
    password: Annotated[str, Field(max_length=512, description="Password, or the one-time code.")]


class NewPassword(Body):
    password: Annotated[str, Field(max_length=512)]
    current: Annotated[str, Field(max_length=512, description="Needed unless signed in by a one-time code.")] = ""


class Question(BaseModel):
    """What an authenticator is to sign; `options` is WebAuthn's JSON."""

    id: str
    options: dict[str, Any]


class Answer(Body):
    """What the authenticator made of it; `credential` is WebAuthn's JSON."""

    id: Annotated[str, Field(max_length=64)]
    credential: dict[str, Any]


class UserOut(BaseModel):
    id: str
    name: str
    display: str
    role: str
    roles: list[str]


class SessionOut(BaseModel):
    user: UserOut
    csrf: str
    must_change_password: bool
    must_add_passkey: bool
    has_passkey: bool
    offer_passkey: bool
    expires_us: int
    idle_us: int


class OpenSessionOut(BaseModel):
    id: str
    this: bool
    agent: str
    address: str
    by: str
    created_us: int
    used_us: int
    expires_us: int


class SessionList(BaseModel):
    sessions: list[OpenSessionOut]


class Ended(BaseModel):
    ended: int


def session_out(session: SignedIn, request: Request) -> SessionOut:
    """What the page is told of its session."""
    user, settings = session.user, hub_of(request).settings.hub
    return SessionOut(
        user=UserOut(id=user.id, name=user.name, display=user.display, role=user.role, roles=sorted(user.roles)),
        csrf=session.csrf,
        must_change_password=must_change_password(settings, session),
        must_add_passkey=must_add_passkey(settings, session),
        has_passkey=user.has_passkey,
        offer_passkey=settings.step_up_codes and session.by_code and not user.has_passkey,
        expires_us=session.expires_us,
        idle_us=settings.session_idle_minutes * 60_000_000,
    )


def address_of(request: Request) -> str:
    """Where a request came from, for the log and for counting tries."""
    return request.client.host if request.client else ""


async def enter(sign_in: SignIn, how: str, request: Request, response: Response, facts: dict[str, str]) -> SessionOut:
    """Open a session for somebody who proved to be who they are; the one that this browser had ends."""
    hub = hub_of(request)
    before = await run_in_threadpool(_session_before, request)
    if before is not None:
        await run_in_threadpool(hub.sessions.close, before.key)
        await hub.grants.end_shift(before)
    device = keep_device(request, response, device_cookie_name(request))
    told = {"by": how, "address": address_of(request), "agent": device.agent, **facts}
    await hub.audit.append(SESSION_OPENED, sign_in.user.id, told)
    token, session = await run_in_threadpool(hub.sessions.open, sign_in, address_of(request), device)
    cookie = cookie_name(request)
    response.set_cookie(cookie, token, path="/", secure=cookie == SECURE_COOKIE, httponly=True, samesite="strict")
    return session_out(session, request)


def _session_before(request: Request) -> SignedIn | None:
    try:
        return signed_in_of(request)
    except NotSignedIn:
        return None


@router.post("/api/session")
@public
async def log_in(body: LogIn, request: Request, response: Response) -> SessionOut:
    """Sign in with a password or a one-time code; sets the session cookie.

    401 for any wrong pair, 403 after too many tries, and for a right password of an account that is opened by a passkey.
    """
    hub = hub_of(request)
    name, address = body.username.strip().lower(), address_of(request)
    hub.tries.take(name, address)
    sign_in = await run_in_threadpool(hub.users.check, name, body.password)
    if sign_in is None:
        # The name typed may be a password in the wrong field: it is kept only where it is an account's.
        known = await run_in_threadpool(hub.users.find, name)
        await hub.audit.append(SESSION_REFUSED, NOBODY, {"account": known.id if known else "", "address": address})
        raise NotSignedIn(
            "That name and password don't match an account.", advice="Check both, or ask for a new one-time code."
        )
    if not sign_in.by_code and password_shut(hub.settings.hub, sign_in.user):
        facts = {"account": sign_in.user.id, "address": address, "reason": "a password alone"}
        await hub.audit.append(SESSION_REFUSED, NOBODY, facts)
        raise Refused(
            "This account signs in with a passkey; a password alone opens nothing.",
            advice="Use your passkey. If it is lost, ask for a one-time code.",
        )
    hub.tries.forget(name, address)
    return await enter(sign_in, "code" if sign_in.by_code else "password", request, response, {})


@router.post("/api/session/passkey/begin")
@public
async def begin_passkey(request: Request) -> Question:
    """What `navigator.credentials.get` takes to sign in. 403 at an address that can't have passkeys."""
    hub = hub_of(request)
    pending, options = hub.passkeys.begin_sign_in(relying_party(hub.settings.hub.origin, request))
    return Question(id=pending.id, options=options)


@router.post("/api/session/passkey")
@public
async def log_in_with_passkey(body: Answer, request: Request, response: Response) -> SessionOut:
    """Sign in with a passkey; sets the session cookie. 403 when the answer does not hold, or after too many tries."""
    hub = hub_of(request)
    key, address = f"passkey {str(body.credential.get('id', ''))[:64]}", address_of(request)
    hub.tries.take(key, address)
    try:
        known = await run_in_threadpool(hub.passkeys.sign_in, body.id, body.credential)
        user = await run_in_threadpool(hub.users.by_id, known.account_id)
        if user is None or user.disabled:
            raise Refused("This account is closed.", advice="Ask whoever looks after the accounts.")
    except Refused as refusal:
        await hub.audit.append(SESSION_REFUSED, NOBODY, {"address": address, "reason": refusal.message})
        raise
    hub.tries.forget(key, address)
    sign_in = SignIn(user, by_code=False, passkey=known.id)
    return await enter(sign_in, "passkey", request, response, {"credential": known.credential_id})


@router.get("/api/session")
@entering
async def session(session: CurrentSession, request: Request) -> SessionOut:
    """Who is signed in."""
    return session_out(session, request)


@router.delete("/api/session", status_code=204)
@entering
async def log_out(request: Request, response: Response, session: CurrentSession) -> None:
    """Sign out. The accesses that last for the shift end with it."""
    hub = hub_of(request)
    await run_in_threadpool(hub.sessions.close, session.key)
    await hub.grants.end_shift(session)
    await hub.audit.append(SESSION_CLOSED, session.user.id, {})
    name = cookie_name(request)
    response.delete_cookie(name, path="/", secure=name == SECURE_COOKIE, httponly=True, samesite="strict")


@router.get("/api/sessions")
@signed_in
async def sessions(request: Request, session: CurrentSession) -> SessionList:
    """One's own open sessions, last used first."""
    found = await run_in_threadpool(hub_of(request).sessions.of, session.user.id)
    return SessionList(
        sessions=[
            OpenSessionOut(
                id=each.key,
                this=each.key == session.key,
                agent=each.agent,
                address=each.address,
                by=each.by,
                created_us=each.created_us,
                used_us=each.used_us,
                expires_us=each.expires_us,
            )
            for each in found
        ]
    )


@router.delete("/api/sessions/{session_id}", status_code=204)
@signed_in
async def revoke_session(session_id: str, request: Request, user: CurrentUser) -> None:
    """End one of one's own sessions, wherever it is open; its live pictures stop within two seconds."""
    found = await run_in_threadpool(hub_of(request).sessions.by_key, user.id, session_id)
    if found is None:
        raise NotFound("You have no such session, or it has ended.", advice="Look at the list under Settings.")
    await _revoke(request, found)


@router.delete("/api/sessions")
@signed_in
async def revoke_other_sessions(request: Request, session: CurrentSession) -> Ended:
    """End every other session of one's own."""
    desk, ended = hub_of(request).sessions, 0
    for each in await run_in_threadpool(desk.of, session.user.id):
        found = await run_in_threadpool(desk.by_key, session.user.id, each.key)
        if found is not None and found.key != session.key:
            await _revoke(request, found)
            ended += 1
    return Ended(ended=ended)


async def _revoke(request: Request, gone: SignedIn) -> None:
    hub = hub_of(request)
    await run_in_threadpool(hub.sessions.close, gone.key)
    await hub.grants.end_shift(gone)
    await hub.audit.append(SESSION_REVOKED, gone.user.id, {"session": gone.key[:16]})


@router.post("/api/password", status_code=204)
@entering
async def set_password(body: NewPassword, request: Request, session: CurrentSession) -> None:
    """Set one's own password, 12 characters or more. Every other session of the account ends."""
    hub = hub_of(request)
    user = session.user
    if session.by_council and not user.has_password:
        raise Refused(
            "You sign in with the council's account; a password would be a way round its second factor.",
            advice="Add a passkey, for when the council's sign-in is away.",
        )
    if user.has_password and not session.by_code:
        address = address_of(request)
        hub.tries.take(user.name, address)
        if await run_in_threadpool(hub.users.check, user.name, body.current) is None:
            await hub.audit.append(SESSION_REFUSED, NOBODY, {"account": user.id, "address": address})
            raise Refused("That is not your present password.", advice="Type the present one and the new one.")
        hub.tries.forget(user.name, address)
    await run_in_threadpool(hub.users.set_password, user, body.password)
    ended = await run_in_threadpool(hub.sessions.close_others, user.id, session.key)
    await hub.audit.append(PASSWORD_CHANGED, user.id, {"sessions_ended": ended})
