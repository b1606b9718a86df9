"""One's grants."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from belvedere.hub.access import passkey_routes, people_routes, session_routes
from belvedere.hub.access.doors import CurrentSession, CurrentUser, signed_in
from belvedere.hub.access.grants import GrantAsk
from belvedere.hub.reach import hub_of
from belvedere.policy.grant import Action, Grant

router = APIRouter(tags=["access"])
router.include_router(session_routes.router)
router.include_router(passkey_routes.router)
router.include_router(people_routes.router)


class GrantIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

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
