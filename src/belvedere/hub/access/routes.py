"""Signing in and out, one's password, one's grants."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from belvedere.foundation.errors import NotSignedIn, Refused
from belvedere.hub.access.doors import (
    SECURE_COOKIE,
    CurrentSession,
    CurrentUser,
    cookie_name,
    public,
    signed_in,
    signed_in_of,
)
from belvedere.hub.access.grants import GrantAsk
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.reach import hub_of
from belvedere.policy.grant import Action, Grant

router = APIRouter(tags=["access"])

SESSION_OPENED = "session.opened"
SESSION_REFUSED = "session.refused"
SESSION_CLOSED = "session.closed"
PASSWORD_CHANGED = "password.changed"
NOBODY = "nobody"  # actor of what a stranger did


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LogIn(_Body):
    username: Annotated[str, Field(max_length=128)]
    password: Annotated[str, Field(max_length=512, description="Password, or the one-time code.")]


class NewPassword(_Body):
    password: Annotated[str, Field(max_length=512)]
    current: Annotated[str, Field(max_length=512, description="Needed unless signed in by a one-time code.")] = ""


class UserOut(BaseModel):
    id: str
    name: str
    display: str
    role: str


class SessionOut(BaseModel):
    user: UserOut
    csrf: str
    must_change_password: bool
    expires_us: int


class GrantIn(_Body):
    purpose: Annotated[str, Field(max_length=64)]
    cameras: Annotated[list[Annotated[str, Field(max_length=48)]], Field(max_length=5000)] = []
    case: Annotated[str, Field(max_length=128)] = ""
    from_us: int | None = None
    to_us: int | None = None
    actions: list[Action] = []
    reason: Annotated[str, Field(max_length=500)] = ""


class GrantOut(BaseModel):
    id: str
    purpose: str
    purpose_text: str
    case: str
    cameras: list[str]
    from_us: int
    to_us: int
    actions: list[Action]
    issued_us: int
    expires_us: int
    masked: bool
    user_name: str


class GrantList(BaseModel):
    grants: list[GrantOut]


def _session_out(session: SignedIn, request: Request) -> SessionOut:
    user = session.user
    asked_for = hub_of(request).settings.hub.password_after_code
    return SessionOut(
        user=UserOut(id=user.id, name=user.name, display=user.display, role=user.role),
        csrf=session.csrf,
        must_change_password=asked_for and (session.by_code or not user.has_password),
        expires_us=session.expires_us,
    )


def _grant_out(grant: Grant) -> GrantOut:
    return GrantOut(
        id=grant.id,
        purpose=grant.purpose,
        purpose_text=grant.purpose_text,
        case=grant.case,
        cameras=sorted(grant.cameras),
        from_us=grant.from_us,
        to_us=grant.to_us,
        actions=sorted(grant.actions),
        issued_us=grant.issued_us,
        expires_us=grant.expires_us,
        masked=grant.masked,
        user_name=grant.user_name,
    )


@router.post("/api/session")
@public
async def log_in(body: LogIn, request: Request, response: Response) -> SessionOut:
    """Sign in with a password or a one-time code; sets the session cookie. 401 for any wrong pair, 403 after too many tries."""
    hub = hub_of(request)
    name = body.username.strip().lower()
    address = request.client.host if request.client else ""
    hub.tries.take(name, address)
    sign_in = await run_in_threadpool(hub.users.check, name, body.password)
    if sign_in is None:
        # The name typed may be a password in the wrong field: it is kept only where it is an account's.
        known = await run_in_threadpool(hub.users.find, name)
        await hub.audit.append(SESSION_REFUSED, NOBODY, {"account": known.id if known else "", "address": address})
        raise NotSignedIn(
            "That name and password don't match an account.", advice="Check both, or ask for a new one-time code."
        )
    hub.tries.forget(name, address)
    before = await run_in_threadpool(_session_before, request)
    if before is not None:
        await run_in_threadpool(hub.sessions.close, before.key)
        await hub.grants.end_shift(before)
    how = "code" if sign_in.by_code else "password"
    await hub.audit.append(SESSION_OPENED, sign_in.user.id, {"by": how, "address": address})
    token, session = await run_in_threadpool(hub.sessions.open, sign_in, address)
    cookie = cookie_name(request)
    response.set_cookie(cookie, token, path="/", secure=cookie == SECURE_COOKIE, httponly=True, samesite="strict")
    return _session_out(session, request)


def _session_before(request: Request) -> SignedIn | None:
    try:
        return signed_in_of(request)
    except NotSignedIn:
        return None


@router.get("/api/session")
@signed_in
async def session(session: CurrentSession, request: Request) -> SessionOut:
    """Who is signed in."""
    return _session_out(session, request)


@router.delete("/api/session", status_code=204)
@signed_in
async def log_out(request: Request, response: Response, session: CurrentSession) -> None:
    """Sign out. The accesses that last for the shift end with it."""
    hub = hub_of(request)
    await run_in_threadpool(hub.sessions.close, session.key)
    await hub.grants.end_shift(session)
    await hub.audit.append(SESSION_CLOSED, session.user.id, {})
    name = cookie_name(request)
    response.delete_cookie(name, path="/", secure=name == SECURE_COOKIE, httponly=True, samesite="strict")


@router.post("/api/password", status_code=204)
@signed_in
async def set_password(body: NewPassword, request: Request, session: CurrentSession) -> None:
    """Set one's own password, 12 characters or more. Every other session of the account ends."""
    hub = hub_of(request)
    user = session.user
    if user.has_password and not session.by_code:
        address = request.client.host if request.client else ""
        hub.tries.take(user.name, address)
        if await run_in_threadpool(hub.users.check, user.name, body.current) is None:
            await hub.audit.append(SESSION_REFUSED, NOBODY, {"account": user.id, "address": address})
            raise Refused("That is not your present password.", advice="Type the present one and the new one.")
        hub.tries.forget(user.name, address)
    await run_in_threadpool(hub.users.set_password, user, body.password)
    ended = await run_in_threadpool(hub.sessions.close_others, user.id, session.key)
    await hub.audit.append(PASSWORD_CHANGED, user.id, {"sessions_ended": ended})


@router.post("/api/grants")
@signed_in
async def issue_grant(body: GrantIn, request: Request, session: CurrentSession) -> GrantOut:
    """Ask for access to footage. 403 with the reason when the policy says no."""
    ask = GrantAsk(
        purpose=body.purpose,
        cameras=frozenset(body.cameras),
        actions=frozenset(body.actions),
        case=body.case,
        from_us=body.from_us,
        to_us=body.to_us,
        reason=body.reason,
    )
    return _grant_out(await hub_of(request).grants.issue(session, ask))


@router.get("/api/grants")
@signed_in
async def grants(request: Request, user: CurrentUser) -> GrantList:
    """One's own live grants, newest first."""
    return GrantList(grants=[_grant_out(grant) for grant in await hub_of(request).grants.live(user)])


@router.delete("/api/grants/{grant_id}", status_code=204)
@signed_in
async def end_grant(grant_id: str, request: Request, user: CurrentUser) -> None:
    """End one's own grant at once."""
    await hub_of(request).grants.end(user, grant_id)
