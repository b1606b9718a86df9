"""Signing in with the council's account. The provider sends people back to a page, which posts the answer here.

So the cookies stay SameSite=Strict, and the session opens with a request of the control room's own page, as for every other way in.
"""

import secrets
from typing import Annotated

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from belvedere.foundation.errors import BelvedereError, Refused
from belvedere.hub.access import oidc_logout, session_routes
from belvedere.hub.access.doors import SECURE_COOKIE, cookie_name, public
from belvedere.hub.access.oidc import LIFE_US, Answer, Proven
from belvedere.hub.access.origin import relying_party
from belvedere.hub.access.session_routes import NOBODY, SESSION_REFUSED, Body, Question, SessionOut, address_of
from belvedere.hub.access.users import SignIn, User
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room

router = Room("access")
router.add(oidc_logout.router)

COUNCIL_BOUND = "council.bound"
COOKIE = "belvedere-council"
SECURE = "__Host-belvedere-council"


class CouncilOut(BaseModel):
    """Whether people can sign in with the council's account here."""

    configured: bool


class Leading(BaseModel):
    """Where the page goes next: the provider's own page."""

    url: str


class AnswerIn(Body):
    """The query that the provider sent the browser back with."""

    state: Annotated[str, Field(max_length=128)]
    code: Annotated[str, Field(max_length=8192)] = ""
    iss: Annotated[str, Field(max_length=512)] = ""
    error: Annotated[str, Field(max_length=128)] = ""


class CouncilEntry(BaseModel):
    """Signed in; or the question that the person's passkey has to answer first, where the provider proved one factor only."""

    session: SessionOut | None
    question: Question | None


@router.get("/api/session/council")
@public
async def council(request: Request) -> CouncilOut:
    """Whether the log-in page offers it."""
    return CouncilOut(configured=hub_of(request).council.configured)


@router.post("/api/session/council/begin")
@public
async def begin(request: Request, response: Response) -> Leading:
    """Where to sign in; sets a cookie without which the answer counts for nothing. 503 when the provider is away."""
    hub = hub_of(request)
    _count(request, secrets.token_urlsafe(8))
    begun = await hub.council.begin()
    name = _cookie(request)
    response.set_cookie(
        name,
        begun.browser,
        max_age=LIFE_US // 1_000_000,
        path="/",
        secure=name == SECURE,
        httponly=True,
        samesite="strict",
    )
    return Leading(url=begun.url)


@router.post("/api/session/council")
@public
async def finish(body: AnswerIn, request: Request, response: Response) -> CouncilEntry:
    """Sign in with what the provider answered; sets the session cookie, or asks for the passkey.

    403 when the answer does not hold, or is of somebody without an open account here; 503 when the provider is away.
    """
    hub, facts = hub_of(request), {"by": "council", "address": address_of(request)}
    _count(request, body.state)
    name = _cookie(request)
    response.delete_cookie(name, path="/", secure=name == SECURE, httponly=True, samesite="strict")
    try:
        answer = Answer(body.state, body.code, body.iss, body.error)
        proven = await hub.council.finish(answer, request.cookies.get(name, ""))
        facts |= {"subject": proven.subject, "told": proven.name[:128]}
        user, _bound = await run_in_threadpool(hub.council_accounts.find, proven)
        facts |= {"account": user.id}
        if proven.second_factor:
            return CouncilEntry(session=await _let_in(request, response, proven, user, ""), question=None)
        if not user.has_passkey:
            raise Refused(
                "The council's sign-in proved no second factor, and your account here has no passkey.",
                advice="Ask for a one-time code, sign in with it, and add a passkey.",
            )
    except BelvedereError as error:
        await hub.audit.append(SESSION_REFUSED, NOBODY, {**facts, "reason": error.message})
        raise
    pending, options = hub.passkeys.begin_sign_in(relying_party(hub.settings.hub.origin, request))
    hub.council.wait_for_passkey(pending.id, user.id, proven)
    return CouncilEntry(session=None, question=Question(id=pending.id, options=options))


@router.post("/api/session/council/passkey")
@public
async def finish_with_passkey(body: session_routes.Answer, request: Request, response: Response) -> SessionOut:
    """The second factor: a passkey of the same person. 403 when it is somebody else's, or the answer does not hold."""
    hub = hub_of(request)
    _count(request, body.id)
    facts = {"by": "council", "address": address_of(request)}
    try:
        account_id, proven = hub.council.waited_for(body.id)
        facts |= {"account": account_id}
        known = await run_in_threadpool(hub.passkeys.sign_in, body.id, body.credential)
        user, _bound = await run_in_threadpool(hub.council_accounts.find, proven)
        if known.account_id != account_id or user.id != account_id:
            raise Refused("That passkey is not of the person who signed in.", advice="Start again with your own.")
        return await _let_in(request, response, proven, user, known.id)
    except BelvedereError as error:
        await hub.audit.append(SESSION_REFUSED, NOBODY, {**facts, "reason": error.message})
        raise


async def _let_in(request: Request, response: Response, proven: Proven, user: User, passkey: str) -> SessionOut:
    """Open the session of somebody proven twice; the first time, keep who they are at the provider."""
    hub = hub_of(request)
    _user, bound = await run_in_threadpool(hub.council_accounts.find, proven)
    if not bound:
        facts = {"account": user.id, "issuer": proven.issuer, "subject": proven.subject}
        await hub.audit.append(COUNCIL_BOUND, user.id, facts)
        await run_in_threadpool(hub.council_accounts.bind, proven, user)
    sign_in = SignIn(user, by_code=False, passkey=passkey, by_council=True)
    told = {"subject": proven.subject, "second_factor": "passkey" if passkey else "council"}
    return await session_routes.enter(sign_in, "council", request, response, told)


def _count(request: Request, what: str) -> None:
    """Strangers fill neither the log nor the hub's time: so many requests from one address. Raises Refused."""
    hub_of(request).tries.take(f"council {what[:16]}", address_of(request))


def _cookie(request: Request) -> str:
    return SECURE if cookie_name(request) == SECURE_COOKIE else COOKIE
