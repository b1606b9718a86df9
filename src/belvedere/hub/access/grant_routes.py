"""More time for one's own grants; ending those of others."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from belvedere.hub.access.doors import CurrentSession, CurrentUser, roles, signed_in
from belvedere.hub.access.grants import REVOKERS
from belvedere.hub.access.shapes import GrantList, GrantOut, grant_out
from belvedere.hub.reach import hub_of

router = APIRouter(tags=["access"])


class Why(BaseModel):
    """A reason in the person's own words; the log keeps it."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=500)]


@router.post("/api/grants/{grant_id}/renew")
@signed_in
async def renew_grant(grant_id: str, body: Why, request: Request, session: CurrentSession) -> GrantOut:
    """More time for one's own access: a new grant, decided anew; the old one ends. 403 as for a new one."""
    return grant_out(await hub_of(request).grants.renew(session, grant_id, body.reason))


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
