"""Log-out with the council's provider, both ways: it tells us that somebody logged out there, and we lead who logs out here to it.

OpenID Connect Back-Channel Logout 1.0 and RP-Initiated Logout 1.0. No ID token is kept, so the provider may ask the person once
more whether they mean it.
"""

from urllib.parse import parse_qs

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from belvedere.foundation.errors import BadInput
from belvedere.hub.access.doors import CurrentSession, entering, public
from belvedere.hub.access.oidc_logout_token import bad_token
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.context import HubContext
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room

router = Room("access")

ENDED_BY_COUNCIL = "session.ended_by_council"
_LONGEST = 32_768  # bytes of a request


class Left(BaseModel):
    """`url`: where the provider's own session is ended; "" where there is none."""

    url: str = Field(description="The provider's log-out page, to go to next; empty where there is none.")


@router.get("/api/session/council/leave")
@entering
async def leave(request: Request, session: CurrentSession) -> Left:
    """Where to sign out at the council too, for who signed in with its account. Asked before signing out here."""
    hub = hub_of(request)
    return Left(url=await hub.council.way_out() if session.by_council else "")


@router.post("/api/session/council/logout", status_code=200, response_class=Response)
@public
async def council_logged_out(request: Request) -> Response:
    """For the provider alone: a logout token (form field `logout_token`). Ends every session here that its person opened with
    the council's account. 400 for a token that does not hold, which costs a signature check and leaves nothing behind.
    """
    hub = hub_of(request)
    if not hub.council.configured:
        raise BadInput("This control room knows no council accounts.", advice="Set [hub] oidc_issuer.")
    token = await _token_of(request)
    subject = await hub.council.logged_out(token)
    account = await run_in_threadpool(hub.council_accounts.account_of, hub.settings.hub.oidc_issuer, subject)
    ended = await _end_all(hub, account) if account else 0
    if account:
        await hub.audit.append(ENDED_BY_COUNCIL, account, {"sessions": ended})
    return Response(headers={"Cache-Control": "no-store"})


async def _token_of(request: Request) -> str:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST:
            raise bad_token("it is too long")
    try:
        found = parse_qs(body.decode("ascii"), max_num_fields=8).get("logout_token", [])
    except ValueError:
        found = []
    if len(found) != 1:
        raise bad_token("there is none")
    return found[0]


async def _end_all(hub: HubContext, account_id: str) -> int:
    """End the sessions that this account opened with the council's account; how many."""
    ended = 0
    for each in await run_in_threadpool(hub.sessions.of, account_id):
        found = await run_in_threadpool(hub.sessions.by_key, account_id, each.key)
        if isinstance(found, SignedIn) and found.by_council:
            await run_in_threadpool(hub.sessions.close, found.key)
            await hub.grants.end_shift(found)
            ended += 1
    return ended
