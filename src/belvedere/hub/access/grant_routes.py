"""More time for one's own grants; how they ended; ending those of others."""

from typing import Annotated

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from belvedere.foundation.clock import DAY_US
from belvedere.hub.access.doors import CurrentSession, CurrentUser, roles, signed_in
from belvedere.hub.access.ended import ended_of
from belvedere.hub.access.grants import REVOKERS
from belvedere.hub.access.shapes import EndedList, EndedOut, GrantList, GrantOut, grant_out
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room

router = Room("access")
SHOWN_US = 7 * DAY_US


class Why(BaseModel):
    """A reason in the person's own words; the log keeps it."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=500)]


@router.post("/api/grants/{grant_id}/renew")
@signed_in
async def renew_grant(grant_id: str, body: Why, request: Request, session: CurrentSession) -> GrantOut:
    """More time for one's own access: a new grant, decided anew; the old one ends. 403 as for a new one."""
    return grant_out(await hub_of(request).grants.renew(session, grant_id, body.reason))


@router.get("/api/grants/ended")
@signed_in
async def ended_grants(request: Request, user: CurrentUser) -> EndedList:
    """One's own that ended before their time in the last seven days: by whom, and why."""
    hub = hub_of(request)

    def load() -> EndedList:
        found = ended_of(hub.engine, user.id, hub.clock.now_us() - SHOWN_US)
        names = {each.id: each.display for each in hub.users.all()} if found else {}
        return EndedList(
            ended=[
                EndedOut(
                    id=each.id,
                    purpose_text=each.purpose_text,
                    case=each.case,
                    cameras=list(each.cameras),
                    ended_us=each.ended_us,
                    expires_us=each.expires_us,
                    by=names.get(each.by, each.by),
                    mine=each.by == user.id,
                    reason=each.reason,
                    renewed=each.renewed,
                )
                for each in found
            ]
        )

    return await run_in_threadpool(load)


@router.get("/api/grants/all")
@roles(*REVOKERS)
async def all_grants(request: Request) -> GrantList:
    """Everybody's live grants, newest first, for those who may end them. Shows no picture."""
    return GrantList(grants=[grant_out(grant) for grant in await hub_of(request).grants.all_live()])


@router.post("/api/grants/{grant_id}/revoke", status_code=204)
@roles(*REVOKERS)
async def revoke_grant(grant_id: str, body: Why, request: Request, user: CurrentUser) -> None:
    """End somebody's access at once, with a reason; their pictures stop within two seconds."""
    await hub_of(request).grants.revoke(user, grant_id, body.reason)
